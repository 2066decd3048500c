# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Metrics files of verl's ``file`` logger, one per launch, joined to the history of the policy that came out."""

from __future__ import annotations

import json
import math
import re
import reprlib
from pathlib import Path
from typing import Any, NamedTuple

from v05_verl.schema import Schema, Whole, checked

Records = dict[int, dict[str, float]]

ACCURACY = re.compile(r"(?s)val-core/(?P<source>.+)/acc/mean@(?P<n>[1-9]\d{0,8})")
_HUGE = 1e300
SPENT = ("v05/spent/rollouts", "v05/spent/tokens")
STEPS = "lab/steps"
"""Training steps that a record of the light loop stands for, with means over them; verl writes a record per step."""


class Record(Schema):
    """One line of verl's file logger."""

    step: Whole
    data: dict[str, Any]
    """By metric; null is verl's NaN."""


class LaunchLog(NamedTuple):
    """What one launch wrote."""

    records: Records
    """Metrics by step, in the order written."""
    is_cut_off: bool
    """Whether the last line is incomplete."""
    notes: list[str]
    """What is wrong with the file, in sentences."""


class History(NamedTuple):
    """The steps that led to the last policy."""

    records: Records
    """Metrics by step, ascending."""
    launch: dict[int, int]
    """Index of the launch that trained each step; steps that were only validated are absent."""
    is_cut_off: bool
    """Whether the last launch's file ends within a line, so that the run's end is not known."""
    notes: list[str]


def read_launch(path: Path) -> LaunchLog:
    """One metrics file.

    A last line that was cut off (the launch was killed while it wrote) is left out and noted.

    Raises:
        ValueError: another line is not a record ``{"step": s, "data": {metric: value}}``; a metric is no number, an
            accuracy not in [0, 1], a count negative.
    """
    lines = path.read_bytes().splitlines()
    records: Records = {}
    is_cut_off = False
    name = f"{path.parent.name}/{path.name}"
    notes = [] if lines else [f"{name} is empty: its launch ended before the first validation or step"]
    for number, line in enumerate(lines, start=1):
        where = f"{path}, line {number}"
        try:
            written = json.loads(line)
        except (ValueError, RecursionError) as error:
            if number < len(lines):
                raise ValueError(
                    f"{where}, is not a record of verl's file logger ({error}). Only a last line can be cut off by a "
                    "kill, so the file was damaged otherwise: restore it, or delete it to report without"
                ) from error
            is_cut_off = True
            notes.append(f"{name}, line {number} (the last), is cut off and left out")
            continue
        record = checked(Record, written, f"{where}, is not a record of verl's file logger")
        records.setdefault(record.step, {}).update(_numbers(record, where))
    return LaunchLog(records, is_cut_off, notes)


def join(launches: list[LaunchLog]) -> History:
    """The launches of one run as one history.

    A launch goes on from a checkpoint: from the step that it validates first, or from the one before the step that it
    trains first. What earlier launches did after that checkpoint is not part of the final policy and is dropped. Where
    both wrote the checkpoint's step (its training, and its validation after the restart), metrics are united and the
    later value of a metric wins.
    """
    records: Records = {}
    launch: dict[int, int] = {}
    notes: list[str] = []
    for index, log in enumerate(launches):
        notes += log.notes
        if not log.records:
            continue
        checkpoint = _checkpoint(log.records)
        repeated = [(step, step) for step in sorted(launch) if step > checkpoint]
        if repeated:
            notes.append(
                f"launch {index + 1} went on from step {checkpoint}: {_span(repeated)} of the launch before it "
                "were lost and are not counted"
            )
        for step in [step for step in records if step > checkpoint]:
            del records[step]
            launch.pop(step, None)
        for step, data in log.records.items():
            records.setdefault(step, {}).update(data)
            if not _is_validation_only(data):
                launch[step] = index
    gaps = _gaps(records, launch)
    if gaps:
        notes.append(f"no training metrics of {_span(gaps)}")
    is_cut_off = bool(launches) and launches[-1].is_cut_off
    return History(dict(sorted(records.items())), launch, is_cut_off, notes)


def _numbers(record: Record, where: str) -> dict[str, float]:
    """The metrics of a record; what is not finite is not known (NaN). ValueError names the metric that is wrong."""
    data = {}
    for metric, value in record.data.items():
        if not isinstance(value, int | float | None):
            raise ValueError(f"{where}: {metric!r:.80} = {reprlib.repr(value)} is not a number")
        data[metric] = math.nan if value is None or not abs(value) < _HUGE else float(value)
        least, most = _range(metric, record.step)
        if least > -math.inf and not least <= data[metric] <= most:
            raise ValueError(f"{where}: {metric!r:.80} = {reprlib.repr(value)} is not from {least:g} to {most:g}")
    return data


def _range(metric: str, step: int) -> tuple[float, float]:
    """What a metric can be; one with bounds cannot be NaN."""
    if ACCURACY.fullmatch(metric):
        return 0, 1 + 1e-6  # a mean of rates, with its rounding
    if metric == STEPS:
        return 1, step
    return (0 if metric in SPENT or metric.startswith("timing_s/") else -math.inf), math.inf


def _checkpoint(records: Records) -> int:
    first = min(records)
    return first if _is_validation_only(records[first]) else first - 1


def _is_validation_only(data: dict[str, float]) -> bool:
    return all(metric.startswith("val-") for metric in data)


def _gaps(records: Records, launch: dict[int, int]) -> list[tuple[int, int]]:
    """(first, last) of the steps up to the last one that no record of training stands for."""
    gaps, reached = [], 0
    for step in sorted(launch):
        first = step - int(records[step].get(STEPS, 1)) + 1
        if first > reached + 1:
            gaps.append((reached + 1, first - 1))
        reached = step
    last = max(records, default=0)
    return [*gaps, (reached + 1, last)] if last > reached else gaps


def _span(steps: list[tuple[int, int]]) -> str:
    """``steps``: (first, last), ascending."""
    count, first, last = sum(to - since + 1 for since, to in steps), steps[0][0], steps[-1][1]
    return f"step {first}" if count == 1 else f"{count} steps between {first} and {last}"

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Metrics files of verl's ``file`` logger, one per launch, joined to the history of the policy that came out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

Records = dict[int, dict[str, float]]

STEPS = "lab/steps"
"""Training steps that a record of the light loop stands for, with means over them; verl writes a record per step."""


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
        ValueError: another line is not a record ``{"step": s, "data": {metric: value}}``.
    """
    lines = path.read_bytes().splitlines()
    records: Records = {}
    is_cut_off = False
    name = f"{path.parent.name}/{path.name}"
    notes = [] if lines else [f"{name} is empty: its launch ended before the first validation or step"]
    for number, line in enumerate(lines, start=1):
        try:
            step, data = _parse(line)
        except ValueError as error:
            if number < len(lines):
                raise ValueError(
                    f"{path}, line {number}, is not a record of verl's file logger ({error}). Only a last line can be "
                    "cut off by a kill, so the file was damaged otherwise: restore it, or delete it to report without"
                ) from error
            is_cut_off = True
            notes.append(f"{name}, line {number} (the last), is cut off and left out")
            continue
        records.setdefault(step, {}).update(data)
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
        repeated = sorted(step for step in launch if step > checkpoint)
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
    trained = {step - before for step in launch for before in range(int(records[step].get(STEPS, 1)))}
    gaps = sorted(set(range(1, max(records, default=0) + 1)) - trained)
    if gaps:
        notes.append(f"no training metrics of {_span(gaps)}")
    is_cut_off = bool(launches) and launches[-1].is_cut_off
    return History(dict(sorted(records.items())), launch, is_cut_off, notes)


def _parse(line: bytes) -> tuple[int, dict[str, float]]:
    record = json.loads(line)
    if not isinstance(record, dict) or not isinstance(record.get("step"), int) or "data" not in record:
        raise ValueError("step or data is missing")
    return record["step"], record["data"]


def _checkpoint(records: Records) -> int:
    first = min(records)
    return first if _is_validation_only(records[first]) else first - 1


def _is_validation_only(data: dict[str, float]) -> bool:
    return all(metric.startswith("val-") for metric in data)


def _span(steps: list[int]) -> str:
    if len(steps) == 1:
        return f"step {steps[0]}"
    return f"{len(steps)} steps between {steps[0]} and {steps[-1]}"

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""The learning rate of each arm, chosen on seeds that are not reported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from v05_verl.lab.study import Job, run_all
from v05_verl.report.aggregate import default_headline
from v05_verl.report.runs import load_run

EXTENSIONS = 3

Scores = dict[float, float]


def tune(jobs: Sequence[Job], grid: Sequence[float], out: Path, processes: int) -> dict[str, Scores]:
    """Mean final sampled accuracy of each arm at each rate tried.

    All arms start from ``grid``. Where the best rate is the smallest or largest tried, half or twice of it is tried as
    well, at most ``EXTENSIONS`` times, so that no arm is held back by the grid.

    Args:
        jobs: the runs to tune on, one per arm and tuning seed; their own learning rate is not used.
    """
    ends: dict[str, dict[float, list[float]]] = {}
    todo = [replace(job, learning_rate=rate) for job in jobs for rate in grid]
    for _ in range(1 + EXTENSIONS):
        run_all(todo, out, processes)
        for job in todo:
            run = load_run(out / job.path)
            final = run.final_accuracy(default_headline(list(run.accuracy)))
            ends.setdefault(job.arm, {}).setdefault(job.learning_rate, []).append(final)
        scores = {arm: {rate: float(np.mean(of)) for rate, of in sorted(rates.items())} for arm, rates in ends.items()}
        todo = [replace(job, learning_rate=rate) for job in jobs for rate in beyond_edge(scores[job.arm])]
        if not todo:
            break
    return scores


def best_rate(scores: Scores) -> float:
    """The rate with the best score, the smallest one of several."""
    return max(sorted(scores), key=scores.__getitem__)


def beyond_edge(scores: Scores) -> list[float]:
    """The rate to try next; none where the best one has a worse one on either side, or was the only one."""
    best = best_rate(scores)
    if len(scores) == 1 or min(scores) < best < max(scores):
        return []
    return [best * 2 if best == max(scores) else best / 2]

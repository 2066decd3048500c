# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Sums over runs of equal keys in sorted rows, and the rollouts that a baseline may use."""

from __future__ import annotations

import numpy as np


class Segments:
    """Runs of equal keys in sorted rows.

    Attributes:
        start: (N,) index of the first row of each row's run.
        count: (N,) number of rows of each row's run.
    """

    def __init__(self, is_start: np.ndarray):
        self._first_rows = np.flatnonzero(is_start)
        self._run = np.cumsum(is_start) - 1
        self.start = self._first_rows[self._run]
        self.count = np.bincount(self._run)[self._run]

    def total(self, values: np.ndarray) -> np.ndarray:
        """(N,) sum of ``values`` (N,) over each row's run."""
        return np.add.reduceat(values, self._first_rows)[self._run]


def starts(*keys: np.ndarray) -> np.ndarray:
    """(N,) bool, where a run of equal ``keys`` (each (N,), N >= 1, sorted) begins."""
    changed: np.ndarray = np.zeros(len(keys[0]), dtype=bool)
    changed[0] = True
    for key in keys:
        changed[1:] |= key[1:] != key[:-1]
    return changed


def admissible(
    rewards: np.ndarray, group: np.ndarray, wave: np.ndarray, in_group: Segments
) -> tuple[np.ndarray, np.ndarray]:
    """Sum and count, each (N,), of the rollouts that row i may use without its own reward deciding which they are.

    In the first wave of a group those are the other rollouts of that wave, in a later one all rollouts of earlier
    waves. Ours; see ``baseline.row_baselines``, kind "predictable". Rows are sorted by group, then wave; N >= 1.
    """
    in_wave = Segments(starts(group, wave))
    first_wave = in_wave.start == in_group.start
    before = np.concatenate([[0.0], np.cumsum(rewards)])
    earlier_total = before[in_wave.start] - before[in_group.start]
    earlier_count = in_wave.start - in_group.start
    total = np.where(first_wave, in_wave.total(rewards) - rewards, earlier_total)
    count = np.where(first_wave, in_wave.count - 1, earlier_count)
    return total, count

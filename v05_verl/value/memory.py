# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""What is remembered of every prompt: its own outcomes, pooled over visits and discounted by age. Ours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, logit

from v05_verl.core import checks
from v05_verl.state_checks import check_fields, state_array
from v05_verl.value.base import hash_of

MAX_PROMPTS = 200_000
_SAFE = 0.02  # levels are shifted from and to as if they lay in [_SAFE, 1 - _SAFE]


class PromptTable:
    """Columns of numbers for at most ``max_prompts`` prompts, known by id; the one written longest ago goes first.

    Args:
        width: numbers per prompt.
        max_prompts: at least 1.
    """

    def __init__(self, width: int, max_prompts: int = MAX_PROMPTS):
        self._width, self._max_prompts = width, max_prompts
        self._rows: dict[int, int] = {}  # id -> row; written longest ago first
        self._values = np.zeros((0, width))

    def read(self, ids: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """(known, values): (B,) booleans, and (B, width) numbers, 0 where an id is not known."""
        rows = np.fromiter((self._rows.get(i, -1) for i in ids), np.int64, len(ids))
        known = rows >= 0
        values = np.zeros((len(ids), self._width))
        values[known] = self._values[rows[known]]
        return known, values

    def write(self, ids: Sequence[int], values: np.ndarray) -> None:
        """Stores (B, width) ``values`` under B distinct ``ids``; of more than the table holds the last are kept."""
        ids, values = ids[-self._max_prompts :], values[-self._max_prompts :]
        rows = np.empty(len(ids), dtype=np.int64)
        for k, i in enumerate(ids):
            row = self._rows.pop(i, None)
            if row is None:
                full = len(self._rows) >= self._max_prompts
                row = self._rows.pop(next(iter(self._rows))) if full else len(self._rows)
            rows[k] = self._rows[i] = row
        if len(self._rows) > len(self._values):
            grown = np.zeros((min(2 * len(self._rows), self._max_prompts), self._width))
            grown[: len(self._values)] = self._values
            self._values = grown
        self._values[rows] = values

    def state(self) -> dict[str, np.ndarray]:
        """Ids and their numbers, written longest ago first."""
        rows = np.fromiter(self._rows.values(), np.int64, len(self._rows))
        return {"ids": np.fromiter(self._rows, np.int64, len(rows)), "values": self._values[rows]}

    def load(self, state: dict[str, Any], check: Callable[[np.ndarray], object]) -> None:
        """Takes over what :meth:`state` returned, the last ``max_prompts``; ValueError where it is damaged.

        ``check`` is asked about the (prompts, width) values first, and raises ValueError where they cannot be.
        """
        check_fields("prompt table", state, ("ids", "values"))
        ids = state_array("ids", state["ids"], (None,), np.int64, lo=0)
        values = state_array("values", state["values"], (len(ids), self._width))
        if len(np.unique(ids)) < len(ids):
            raise ValueError("state: ids holds a prompt twice")
        check(values)
        self._rows = {i: row for row, i in enumerate(ids[-self._max_prompts :].tolist())}
        self._values = values[-self._max_prompts :]


class Memory:
    """Discounted outcomes of every prompt, for C ways of discounting them at once::

        f = 2^(-age / half_life)          age in training steps since the prompt's newest outcome
        N = f N' + trials
        S = f S' + successes              shift = 0
        r = sigmoid( logit((S' + m') / (N' + 1)) + shift [logit(m) - logit(m')] )
        S = f clip((N' + 1) r - m, 0, N') + successes                              shift > 0

    m', m: the policy's mean success after the prompt's newest outcome and today. While a policy learns, old outcomes
    of a prompt say less than it can do today. With a shift of 1 a prompt's logit moves as far as the mean's; of 2,
    twice as far: a mean over prompts whose logits spread with sd 3 (U-shaped rates) moves half as far as each of them,
    the attenuation 1 / sqrt(1 + .35 sd^2) of a logistic-normal mean.

    Outcomes may come in any order of steps: one older than the newest of its prompt is discounted by its own age.

    Args:
        half_lives: (C,) steps, > 0; infinite for no discount.
        shifts: (C,) at least 0.
        max_prompts: prompts remembered; the one not observed for longest is dropped first.
    """

    def __init__(self, half_lives: ArrayLike, shifts: ArrayLike, max_prompts: int = MAX_PROMPTS):
        self.half_lives, self.shifts = np.array(half_lives, dtype=float), np.array(shifts, dtype=float)
        self._ways = len(self.half_lives)
        self._table = PromptTable(2 * self._ways + 2, max_prompts)  # successes, trials, newest step, level then

    def evidence(self, ids: Sequence[int], step: int, level: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(B,) whether a prompt is known, (B, C) S and (B, C) N at ``step`` with the policy's mean at ``level``."""
        known, values = self._table.read(ids)
        successes, trials, newest, level_then = self._columns(values)
        level_then = np.where(known[:, None], level_then, level)
        moved = self.shifts * (_safe_logit(level) - _safe_logit(level_then))
        rate = expit(logit(np.clip((successes + level_then) / (trials + 1), 1e-6, 1 - 1e-6)) + moved)
        shifted = np.where(moved == 0, successes, np.clip((trials + 1) * rate - level, 0, trials))
        fade = 0.5 ** (np.maximum(step - newest, 0) / self.half_lives)
        return known, fade * shifted, fade * trials

    def add(
        self, ids: Sequence[int], successes: np.ndarray, trials: np.ndarray, step: int, before: float, after: float
    ) -> None:
        """Takes in outcomes of B distinct prompts; ``before``, ``after``: the policy's mean without and with them."""
        known, old_successes, old_trials = self.evidence(ids, step, before)
        newest = np.where(known, self._table.read(ids)[1][:, 2 * self._ways], step)
        fade = 0.5 ** (np.maximum(newest - step, 0)[:, None] / self.half_lives)
        columns = (
            old_successes + fade * successes[:, None],
            old_trials + fade * trials[:, None],
            np.maximum(newest, step)[:, None],
            np.full((len(ids), 1), after),
        )
        self._table.write(ids, np.hstack(columns))

    def state(self) -> dict[str, Any]:
        """What is known of every prompt."""
        return self._table.state()

    def load(self, state: dict[str, Any]) -> None:
        """Takes over what :meth:`state` returned; ValueError where it is damaged."""
        self._table.load(state, self._check)

    def _columns(self, values: np.ndarray) -> list[np.ndarray]:
        """Successes, trials, newest step and level then, side by side in a table."""
        return np.split(values, [self._ways, 2 * self._ways, 2 * self._ways + 1], axis=1)

    def _check(self, values: np.ndarray) -> None:
        successes, trials, newest, level = self._columns(values)
        checks.between("state: successes", successes, 0, trials)
        checks.between("state: newest step", checks.whole("state: newest step", newest), 0, np.inf)
        checks.unit_interval("state: level", level)


class VisitCounter:
    """How many times each prompt has been seen, for metrics by visit. Bounded like :class:`PromptTable`."""

    def __init__(self, max_prompts: int = MAX_PROMPTS):
        self._table = PromptTable(1, max_prompts)

    def count(self, prompts: Sequence[str]) -> np.ndarray:
        """(B,) int64 number of this visit of each prompt, 1 for the first; a prompt twice in a call is one visit."""
        ids = [hash_of(prompt) for prompt in prompts]
        distinct = list(dict.fromkeys(ids))
        visits = self._table.read(distinct)[1] + 1
        self._table.write(distinct, visits)
        number = dict(zip(distinct, visits[:, 0], strict=True))
        return np.array([number[i] for i in ids], dtype=np.int64)

    def state(self) -> dict[str, Any]:
        """Ids and counts."""
        return self._table.state()

    def load(self, state: dict[str, Any]) -> None:
        """Takes over what :meth:`state` returned; ValueError where it is damaged."""
        self._table.load(state, lambda visits: checks.counts("state: visits", visits))


def _safe_logit(rate: ArrayLike) -> np.ndarray:
    return logit(np.clip(rate, _SAFE, 1 - _SAFE))

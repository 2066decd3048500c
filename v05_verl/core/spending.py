# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Spends a fixed number of rollouts where they are worth most: one budget, a separable sum of gains, whole numbers.

Where every further rollout of a prompt is worth no more than the one before, taking the best next rollouts of all
prompts is optimal (B. Fox, Discrete optimization via marginal analysis, Management Science 13, 1966). Elsewhere
:func:`spend` solves the least concave majorant so and closes the gap in :mod:`v05_verl.core.gap`. Ours.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from v05_verl.core import checks
from v05_verl.core.gap import close_gap, cumulated

_ROUNDING = 16 * np.finfo(np.float64).eps
"""A rise from step to step by less than this share of the row's largest step is a rounding error."""


def spend(step: ArrayLike, n: ArrayLike, room: int) -> np.ndarray:
    """Further rollouts of each prompt that gain most in sum, with Σ further = room exactly.

    Equal gains go to the prompt with fewer rollouts first, then to the lower index; a stretch of rising steps counts
    as one purchase. So a room that nobody can use (all gains 0) is spread evenly. Negative gains are bought as well
    if the room asks for it.

    Args:
        step: (P, M), step[i, m] = gain of prompt i's rollout n_i + m + 1, in any unit. -inf: not allowed, nor is any
            later one. Rows may rise and fall; those that never rise cost O(P M) time and memory in all.
        n: (P,) rollouts that each prompt has, whole numbers of at least 0; read where gains are equal.
        room: rollouts to spend, a whole number of at least 0.

    Returns:
        int64 (P,). The sum of gains is at its maximum, except after the logged warning of ``core.gap.close_gap``.

    Raises:
        ValueError: step not two-dimensional, NaN or +inf in it; n of another length, negative or not whole; room
            negative or not whole, or above what all rows allow together.
    """
    step, room = _checked(step, room)
    n = _checked_counts(n, len(step))
    if room == 0:
        return np.zeros(len(n), dtype=np.int64)
    slope, begin = _majorant(step)
    further, price = _best(slope, begin, n, room)
    return close_gap(step, *_open_blocks(begin, further), price)


def spend_greedily(step: ArrayLike, room: int) -> np.ndarray:
    """Further rollouts of each prompt, bought one at a time: the best next step, of equal ones the lowest index's.

    What a heap of next steps does, without one: a step is reached when all before it are bought, so the heap empties
    in the order of the steps' running minimum. Optimal only where no row rises. Arguments and errors: as
    :func:`spend`.
    """
    step, room = _checked(step, room)
    nothing: np.ndarray = np.zeros(len(step), dtype=np.int64)
    if room == 0:
        return nothing
    reached_at = np.minimum.accumulate(step, axis=1)
    return _best(reached_at, np.broadcast_to(np.int64(0), step.shape), nothing, room)[0]


def spend_in_turn(first: ArrayLike, price: float, second: ArrayLike, n: ArrayLike, room: int) -> np.ndarray:
    """The rollouts that gain more than ``price`` by ``first`` (by that the best of them, if too many), then the rest
    of the room by ``second``.

    ``first`` and ``second`` are (P, M) steps of the same rollouts, allowed in both or in neither; rows of ``first``
    never rise. Other arguments and errors: as :func:`spend`.
    """
    first, room = _checked(first, room)
    n = _checked_counts(n, len(first))
    second = np.asarray(second, dtype=np.float64)
    if second.shape != first.shape:
        raise ValueError(f"both matrices of steps need one shape, got {first.shape} and {second.shape}")
    worth_it = np.logical_and.accumulate(first > price, axis=1)
    wanted = np.count_nonzero(worth_it, axis=1)
    if wanted.sum() >= room:
        return spend(np.where(worth_it, first, -np.inf), n, room)
    later = np.arange(first.shape[1]) + wanted[:, None]
    shifted = np.take_along_axis(second, np.minimum(later, first.shape[1] - 1), axis=1)
    shifted = np.where(later < first.shape[1], shifted, -np.inf)
    return wanted + spend(shifted, n + wanted, room - int(wanted.sum()))


def price_paid(step: ArrayLike, further: ArrayLike) -> float:
    """The least gain of a prompt's last further rollout, over ``spend``'s step and answer; NaN where it bought none."""
    step, further = np.asarray(step, dtype=np.float64), np.asarray(further)
    bought = np.flatnonzero(further)
    return float(step[bought, further[bought] - 1].min()) if bought.size else float("nan")


def split(total: int, weights: ArrayLike) -> np.ndarray:
    """``total`` in whole parts proportional to ``weights``, by largest remainders; equal ones to the lower index.

    Each part is its exact share rounded down or up. So where every weight is a worker's number of prompts, a total
    between l and u per prompt gives every worker a part between l and u per prompt of its own.

    Args:
        total: a whole number of at least 0.
        weights: (W,) whole numbers of at least 0.

    Returns:
        int64 (W,), Σ = total.

    Raises:
        ValueError: total or a weight negative or not whole; weights not one-dimensional; all 0 and a total above 0.
    """
    total, weights = _amount("total", total), checks.whole("weights", weights)
    checks.same_length(weights=weights)
    if np.any(weights < 0):
        raise ValueError(f"weights must be at least 0, got {int(weights.min())}")
    if weights.sum() == 0:
        if total:
            raise ValueError(f"a total of {total} cannot be split: all of the {len(weights)} weights are 0")
        return weights
    part, remainder = np.divmod(total * weights, weights.sum())
    part[np.argsort(-remainder, kind="stable")[: total - part.sum()]] += 1
    return part


class _Majorant(NamedTuple):
    """Least concave majorant of every row's gain, (P, M)."""

    slope: np.ndarray
    """Its steps; no row rises."""
    begin: np.ndarray
    """Column at which the stretch of equal steps begins that can only be bought as one; its own where it can alone."""


def _majorant(step: np.ndarray) -> _Majorant:
    """From 0 one chord to the tangent point (the last of equal ones), from there on again, until no step rises."""
    width = step.shape[1]
    slope = np.minimum.accumulate(step, axis=1)
    begin = np.broadcast_to(np.arange(width, dtype=np.int32), step.shape)
    largest = np.max(np.abs(step), axis=1, initial=0.0, where=np.isfinite(step))
    rises = step[:, 1:] > step[:, :-1] + _ROUNDING * largest[:, None]
    rows = np.flatnonzero(rises.any(axis=1))
    if rows.size:
        begin = begin.copy()
        last_rise = width - 2 - np.argmax(rises[rows, ::-1], axis=1)
        slope[rows], begin[rows] = _with_chords(step[rows], last_rise)
    return _Majorant(slope, begin)


def _with_chords(step: np.ndarray, last_rise: np.ndarray) -> _Majorant:
    width = step.shape[1]
    gain, column = cumulated(step), np.arange(width + 1)
    slope, begin = step.copy(), np.tile(np.arange(width, dtype=np.int32), (len(step), 1))
    at: np.ndarray = np.zeros(len(step), dtype=np.int64)
    active = np.arange(len(step))
    while active.size:
        here = at[active, None]
        mean_gain = gain[active] - np.take_along_axis(gain[active], here, axis=1)
        mean_gain /= np.maximum(column - here, 1)
        mean_gain[column <= here] = -np.inf
        tangent = width - np.argmax(mean_gain[:, ::-1], axis=1)[:, None]
        chord = (column[:-1] >= here) & (column[:-1] < tangent) & (tangent - here > 1)
        slope[active] = np.where(chord, np.take_along_axis(mean_gain, tangent, axis=1), slope[active])
        begin[active] = np.where(chord, here, begin[active])
        at[active] = tangent[:, 0]
        active = active[at[active] <= last_rise[active]]
    return _Majorant(np.minimum.accumulate(slope, axis=1), begin)


def _best(slope: np.ndarray, begin: np.ndarray, n: np.ndarray, room: int) -> tuple[np.ndarray, float]:
    """How many of each row's first steps are among the ``room`` best, and the gain of the last of them.

    Equal ones by the rollouts at which their stretch begins, then by row.
    """
    flat = slope.ravel()
    price = np.partition(flat, flat.size - room)[flat.size - room]
    above = np.count_nonzero(slope > price, axis=1)
    rows, columns = np.nonzero(slope == price)
    rollouts, left = n[rows] + begin[rows, columns], room - int(above.sum())
    level = np.partition(rollouts, left - 1)[left - 1]
    fewer, level = rollouts < level, np.flatnonzero(rollouts == level)
    chosen = np.concatenate([rows[fewer], rows[level[: left - np.count_nonzero(fewer)]]])
    return above + np.bincount(chosen, minlength=len(slope)), float(price)


def _open_blocks(begin: np.ndarray, further: np.ndarray) -> tuple[np.ndarray, int]:
    """Counts without the part of a stretch that the room cut, and how many rollouts that leaves."""
    width = begin.shape[1]
    inside = begin[np.arange(len(begin)), np.minimum(further, width - 1)]
    whole = np.where(further < width, inside, further)
    return whole, int((further - whole).sum())


def _checked(step: ArrayLike, room: int) -> tuple[np.ndarray, int]:
    """A copy of the steps with -inf after the first -inf of each row, and the room."""
    step, room = np.asarray(step, dtype=np.float64), _amount("room", room)
    if step.ndim != 2:
        raise ValueError(f"step must be two-dimensional, prompts by further rollouts, got shape {step.shape}")
    if np.any(np.isnan(step) | (step == np.inf)):
        row, column = np.argwhere(np.isnan(step) | (step == np.inf))[0]
        raise ValueError(f"step[{row}, {column}] = {step[row, column]:g} is neither a finite number nor -inf")
    allowed = np.logical_and.accumulate(step > -np.inf, axis=1)
    if room > np.count_nonzero(allowed):
        raise ValueError(
            f"room for {room} further rollouts, but the {len(step)} prompts allow {np.count_nonzero(allowed)} in all"
        )
    return np.where(allowed, step, -np.inf), room


def _checked_counts(n: ArrayLike, prompts: int) -> np.ndarray:
    n = checks.whole("n", n)
    checks.same_length(n=n, step=np.empty(prompts))
    if np.any(n < 0):
        raise ValueError(f"n[{int(np.argmax(n < 0))}] = {int(n[np.argmax(n < 0)])} must be at least 0")
    return n


def _amount(name: str, value: int) -> int:
    number = checks.whole(name, value)
    if number.ndim or number < 0:
        raise ValueError(f"{name} must be one whole number of at least 0, got {value!r}")
    return int(number)

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""From the optimum of the concave majorant to the optimum in whole numbers, where a budget cuts a stretch of rising
steps.

With the price λ of the last rollout bought, every count m of a prompt has a loss: the most that gain - λ m reaches,
minus what it is at m. The sum of gains is the majorant's bound minus the sum of losses, and the counts ``at`` lose
nothing; they leave ``rest`` rollouts, less than one stretch, to be placed at the least loss. So the loss to be found
does not grow with the number of prompts. Ours; the reduction is that of the core of a knapsack (E. Balas and
E. Zemel, Operations Research 28, 1980).
"""

from __future__ import annotations

import bisect
import logging
from typing import NamedTuple

import numpy as np

logger = logging.getLogger(__name__)

OPERATIONS = 2e9
"""Most additions of the dynamic programme, a stored choice counted as eight (1 GB); above, the start is the answer."""


class Moves(NamedTuple):
    """Changes of single prompts' counts that an optimal answer may need, sorted by prompt."""

    prompt: np.ndarray
    change: np.ndarray
    loss: np.ndarray


def close_gap(step: np.ndarray, at: np.ndarray, rest: int, price: float) -> np.ndarray:
    """Counts with Σ = Σ at + rest and the least loss; ``at`` itself where nothing is left.

    A first answer (one prompt takes the whole rest, or as many as it needs one each) loses the gap. A dynamic
    programme over the moves that lose at most some allowance finds the best answer if that loses no more than the
    allowance, since then all of its moves are among them; the allowance grows up to the gap until it does.

    Args:
        step: (P, M) gains, -inf where not allowed.
        at: (P,) counts at vertices of the majorant, optimal at ``price`` for their sum.
        rest: rollouts left, at least 0; at least one prompt can take them.
        price: λ, finite.
    """
    if rest == 0:
        return at
    worth = cumulated(step)
    worth -= price * np.arange(worth.shape[1])
    top = np.take_along_axis(worth, at[:, None], axis=1)
    loss = np.maximum(top - worth, 0.0)
    rounding = 64 * float(np.finfo(np.float64).eps) * float(np.abs(top).max())
    best = _start(loss, at, rest)
    gap = _lost(loss, best)
    allowance = gap / 64
    while allowance < gap and gap > rounding:
        allowance = min(4 * allowance, gap + rounding)
        moves = _useful_moves(loss, at, rest, allowance)
        down, up = _reach(moves, rest, allowance)
        if (len(moves.prompt) + 8 * len(np.unique(moves.prompt))) * (down + up + 1) > OPERATIONS:
            logger.warning("allocation at most %g below the optimum: closing that gap would take too long", gap)
            break
        change = _programme(moves, rest, down, up, len(at))
        if change is not None and _lost(loss, at + change) < gap:
            best = at + change
            gap = _lost(loss, best)
    return best


def _lost(loss: np.ndarray, counts: np.ndarray) -> float:
    return float(np.take_along_axis(loss, counts[:, None], axis=1).sum())


def cumulated(step: np.ndarray) -> np.ndarray:
    """(P, M + 1) gain of 0, 1, ..., M further rollouts."""
    gain = np.zeros((step.shape[0], step.shape[1] + 1))
    np.cumsum(step, axis=1, out=gain[:, 1:])
    return gain


def _start(loss: np.ndarray, at: np.ndarray, rest: int) -> np.ndarray:
    """The better of two answers: the rest to one prompt, or one each to as many prompts."""
    alone = _loss_after(loss, at, rest)
    one_each = _loss_after(loss, at, 1)
    best, start = int(np.argmin(alone)), at.copy()
    if rest < len(at):
        cheapest = np.argpartition(one_each, rest - 1)[:rest]
        if one_each[cheapest].sum() < alone[best]:
            start[cheapest] += 1
            return start
    start[best] += rest
    return start


def _loss_after(loss: np.ndarray, at: np.ndarray, change: int) -> np.ndarray:
    """(P,) loss of each prompt at ``change`` more; infinite where that is not allowed."""
    column: np.ndarray = at + change
    inside = column < loss.shape[1]
    return np.where(inside, loss[np.arange(len(at)), np.where(inside, column, 0)], np.inf)


def _useful_moves(loss: np.ndarray, at: np.ndarray, rest: int, allowance: float) -> Moves:
    """Moves that lose at most ``allowance``, of those by the same change only as many of the cheapest as can be needed.

    Among the best answers take one with the fewest moves: no part of it sums to 0, as it could be undone at no loss.
    With the change -rest it is then a minimal zero-sum sequence, which has at most as many positive terms as the
    largest negative one is large, and the other way round (J.-L. Lambert, Une borne pour les générateurs des
    solutions entières positives d'une équation diophantienne linéaire, 1987). A move outside the cheapest of its
    change, as many as there can be moves in all, can be replaced by one of those.
    """
    prompt, column = np.nonzero(loss <= allowance)
    change = column - at[prompt]
    prompt, column, change = (field[change != 0] for field in (prompt, column, change))
    lost = loss[prompt, column]
    most = max(int(-change.min(initial=0)), rest) + int(change.max(initial=0))
    kept = []
    order = np.argsort(change, kind="stable")
    for same in np.split(order, np.flatnonzero(np.diff(change[order])) + 1):
        kept.append(same if len(same) <= most else same[np.argpartition(lost[same], most - 1)[:most]])
    kept = np.sort(np.concatenate(kept))
    return Moves(prompt[kept], change[kept], lost[kept])


def _reach(moves: Moves, rest: int, allowance: float) -> tuple[int, int]:
    """How far below and above 0 the sum of an answer's moves can be while they lose at most ``allowance``.

    Its moves up exceed its moves down by ``rest``. Those up are at most Lambert's number of the largest, and no more
    than what both directions can do for the allowance.
    """
    most_down, most_up = (int((sign * moves.change).max(initial=0)) for sign in (-1, 1))
    curve_up, curve_down = _least_loss(moves, 1), _least_loss(moves, -1)

    def loss(up: int) -> float:
        return np.interp(up, *curve_up, right=np.inf) + np.interp(up - rest, *curve_down, right=np.inf)

    candidates = range(rest, max(max(most_down, rest) * most_up, rest) + 1)
    affordable = bisect.bisect_right(candidates, allowance, key=loss)
    return (candidates[affordable - 1] - rest, candidates[affordable - 1]) if affordable else (0, 0)


def _least_loss(moves: Moves, sign: int) -> tuple[np.ndarray, np.ndarray]:
    """Rollouts moved in one direction and the least loss of that, from below: prompts in order of their best rate."""
    chosen = sign * moves.change > 0
    prompt, change = moves.prompt[chosen], sign * moves.change[chosen]
    starts = np.flatnonzero(np.diff(prompt, prepend=-1))
    if not starts.size:
        return np.zeros(1), np.zeros(1)
    farthest = np.maximum.reduceat(change, starts)
    rate = np.minimum.reduceat(moves.loss[chosen] / change, starts)
    order = np.argsort(rate)
    moved, lost = (np.cumsum(part[order]) for part in (farthest, rate * farthest))
    return np.append(0, moved), np.append(0.0, lost)


def _programme(moves: Moves, rest: int, down: int, up: int, prompts: int) -> np.ndarray | None:
    """(P,) changes with Σ = rest at the least loss: a (min, +) dynamic programme over prompts and sums.

    None where no combination of the moves gives that sum.
    """
    if up < rest:
        return None
    sums = np.arange(-down, up + 1)
    least = np.where(sums == 0, 0.0, np.inf)
    starts = np.flatnonzero(np.diff(moves.prompt, prepend=-1))
    groups = [slice(*ends) for ends in zip(starts, [*starts[1:], len(moves.prompt)], strict=True)]
    chosen = []
    for group in groups:
        change = np.concatenate([[0], moves.change[group]])
        outside = np.full(np.abs(change).max(), np.inf)
        padded = np.concatenate([outside, least, outside])
        reached = padded[np.arange(len(sums))[:, None] - change + len(outside)]
        reached[:, 1:] += moves.loss[group]
        choice = np.argmin(reached, axis=1)
        least = reached[np.arange(len(sums)), choice]
        chosen.append(change[choice].astype(np.int32))
    if least[rest + down] == np.inf:
        return None
    answer: np.ndarray = np.zeros(prompts, dtype=np.int64)
    left = rest
    for group, choice in zip(reversed(groups), reversed(chosen), strict=True):
        change = int(choice[left + down])
        answer[moves.prompt[group.start]] = change
        left -= change
    return answer

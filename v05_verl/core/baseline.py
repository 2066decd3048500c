# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""One baseline per rollout, from the rewards of its prompt and the prompt's prior."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from v05_verl.core import checks
from v05_verl.core.segments import Segments, admissible, starts
from v05_verl.core.shrinkage import fuse

Kind = Literal["fused", "predictable", "group_mean", "leave_one_out"]
KINDS: tuple[str, ...] = get_args(Kind)


def row_baselines(
    rewards: ArrayLike,
    group: ArrayLike,
    wave: ArrayLike,
    prior: ArrayLike,
    *,
    kind: Kind,
    noise_scale: float = 1.0,
    reward_range: tuple[float, float] | None = None,
) -> np.ndarray:
    """Baseline b_i of every rollout; the advantage is r_i - b_i.

    ==================  ============================================================================================
    kind                b_i
    ==================  ============================================================================================
    ``fused``           fuse(v_k, k, V) over all rollouts of the prompt: the paper's, shared by the group
    ``predictable``     fuse(mean, count, V) over the admissible rollouts only: in the first wave the *other* rollouts
                        of that wave, in a later wave all rollouts of *earlier* waves. Whether a rollout is admissible
                        then never depends on r_i, so the gradient stays unbiased under adaptive stopping (ours)
    ``group_mean``      v_k
    ``leave_one_out``   mean of the other rollouts of the prompt (RLOO); biased once k depends on the rewards
    ==================  ============================================================================================

    Args:
        rewards: (N,) outcome rewards.
        group: (N,) integer id of the prompt; ids need not be contiguous, rows need not be sorted.
        wave: (N,) integer number of the wave in which the rollout was asked for; the smallest of a group is its first.
        prior: (N,) V on the reward scale, equal in all rows of a group (not read by ``group_mean``).
        kind: see above.
        noise_scale: s_max^2 > 0.
        reward_range: where given, (lo, hi) that every reward and prior must lie in.

    Returns:
        (N,) baselines in the order of the rows; they do not depend on that order. Where no rollout is admissible
        (k = 1 with ``leave_one_out``, a first wave of one with ``predictable``) the baseline is the prior.

    Raises:
        ValueError: unknown kind, lengths that differ, ids that are not integers, NaN, a value outside
            ``reward_range``, a group with two priors, noise_scale <= 0.
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    rewards, group, wave, prior = _checked(rewards, group, wave, prior, reward_range, uses_prior=kind != "group_mean")
    checks.positive("noise_scale", noise_scale)
    if len(rewards) == 0:
        return rewards

    # Rows are summed in sorted order, so that the result does not depend on the order in which rollouts came back.
    order = np.lexsort((rewards, wave, group))
    baselines = np.empty_like(rewards)
    baselines[order] = _sorted_baselines(rewards[order], group[order], wave[order], prior[order], kind, noise_scale)
    return baselines


def centred_penalties(penalties: ArrayLike, group: ArrayLike) -> np.ndarray:
    """(N,) KL penalties less their own baseline, the mean over the other rollouts of the prompt (as in verl's RLOO).

    A prompt's only rollout is held against the mean over all others of the batch, and the batch's only one gets 0. No
    value model predicts penalties: they change with every update of the policy. Ours.

    Args:
        penalties: (N,) what was taken off the outcome rewards.
        group: (N,) integer id of the prompt.
    """
    penalties = checks.finite("penalties", penalties)
    none = np.zeros_like(penalties, dtype=np.int64)
    mean = np.full(len(penalties), penalties.mean())
    of_batch = row_baselines(penalties, none, none, mean, kind="leave_one_out")
    _, prompt, n = np.unique(group, return_inverse=True, return_counts=True)
    of_batch = np.where(n[prompt] == 1, of_batch, 0.0)  # only there it is read
    return penalties - row_baselines(penalties, group, none, of_batch, kind="leave_one_out")


def _sorted_baselines(
    rewards: np.ndarray, group: np.ndarray, wave: np.ndarray, prior: np.ndarray, kind: str, noise_scale: float
) -> np.ndarray:
    in_group = Segments(starts(group))
    if kind in ("fused", "group_mean"):
        total, count = in_group.total(rewards), in_group.count
    elif kind == "leave_one_out":
        total, count = in_group.total(rewards) - rewards, in_group.count - 1
    else:
        total, count = admissible(rewards, group, wave, in_group)

    known = count > 0
    mean = np.where(known, total / np.maximum(count, 1), prior)
    if kind in ("group_mean", "leave_one_out"):
        return mean
    return np.where(known, fuse(mean, np.maximum(count, 1), prior, noise_scale).baseline, prior)


def _checked(
    rewards: ArrayLike, group: ArrayLike, wave: ArrayLike, prior: ArrayLike, reward_range, uses_prior: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rewards = checks.finite("rewards", rewards)
    group, wave, prior = np.asarray(group), np.asarray(wave), np.asarray(prior, dtype=np.float64)
    checks.same_length(rewards=rewards, group=group, wave=wave, prior=prior)
    for name, ids in (("group", group), ("wave", wave)):
        if len(ids) and not np.issubdtype(ids.dtype, np.integer):
            raise ValueError(f"{name} must hold integers, got dtype {ids.dtype}")
    if uses_prior:
        checks.finite("prior", prior)
        _check_one_prior_per_group(group, prior)
    if reward_range is not None:
        checks.in_range("rewards", rewards, reward_range)
        if uses_prior:
            checks.in_range("prior", prior, reward_range)
    return rewards, group, wave, prior


def _check_one_prior_per_group(group: np.ndarray, prior: np.ndarray) -> None:
    order = np.lexsort((prior, group))
    group, prior = group[order], prior[order]
    differs = (group[1:] == group[:-1]) & (prior[1:] != prior[:-1])
    if np.any(differs):
        at = int(np.argmax(differs))
        raise ValueError(f"group {group[at]} has two priors, {prior[at]:g} and {prior[at + 1]:g}; it must have one")

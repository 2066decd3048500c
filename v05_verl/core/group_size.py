# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""How many rollouts per prompt the prior makes necessary (``k_init: auto``). All ours.

A step of R rollouts on groups of k has R / k prompts, and its gradient estimate the variance, for scores of equal size
that do not depend on the reward,

    (1 / R) (E[sigma^2] + risk(k) + (k - 1) E|grad_x|^2)        E over prompts x, sigma^2 the variance of one reward

The first term is there whatever the baseline. ``risk(k)`` is the mean squared error of the baseline of each rollout,
which for the leave-one-out mean of n rollouts is E[sigma^2] / (n - 1), and for the posterior mean from the prior and
the k - 1 others what those leave open:

    risk(k) = E[Var[mu | prior]] - E[Var[E[mu | prior, k - 1 outcomes]]]

The last term, the difference between prompts, grows with k. So the smallest k whose risk is at most that of leave one
out among n has no term above RLOO's with groups of n: it is never worse in variance, and has as many prompts as the
prior allows.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from v05_verl.core import checks
from v05_verl.core.posterior import PriorModel, expected_falls, expected_outcome_variance, prior_variance


class GroupSize(NamedTuple):
    """Result of :func:`group_size`."""

    k: int
    """Rollouts per prompt."""
    risk: float
    """Of the baseline at this k, squared-reward units."""
    reference_risk: float
    """Of the leave-one-out baseline that it is held against."""
    prior_rollouts: float
    """How many rollouts the prior is worth: the n whose mean has the variance risk(1); inf for a certain prior."""


def baseline_risks(
    prior: ArrayLike, model: PriorModel, most: int, *, reward_range: tuple[float, float] = (-1.0, 1.0)
) -> np.ndarray:
    """Expected squared error of the posterior baseline of a rollout in a group of k = 1, ..., ``most``.

    Args:
        prior: (P,) V inside the reward range; NaN for a prompt without a prior, about which nothing is known but what
            the model says of outliers.
        model: what is known about the priors.
        most: largest k, at least 1.
        reward_range: (lo, hi).

    Returns:
        (P, most), squared-reward units, not increasing along k.
    """
    lo, hi = checks.checked_range(reward_range)
    before = prior_variance(prior, model, reward_range=(lo, hi))
    falls = expected_falls(lo, 0, prior, model, most=int(checks.counts("most", most)) - 1, reward_range=(lo, hi))
    risks = before[..., None] - np.concatenate([np.zeros((*before.shape, 1)), falls], axis=-1)
    return np.maximum(risks, 0.0)


def group_size(
    prior: ArrayLike,
    model: PriorModel,
    *,
    reference_n: int = 4,
    slack: float = 1.0,
    overconfidence: float = 1.0,
    most_noise: float = np.inf,
    reward_range: tuple[float, float] = (-1.0, 1.0),
) -> GroupSize:
    """The smallest k whose mean risk is at most ``slack`` times that of leave one out among ``reference_n``.

    ``reference_n`` where no smaller k is good enough: its posterior baseline is better than leave one out wherever the
    model is right.

    Args:
        prior: (P,) V of the coming prompts or of prompts like them, P >= 1; NaN as in :func:`baseline_risks`.
        model: what is known about the priors.
        reference_n: n of the reference and most rollouts per prompt, at least 2.
        slack: > 0; above 1 trades a less certain baseline for more prompts.
        overconfidence: > 0, factor on every risk: how much larger errors were measured than the model expected.
        most_noise: at least 0, bound on E[sigma^2] from what was measured, squared-reward units.
        reward_range: (lo, hi).

    Raises:
        ValueError: no prior at all, an argument outside its range.
    """
    if np.size(prior) == 0:
        raise ValueError("group_size needs the prior of at least one prompt")
    if checks.counts("reference_n", reference_n) < 2:
        raise ValueError(f"reference_n must be at least 2, got {reference_n}: one rollout has no other to compare with")
    lo, hi = checks.checked_range(reward_range)
    risks = baseline_risks(prior, model, int(reference_n), reward_range=(lo, hi)).mean(axis=0)
    risks = risks * checks.positive("overconfidence", overconfidence)
    outcome_variance = expected_outcome_variance(lo, 0, prior, model, reward_range=(lo, hi)).mean()
    noise = min(float((hi - lo) ** 2 * outcome_variance), most_noise)
    reference_risk = noise / (reference_n - 1)
    good = np.flatnonzero(risks <= checks.positive("slack", slack) * reference_risk)
    k = int(good[0]) + 1 if len(good) else int(reference_n)
    worth = noise / risks[0] if risks[0] > 0 else float("inf")
    return GroupSize(k, float(risks[k - 1]), reference_risk, float(worth))


def first_wave_sizes(rollouts: int, k: int, *, probe_n: int, probe_share: float) -> np.ndarray:
    """Group sizes that spend ``rollouts`` on as many groups of ``k`` as fit behind the probes.

    One rollout per prompt cannot tell how far success rates lie from the prior: the likelihood of a single outcome has
    only the prior's mean in it. So where k = 1, ``probe_share`` of the rollouts go to groups of ``probe_n``, and the
    model goes on learning how strong the prior is.

    Args:
        rollouts: of the step, at least k.
        k: of the groups, at least 1.
        probe_n: size of the probes, at least 2.
        probe_share: in [0, 1); 0: no probes. At least one probe where it is above 0 and k = 1.

    Returns:
        (P,) whole numbers, the probes first; less than one group of k below ``rollouts`` in all.
    """
    if k < 1 or rollouts < k:
        raise ValueError(f"{rollouts} rollouts have no group of {k}; give the step more or make the group smaller")
    probes = 0
    if k == 1 and probe_share > 0:
        probes = min(max(1, round(probe_share * rollouts / probe_n)), (rollouts - 1) // probe_n)
    groups = (rollouts - probes * probe_n) // k
    return np.concatenate([np.full(probes, probe_n), np.full(groups, k)]).astype(np.int64)

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""When to stop buying rollouts of a prompt: one-step look-ahead on the estimated risk of the fused baseline.

Risk of stopping at k rollouts (V0.5, arXiv 2603.10848): R(k) = MSE_hat(k) + c k. In units of s_max^2, with
D = prior_bias_sq / s_max^2 held fixed, MSE_hat(k) = D / (k D + 1). The paper states the risk, c = 0.0039, k_init = 4,
k_max = 16 and one rollout at a time; the closed forms of both rules and the wave are ours.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from v05_verl.core import checks
from v05_verl.core.shrinkage import fuse

Rule = Literal["discrete", "continuous"]


def should_continue(
    group_mean: ArrayLike,
    n: ArrayLike,
    prior: ArrayLike,
    *,
    marginal_cost: float,
    max_rollouts: int,
    noise_scale: float = 1.0,
    rule: Rule = "discrete",
) -> np.ndarray:
    """Whether one more rollout of each prompt is worth its price: |v_k - V| > :func:`critical_disagreement`.

    Never where the prior is accepted (D = 0) or n >= max_rollouts. Otherwise::

        discrete:    D^2 / ((k D + 1) ((k + 1) D + 1)) > c / s_max^2      MSE_hat(k) - MSE_hat(k + 1) > c
        continuous:  k < k* = s_max / sqrt(c) - 1 / D                     d R / d k < 0

    Args:
        group_mean: v_k, mean reward so far; any shape.
        n: k, rollouts so far, whole numbers of at least 1; broadcast.
        prior: V, on the reward scale; broadcast.
        marginal_cost: c > 0, squared-reward units.
        max_rollouts: k_max, a whole number of at least 1.
        noise_scale: s_max^2 > 0.
        rule: ``"discrete"`` or ``"continuous"``.

    Returns:
        Boolean array of the broadcast shape.

    Raises:
        ValueError: as :func:`v05_verl.core.shrinkage.fuse`; marginal_cost <= 0; max_rollouts < 1; unknown rule.
    """
    group_mean, prior = checks.finite("group_mean", group_mean), checks.finite("prior", prior)
    critical = critical_disagreement(
        n, marginal_cost=marginal_cost, max_rollouts=max_rollouts, noise_scale=noise_scale, rule=rule
    )
    checks.broadcastable(group_mean=group_mean, n=critical, prior=prior)
    return np.abs(group_mean - prior) > critical


def critical_disagreement(
    n: ArrayLike, *, marginal_cost: float, max_rollouts: int, noise_scale: float = 1.0, rule: Rule = "discrete"
) -> np.ndarray:
    """|v_k - V| above which one more rollout is worth its price; infinity where none is. Ours.

    With c' = c / s_max^2, both rules go on above one D, and D = (v_k - V)^2 / s_max^2 - 1 / k there::

        discrete:    D* = (c' (2k + 1) + sqrt(c'^2 + 4 c')) / (2 (1 - c' k (k + 1))), the positive root of
                     D^2 = c' (k D + 1) ((k + 1) D + 1); none where c' k (k + 1) >= 1: falls are below 1 / (k (k + 1))
        continuous:  D* = 1 / (1 / sqrt(c') - k); none where k >= 1 / sqrt(c')
        critical     s_max sqrt(D* + 1 / k)

    Arguments, shape and errors: as :func:`should_continue`. By n alone, so that a run needs one table.
    """
    if rule not in ("discrete", "continuous"):
        raise ValueError(f"rule must be 'discrete' or 'continuous', got {rule!r}")
    k, most = checks.counts("n", n), float(checks.counts("max_rollouts", max_rollouts))
    noise_scale = checks.positive("noise_scale", noise_scale)
    c = checks.positive("marginal_cost", marginal_cost) / noise_scale
    if rule == "discrete":
        falls_short = 1 - c * k * (k + 1)
        numerator = (c * (2 * k + 1) + np.sqrt(c**2 + 4 * c)) / 2
    else:
        falls_short, numerator = 1 / np.sqrt(c) - k, 1.0
    possible = (falls_short > 0) & (k < most)
    bias = numerator / np.where(possible, falls_short, 1.0)
    return np.where(possible, np.sqrt(noise_scale * (bias + 1 / k)), np.inf)


def next_fall(relative_bias: np.ndarray, n: np.ndarray) -> np.ndarray:
    """MSE_hat(k) - MSE_hat(k + 1) = D^2 / ((k D + 1) ((k + 1) D + 1)) in units of s_max^2, D held fixed; broadcast."""
    return relative_bias**2 / ((n * relative_bias + 1) * ((n + 1) * relative_bias + 1))


def wave_size(
    group_mean: ArrayLike,
    n: ArrayLike,
    prior: ArrayLike,
    *,
    marginal_cost: float,
    max_rollouts: int,
    noise_scale: float = 1.0,
) -> np.ndarray:
    """Further rollouts to ask for at once: min(ceil(k*), k_max) - k, at least 0; 0 means stop.

    k* = s_max / sqrt(c) - 1 / D minimises the risk for the current evidence, so that one generation round replaces up
    to k_max - k_init sequential ones. Where the prior is accepted (D = 0) the answer is 0. Ours.

    Arguments and errors: as :func:`should_continue`. Returns an integer array of the broadcast shape.
    """
    prior_bias_sq = fuse(group_mean, n, prior, noise_scale).prior_bias_sq  # which checks its arguments
    relative_cost = checks.positive("marginal_cost", marginal_cost) / noise_scale
    n, most = np.asarray(n, dtype=np.float64), float(checks.counts("max_rollouts", max_rollouts))
    with np.errstate(divide="ignore"):
        optimal_n = 1 / np.sqrt(relative_cost) - noise_scale / prior_bias_sq
    target = np.minimum(np.ceil(optimal_n), most)
    return np.maximum(target - n, 0).astype(np.int64)

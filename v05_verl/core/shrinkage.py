# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Fusion of a prior with the mean of a few rollouts: empirical shrinkage (V0.5, arXiv 2603.10848)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from v05_verl.core import checks


class Fusion(NamedTuple):
    """Result of :func:`fuse`; every field has the broadcast shape of its arguments."""

    baseline: np.ndarray
    """w v_k + (1 - w) V, on the reward scale, between prior and group mean."""
    weight: np.ndarray
    """w, weight on the group mean, in [0, 1); 0 where the prior is accepted."""
    prior_bias_sq: np.ndarray
    """Estimate of (V - mu)^2, squared-reward units, >= 0; 0 where the prior is accepted."""


def fuse(group_mean: ArrayLike, n: ArrayLike, prior: ArrayLike, noise_scale: float = 1.0) -> Fusion:
    """Shrinks the group mean towards the prior by as much as their disagreement does not exceed sampling noise.

    With sigma^2 = s_max^2 / k (worst case) and d = v_k - V::

        prior_bias_sq = max(0, d^2 - sigma^2)
        weight        = prior_bias_sq / (prior_bias_sq + sigma^2)
        baseline      = V + weight * d

    The positive part is the paper's test of "the prior is right": it is accepted (weight 0, baseline = V) while
    |v_k - V| <= s_max / sqrt(k). The whole is a one-coordinate positive-part James-Stein estimator (ours):
    baseline = V + max(0, 1 - sigma^2 / d^2) d.

    Args:
        group_mean: v_k, mean reward of the k rollouts; any shape.
        n: k, whole numbers of at least 1; broadcast against ``group_mean``.
        prior: V, on the reward scale; broadcast likewise.
        noise_scale: s_max^2 = ((hi - lo) / 2)^2 > 0; 1 for rewards in [-1, 1], 1/4 for [0, 1].

    Returns:
        Fusion(baseline, weight, prior_bias_sq). At d = 0 the baseline is V; n = 1 is an ordinary case.

    Raises:
        ValueError: n below 1 or not whole, NaN or infinity anywhere, noise_scale <= 0, shapes that do not broadcast.

    Source: V0.5, arXiv 2603.10848, empirical shrinkage fusion.
    """
    group_mean = checks.finite("group_mean", group_mean)
    n = checks.counts("n", n)
    prior = checks.finite("prior", prior)
    checks.broadcastable(group_mean=group_mean, n=n, prior=prior)
    sampling_var = checks.positive("noise_scale", noise_scale) / n

    disagreement = group_mean - prior
    prior_bias_sq = np.maximum(0.0, disagreement**2 - sampling_var)
    weight = prior_bias_sq / (prior_bias_sq + sampling_var)
    return Fusion(prior + weight * disagreement, weight, prior_bias_sq)

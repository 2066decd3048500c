# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""What other methods do to the advantages of a step, for arms that stand for them; V0.5 does nothing."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaln, xlogy

from v05_verl.core import checks

AdvantageScale = Literal["none", "whiten", "bnpo"]

BNPO_MOST = 1e6


def whitened(advantage: ArrayLike) -> np.ndarray:
    """(N,) (A - mean) / (std + 1e-8) over the rollouts of a step, as SPO (arXiv 2509.13232); std with N - 1.

    This divides every step's gradient by how much rewards surprised. Fewer than two are returned as they are.
    """
    advantage = checks.finite("advantage", advantage)
    if len(advantage) < 2:
        return advantage
    return (advantage - advantage.mean()) / (advantage.std(ddof=1) + 1e-8)


def bnpo_weight(rewards: ArrayLike, group: ArrayLike, reward_range: tuple[float, float] = (-1.0, 1.0)) -> np.ndarray:
    """(N,) factors of r - mean of the group, BNPO (arXiv 2506.02864): 1 / Beta(p; alpha, beta), at most 1e6.

    p is the group's success rate, m and v are mean and variance (P - 1) of p over the step's P groups::

        a = (m (1 - m) / v - 1) m     alpha = max(1, 1 + a / 3)     b = (m (1 - m) / v - 1) (1 - m)     beta likewise

    alpha = beta = 1 is REINFORCE, 3/2 GRPO without its constant. The factor holds 1 / (hi - lo): BNPO's rewards are 0
    and 1. The density counts as 1 with one group, and where all groups succeed alike (v = 0).

    Args:
        rewards: (N,) inside the reward range.
        group: (N,) integer id of each rollout's prompt.
        reward_range: (lo, hi).

    Raises:
        ValueError: NaN, a reward outside the range, different lengths.
    """
    lo, hi = checks.checked_range(reward_range)
    rewards = checks.in_range("rewards", rewards, reward_range)
    checks.same_length(rewards=rewards, group=np.asarray(group))
    _, prompt, n = np.unique(group, return_inverse=True, return_counts=True)
    p = np.bincount(prompt, (rewards - lo) / (hi - lo)) / n
    mean, variance = p.mean(), p.var(ddof=1) if len(p) > 1 else 0.0
    if variance < 1e-24:  # no more than what rounding leaves of equal means
        return np.full(len(rewards), 1 / (hi - lo))
    size = mean * (1 - mean) / variance - 1
    alpha, beta = max(1.0, 1 + size * mean / 3), max(1.0, 1 + size * (1 - mean) / 3)
    density = np.exp(xlogy(alpha - 1, p) + xlogy(beta - 1, 1 - p) - betaln(alpha, beta))
    return (1 / np.maximum(density, 1 / BNPO_MOST) / (hi - lo))[prompt]

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Between the success scale [0, 1] and the reward scale [lo, hi]."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from v05_verl.core import checks


def noise_scale(reward_range: tuple[float, float]) -> float:
    """s_max^2 = ((hi - lo) / 2)^2, the largest variance of a reward in the range (Popoviciu); 1 for (-1, 1)."""
    lo, hi = checks.checked_range(reward_range)
    return ((hi - lo) / 2) ** 2


def auto_marginal_cost(reward_range: tuple[float, float], max_rollouts: int) -> float:
    """c = s_max^2 / k_max^2, in squared-reward units.

    Ours, read off the paper's numbers: its c = 0.0039 with k_max = 16 on the -1/+1 scale is 1/256. At this price an
    infinitely wrong prior stops at exactly k_max rollouts.
    """
    return noise_scale(reward_range) / float(checks.counts("max_rollouts", max_rollouts)) ** 2


def to_reward(success_rate: ArrayLike, reward_range: tuple[float, float]) -> np.ndarray:
    """mean_reward = lo + (hi - lo) p, for p in [0, 1]; ValueError outside."""
    lo, hi = checks.checked_range(reward_range)
    return lo + (hi - lo) * checks.in_range("success_rate", success_rate, (0.0, 1.0))


def to_success(reward: ArrayLike, reward_range: tuple[float, float]) -> np.ndarray:
    """p = (reward - lo) / (hi - lo), for rewards inside the range; ValueError outside."""
    lo, hi = checks.checked_range(reward_range)
    return (checks.in_range("reward", reward, reward_range) - lo) / (hi - lo)


def is_within(rewards: ArrayLike, reward_range: tuple[float, float]) -> np.ndarray:
    """Whether each of ``rewards`` is inside, which NaN never is.

    verl keeps rewards in float32, in which .1 is a little more than .1: bounds are compared in float32 as well.
    """
    lo, hi = reward_range
    single = np.asarray(rewards, dtype=np.float32)
    return (single >= np.float32(lo)) & (single <= np.float32(hi))

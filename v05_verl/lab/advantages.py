# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Advantages of every arm, from the baselines of its method."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from v05_verl.lab.arms import LightArm
from v05_verl.lab.rollouts import Rollouts
from v05_verl.method import Method

GROUP_STD_EPS = 1e-6  # verl's


class Advantages(NamedTuple):
    """Per rollout."""

    values: np.ndarray
    baselines: np.ndarray


def advantages(rollouts: Rollouts, prior: np.ndarray, arm: LightArm, method: Method) -> Advantages:
    """r - b, for GRPO over the group's standard deviation.

    ``prior`` (prompts,) is V on the reward scale, ``method`` the arm's with what it knew before these rollouts.
    """
    baselines = method.baselines(rollouts.rewards, rollouts.group, rollouts.wave, prior[rollouts.group])
    values = method.advantages(rollouts.rewards, baselines, rollouts.group)
    if arm.divides_by_std:
        values = values / (_group_std(rollouts)[rollouts.group] + GROUP_STD_EPS)
    return Advantages(values, baselines)


def _group_std(rollouts: Rollouts) -> np.ndarray:
    """(prompts,) standard deviation of the rewards of each group, ddof = 1 as in verl."""
    n = np.bincount(rollouts.group)
    mean = np.bincount(rollouts.group, rollouts.rewards) / np.maximum(n, 1)
    squares = np.bincount(rollouts.group, (rollouts.rewards - mean[rollouts.group]) ** 2)
    return np.sqrt(squares / np.maximum(n - 1, 1))

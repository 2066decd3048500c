# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Advantages of every arm, from the baselines of ``core``."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from v05_verl.core.baseline import KINDS, row_baselines
from v05_verl.core.posterior import PriorModel, posterior, row_posterior_baselines
from v05_verl.lab.arms import Arm
from v05_verl.lab.rollouts import Rollouts

GROUP_STD_EPS = 1e-6  # verl's
PRIOR_STD_FLOOR = 0.3


class Advantages(NamedTuple):
    """Per rollout."""

    values: np.ndarray
    baselines: np.ndarray


def advantages(rollouts: Rollouts, prior: np.ndarray, arm: Arm, model: PriorModel) -> Advantages:
    """(r - b) / scale, times the weight, for each rollout.

    ``prior`` (prompts,) is V on the reward scale, ``model`` the robust mode's.
    """
    row_prior = prior[rollouts.group]
    if arm.baseline in KINDS:
        baselines = row_baselines(rollouts.rewards, rollouts.group, rollouts.wave, row_prior, kind=arm.baseline)
    else:
        kind = "predictable" if arm.baseline == "posterior_predictable" else "shared"
        rows = (rollouts.rewards, rollouts.group, rollouts.wave, row_prior)
        baselines = row_posterior_baselines(*rows, model, kind=kind)
    values = rollouts.rewards - baselines
    if arm.scale == "group_std":
        values = values / (_group_std(rollouts)[rollouts.group] + GROUP_STD_EPS)
    elif arm.scale == "prior_std":
        predicted = posterior(0.0, np.zeros_like(prior), prior, model).mean
        values = values / np.maximum(np.sqrt(1 - predicted**2), PRIOR_STD_FLOOR)[rollouts.group]
    if arm.weight == "prompt":
        sizes = np.bincount(rollouts.group)
        values = values * (sizes[sizes > 0].mean() / sizes[rollouts.group])
    return Advantages(values, baselines)


def _group_std(rollouts: Rollouts) -> np.ndarray:
    """(prompts,) standard deviation of the rewards of each group, ddof = 1 as in verl."""
    n = np.bincount(rollouts.group)
    mean = np.bincount(rollouts.group, rollouts.rewards) / np.maximum(n, 1)
    squares = np.bincount(rollouts.group, (rollouts.rewards - mean[rollouts.group]) ** 2)
    return np.sqrt(squares / np.maximum(n - 1, 1))

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""What past priors turned out to be worth, for the robust mode."""

from __future__ import annotations

import numpy as np

from v05_verl.core.posterior import PriorModel
from v05_verl.core.posterior_fit import fit_prior_model


class PriorRecord:
    """The last pairs of priors and first-wave outcomes, and the model fitted on them now and then."""

    def __init__(self, capacity: int = 1024, refit_every: int = 5):
        self.model = PriorModel()
        self._pairs = np.empty((0, 3))  # group mean, n, prior
        self._capacity, self._refit_every, self._steps = capacity, refit_every, 0

    def add(self, group_mean: np.ndarray, n: np.ndarray, prior: np.ndarray) -> None:
        """Pairs of one step; the model that later steps see may change."""
        self._pairs = np.concatenate([self._pairs, np.column_stack([group_mean, n, prior])])[-self._capacity :]
        self._steps += 1
        if self._steps % self._refit_every == 0:
            mean, count, value = self._pairs.T
            self.model = fit_prior_model(mean, count, value, start=self.model, max_iterations=30)

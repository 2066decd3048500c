# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""What past priors turned out to be worth, for the robust mode."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from v05_verl.core.posterior import PriorModel
from v05_verl.core.posterior_fit import fit_prior_model


class PriorRecord:
    """The last pairs of priors and first-wave outcomes, and the model that is fitted on them now and then.

    Args:
        capacity: pairs kept.
        refit_every: steps between two fits.
        reward_range: (lo, hi) of priors and group means.
    """

    def __init__(
        self, capacity: int = 1024, refit_every: int = 5, reward_range: tuple[float, float] = (-1.0, 1.0)
    ) -> None:
        self.model = PriorModel()
        self._pairs = np.empty((0, 3))  # group mean, n, prior
        self._capacity, self._refit_every, self._steps = capacity, refit_every, 0
        self._reward_range = reward_range

    def add(self, group_mean: ArrayLike, n: ArrayLike, prior: ArrayLike) -> None:
        """Takes in the (P,) pairs of one step: means and sizes of first waves, and priors from before them.

        The model that later steps see may change. ValueError as ``fit_prior_model``.
        """
        self._pairs = np.concatenate([self._pairs, np.column_stack([group_mean, n, prior])])[-self._capacity :]
        self._steps += 1
        if self._steps % self._refit_every == 0:
            mean, count, value = self._pairs.T
            fit = {"start": self.model, "max_iterations": 30, "reward_range": self._reward_range}
            self.model = fit_prior_model(mean, count, value, **fit)

    def state_dict(self) -> dict[str, Any]:
        return {"pairs": self._pairs.copy(), "steps": self._steps, "model": self.model._asdict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._pairs, self._steps = np.array(state["pairs"], dtype=np.float64), int(state["steps"])
        self.model = PriorModel(**state["model"])

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""A hard number of rollouts per step, spent where it is worth most: by the priors alone (``Allocated``), or by priors
and a first wave (``Total``). The rules are ``core``'s; here stands what they are given.

Both keep the gradient unbiased with equal weight per rollout and predictable baselines: a rollout's own reward decides
neither whether it exists nor any baseline it meets. With ``Total`` a leave-one-out mean over the whole group breaks
that, since a rollout of the first wave decides how many others its baseline is the mean of.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from v05_verl.core.allocation import Method, allocate, equivalent_rate
from v05_verl.core.gains import baseline_steps, shrinkage_steps, variance_steps
from v05_verl.core.posterior import PriorModel
from v05_verl.core.scale import to_success
from v05_verl.core.spending import spend, spend_in_turn


@dataclass(frozen=True)
class Allocated:
    """Group sizes fixed before generation, from the priors of the step's prompts."""

    method: Method | Literal["variance"] = "vip_loo"
    """One of ``core.allocation``'s, or ``variance``: ``vip_loo`` expected under the prior model, from one rollout on
    (``core.gains.variance_steps``)."""
    lower: int = 2
    upper: int = 16
    coefficient: str = "expected"
    """VIP's 4pq: ``expected`` under the prior model (ours), or ``plugin``, at the prior itself [P]."""
    weight: str = "rollout"
    """``rollout``: each the same; ``prompt``: each prompt the same, which is VIP's objective [P]."""
    step_rollouts: int | None = None
    """None: prompts x k_init."""
    reward_range: tuple[float, float] = (-1.0, 1.0)

    @property
    def uses_prior_model(self) -> bool:
        """Whether what past priors were worth decides."""
        return self.method == "variance" or (self.method.startswith("vip") and self.coefficient == "expected")

    def total(self, prompts: int, k_init: int) -> int:
        """Rollouts of a step."""
        return self.step_rollouts or prompts * k_init

    def sizes(self, prior: ArrayLike, total: int, model: PriorModel) -> np.ndarray:
        """(P,) rollouts of each prompt, Σ = ``total``.

        ``prior`` (P,) is V on the reward scale; a NaN counts as the mean of the others, and where all are NaN the
        sizes are even. Errors: as :func:`v05_verl.core.allocation.allocate`.
        """
        prior = np.asarray(prior, dtype=np.float64)
        known = np.isfinite(prior)
        if not known.any():
            return allocate("uniform", np.zeros(len(prior)), total, self.lower, self.upper)
        prior = np.where(known, prior, prior[known].mean())
        if self.method == "variance":
            return self._by_variance(prior, total, model)
        rate = to_success(prior, self.reward_range)
        if self.uses_prior_model:
            rate = equivalent_rate(prior, model, reward_range=self.reward_range)
        return allocate(self.method, rate, total, self.lower, self.upper)

    def _by_variance(self, prior: np.ndarray, total: int, model: PriorModel) -> np.ndarray:
        nothing: np.ndarray = np.zeros(len(prior), dtype=np.int64)
        lower = np.full(len(prior), self.lower)
        step = variance_steps(prior, nothing, prior, model, self.upper, reward_range=self.reward_range)
        return lower + spend(step[:, self.lower :], lower, total - int(lower.sum()))


@dataclass(frozen=True)
class Total:
    """``k_init`` rollouts each, then one second wave with the rest of the step's rollouts."""

    k_max: int = 16
    objective: str = "variance"
    """``variance`` of a leave-one-out gradient; ``baseline``: its Bayes risk (robust mode); ``test``: what the paper's
    stopping rule buys at its price, the rest by ``variance``."""
    marginal_cost: float = 1 / 256
    """Read by ``test``."""
    step_rollouts: int | None = None
    """None: as many again as the first wave."""
    reward_range: tuple[float, float] = (-1.0, 1.0)

    uses_prior_model = True

    def total(self, prompts: int, k_init: int) -> int:
        """Rollouts of a step."""
        return self.step_rollouts or 2 * prompts * k_init

    def further(
        self,
        group_mean: ArrayLike,
        n: ArrayLike,
        prior: ArrayLike,
        asked: ArrayLike,
        total: int,
        model: PriorModel,
    ) -> np.ndarray:
        """(P,) rollouts of the second wave, Σ asked + Σ further = ``total``.

        Args:
            group_mean, n: (P,) of the rollouts that came back; a mean is not read where n = 0.
            prior: (P,) V on the reward scale; NaN: the wave decides alone.
            asked: (P,) rollouts asked for, those that failed included: they count and are not replaced.
            total: of these prompts, at most P x k_max.
            model: what is known about the priors.
        """
        n, asked = np.asarray(n, dtype=np.int64), np.asarray(asked, dtype=np.int64)
        evidence = (np.where(n > 0, group_mean, self.reward_range[0]), n, prior)
        most, room = self.k_max - (asked - n), max(total - int(asked.sum()), 0)
        scale = {"reward_range": self.reward_range}
        if self.objective == "baseline":
            return spend(baseline_steps(*evidence, model, most, **scale), n, room)
        variance = variance_steps(*evidence, model, most, **scale)
        if self.objective == "variance":
            return spend(variance, n, room)
        return spend_in_turn(shrinkage_steps(*evidence, most, **scale), self.marginal_cost, variance, n, room)

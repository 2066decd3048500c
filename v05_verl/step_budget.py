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
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from v05_verl.core.allocation import Method, allocate, equivalent_rate, steps
from v05_verl.core.gains import baseline_steps, shrinkage_steps, variance_steps
from v05_verl.core.posterior import PriorModel
from v05_verl.core.scale import to_success
from v05_verl.core.spending import price_paid, spend, spend_in_turn


class Spent(NamedTuple):
    """What a step's rollouts beyond the least of each prompt were bought for."""

    price: float
    """Gain of the least valuable of them, in the objective's unit; NaN where none was bought."""
    idle: float
    """Share of them that gain nothing; NaN where none was bought."""

    @classmethod
    def of(cls, step: np.ndarray, further: np.ndarray) -> Spent:
        """``further`` (P,) rollouts bought at the gains ``step`` (P, M), -inf: not allowed."""
        further = np.clip(further, 0, np.count_nonzero(step > -np.inf, axis=1))
        bought = step[np.arange(step.shape[1]) < further[:, None]]
        return cls(price_paid(step, further), float(np.mean(bought <= 0)) if bought.size else np.nan)


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
        if not np.isfinite(prior).any():
            return allocate("uniform", np.zeros(len(prior)), total, self.lower, self.upper)
        if self.method == "variance":
            lower = np.full(len(prior), self.lower)
            return lower + spend(self._steps(prior, model), lower, total - int(lower.sum()))
        return allocate(self.method, self._rate(prior, model), total, self.lower, self.upper)

    def spent(self, prior: ArrayLike, sizes: ArrayLike, model: PriorModel) -> Spent:
        """What ``sizes`` (P,) were chosen for; arguments as :meth:`sizes`. NaN where no prompt has a prior."""
        prior = np.asarray(prior, dtype=np.float64)
        if not np.isfinite(prior).any():
            return Spent(np.nan, np.nan)
        return Spent.of(self._steps(prior, model), np.asarray(sizes) - self.lower)

    def _steps(self, prior: np.ndarray, model: PriorModel) -> np.ndarray:
        """(P, M) gains of each prompt's next rollouts from ``lower`` on."""
        if self.method != "variance":
            return steps(self.method, self._rate(prior, model), self.lower, self.upper)
        prior = _filled(prior)
        nothing: np.ndarray = np.zeros(len(prior), dtype=np.int64)
        step = variance_steps(prior, nothing, prior, model, self.upper, reward_range=self.reward_range)
        return step[:, self.lower :]

    def _rate(self, prior: np.ndarray, model: PriorModel) -> np.ndarray:
        """(P,) success rates that the method's gains are taken at."""
        if self.uses_prior_model:
            return equivalent_rate(_filled(prior), model, reward_range=self.reward_range)
        return to_success(_filled(prior), self.reward_range)


def _filled(prior: np.ndarray) -> np.ndarray:
    known = np.isfinite(prior)
    return np.where(known, prior, prior[known].mean())


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
        asked = np.asarray(asked, dtype=np.int64)
        group_mean, n, most = self._evidence(group_mean, n, asked)
        step, room = self._steps(group_mean, n, prior, model, most), max(total - int(asked.sum()), 0)
        if self.objective != "test":
            return spend(step, n, room)
        test = shrinkage_steps(group_mean, n, prior, most, reward_range=self.reward_range)
        return spend_in_turn(test, self.marginal_cost, step, n, room)

    def spent(
        self,
        group_mean: ArrayLike,
        n: ArrayLike,
        prior: ArrayLike,
        asked: ArrayLike,
        further: ArrayLike,
        model: PriorModel,
    ) -> Spent:
        """What the ``further`` (P,) rollouts were bought for; other arguments as :meth:`further`.

        Of the objective ``test``, by the variance that the rest of the room is spent by.
        """
        group_mean, n, most = self._evidence(group_mean, n, np.asarray(asked, dtype=np.int64))
        return Spent.of(self._steps(group_mean, n, prior, model, most), np.asarray(further))

    def _evidence(self, group_mean: ArrayLike, n: ArrayLike, asked: np.ndarray) -> tuple[np.ndarray, ...]:
        """Group mean and n of the first wave, and how many rollouts with a reward each prompt may come to."""
        n = np.asarray(n, dtype=np.int64)
        return np.where(n > 0, group_mean, self.reward_range[0]), n, self.k_max - (asked - n)

    def _steps(self, group_mean, n, prior, model: PriorModel, most: np.ndarray) -> np.ndarray:
        """(P, M) gains of each prompt's next rollouts."""
        steps_of = baseline_steps if self.objective == "baseline" else variance_steps
        return steps_of(group_mean, n, prior, model, most, reward_range=self.reward_range)

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""What past priors turned out to be worth, for the robust mode and for the group size of ``k_init: auto``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from v05_verl.core import checks
from v05_verl.core.posterior import PriorModel, posterior
from v05_verl.core.posterior_fit import MOST_WEIGHT, check_reach, fit_prior_model, rollout_weight
from v05_verl.state_checks import check_fields, state_array, state_count

COLUMNS = ("group_mean", "n", "prior", "variance", "expected", "risk")


class PriorRecord:
    """The last pairs of priors and first-wave outcomes, and the model that is fitted on them now and then.

    A single outcome of a prompt says nothing about how far success rates lie from the prior, so the last pairs with at
    least two outcomes are kept longer.

    Args:
        capacity: pairs kept.
        several: pairs with at least two rollouts that are kept whatever their age.
        refit_every: steps between two fits; each of the first so many steps is followed by one.
        reward_range: (lo, hi) of priors and group means.
    """

    def __init__(
        self,
        capacity: int = 1024,
        several: int = 256,
        refit_every: int = 5,
        reward_range: tuple[float, float] = (-1.0, 1.0),
    ) -> None:
        self.model = PriorModel()
        self.seen = 0
        """Pairs taken in so far."""
        self._pairs = np.empty((0, len(COLUMNS)))
        self._capacity, self._several, self._refit_every, self._steps = capacity, several, refit_every, 0
        self._reward_range = reward_range

    def add(self, group_mean: ArrayLike, n: ArrayLike, prior: ArrayLike, variance: ArrayLike) -> None:
        """Takes in the (P,) pairs of one step: means and sizes of first waves, and priors from before them.

        ``variance`` is the unbiased one of the rewards of each first wave; not read where n = 1. The model that later
        steps see may change. ValueError as ``fit_prior_model``.
        """
        before = posterior(self._reward_range[0], 0, prior, self.model, reward_range=self._reward_range)
        mean = checks.in_range("group_mean", group_mean, self._reward_range)
        variance = checks.finite("variance", np.where(checks.counts("n", n) > 1, variance, 0.0))
        pairs = np.column_stack([mean, n, prior, variance, before.mean, before.variance])
        self._pairs = self._kept(np.concatenate([self._pairs, pairs]))
        self.seen += len(pairs)
        self._steps += 1
        if self._steps < self._refit_every or self._steps % self._refit_every == 0:
            mean, count, value, variance = self._pairs[:, :4].T
            weight = rollout_weight(mean, count, variance, reward_range=self._reward_range)
            self.model = fit_prior_model(
                mean,
                count,
                value,
                reward_range=self._reward_range,
                rollout_weight=weight,
                start=self.model,
                max_iterations=30,
            )

    def _kept(self, pairs: np.ndarray) -> np.ndarray:
        """The last ``capacity`` pairs, and before them older ones of several rollouts."""
        is_kept = np.arange(len(pairs)) >= len(pairs) - self._capacity
        several = np.flatnonzero(pairs[:, 1] >= 2)
        is_kept[several[max(0, len(several) - self._several) :]] = True
        return pairs[is_kept]

    def recent(self, count: int) -> np.ndarray:
        """(at most count,) priors of the last pairs, on the reward scale."""
        return self._pairs[-count:, 2]

    def measured_risk(self) -> tuple[float, float, float]:
        """Squared error of the model's means as measured, its standard error, and as the model expected it.

        Over the last ``several`` pairs with two rollouts or more, each judged by the model of its own time, which had
        not seen it: (m - v_k)^2 freed of the noise of v_k. Squared-reward units; NaN without such a pair.
        """
        pairs = self._several_pairs()
        return self._risk(pairs, pairs[:, COLUMNS.index("expected")], pairs[:, COLUMNS.index("risk")])

    def overconfidence(self) -> float:
        """How many times larger errors were than expected, where that is more than one standard error; else 1.

        The larger of two: what models expected in their own time, and what the present one would have. Single outcomes
        may have drawn it away from what groups of several say.
        """
        pairs = self._several_pairs()
        now = posterior(
            self._reward_range[0], 0, pairs[:, COLUMNS.index("prior")], self.model, reward_range=self._reward_range
        )
        worst = 1.0
        for error, uncertainty, expected in (self.measured_risk(), self._risk(pairs, now.mean, now.variance)):
            excess = (error - uncertainty) / expected if expected > 0 else float("nan")
            worst = max(worst, excess) if np.isfinite(excess) else worst
        return worst

    def noise(self) -> tuple[float, float]:
        """Mean variance of a reward within its prompt over the same pairs, and its standard error; NaN without any."""
        variance = self._several_pairs()[:, COLUMNS.index("variance")]
        if len(variance) < 2:
            return float("nan"), float("nan")
        return float(variance.mean()), float(variance.std(ddof=1) / np.sqrt(len(variance)))

    def _several_pairs(self) -> np.ndarray:
        return self._pairs[self._pairs[:, COLUMNS.index("n")] >= 2][-self._several :]

    @staticmethod
    def _risk(pairs: np.ndarray, expected: np.ndarray, risk: np.ndarray) -> tuple[float, float, float]:
        if len(pairs) < 2:
            return float("nan"), float("nan"), float("nan")
        mean, n, _, variance = pairs[:, :4].T
        errors = (expected - mean) ** 2 - variance / n
        return float(errors.mean()), float(errors.std(ddof=1) / np.sqrt(len(errors))), float(risk.mean())

    def state_dict(self) -> dict[str, Any]:
        return {"pairs": self._pairs.copy(), "seen": self.seen, "steps": self._steps, "model": self.model._asdict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes over what :meth:`state_dict` returned; ValueError where it is damaged, or of another reward range."""
        check_fields("prior record", state, ("pairs", "seen", "steps", "model"))
        check_fields("prior model", state["model"], PriorModel._fields)
        weight = state_count("rollout_weight", state["model"]["rollout_weight"], lo=1, hi=MOST_WEIGHT)
        numbers = {name: float(state_array(name, each, ())) for name, each in state["model"].items()}
        model = PriorModel()._replace(**numbers | {"rollout_weight": weight})
        check_reach(model)
        lo, hi = self._reward_range
        slack = 1e-9 * (hi - lo)  # means of rewards at an end of the range are rounded
        lowest, highest = np.full(len(COLUMNS), lo - slack), np.full(len(COLUMNS), hi + slack)
        for column, least in (("n", 1.0), ("variance", 0.0), ("risk", 0.0)):
            lowest[COLUMNS.index(column)], highest[COLUMNS.index(column)] = least, np.inf
        pairs = state_array("pairs", state["pairs"], (None, len(COLUMNS)), lo=lowest, hi=highest)
        checks.whole("state: n", pairs[:, COLUMNS.index("n")])
        seen, steps = state_count("seen", state["seen"], lo=len(pairs)), state_count("steps", state["steps"])
        self._pairs, self.seen, self._steps, self.model = pairs, seen, steps, model

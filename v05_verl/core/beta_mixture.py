# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Mixtures of two Beta distributions of success rates: what :mod:`v05_verl.core.posterior` computes with. All ours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaln, gammaln


class BetaMixture(NamedTuple):
    """The components of every prompt's success rate, stacked along a leading axis: (2, ...) each."""

    a: np.ndarray
    """a > 0 of each component's Beta(a, b)."""
    b: np.ndarray
    """b > 0."""
    log_share: np.ndarray
    """Logarithms of the components' weights, up to a constant of each prompt."""

    def after(self, successes: ArrayLike, failures: ArrayLike) -> BetaMixture:
        """The posterior after so many successes and failures, which broadcast with a prompt's shape."""
        a, b = self.a + successes, self.b + failures
        return BetaMixture(a, b, self.log_share + betaln(a, b) - betaln(self.a, self.b))

    def share(self) -> np.ndarray:
        """(2, ...) weights of the components, summing to 1."""
        relative = np.exp(self.log_share - self.log_share.max(axis=0))
        return relative / relative.sum(axis=0)

    def mean(self) -> np.ndarray:
        """(...) mean success rate."""
        return np.sum(self.share() * self.a / (self.a + self.b), axis=0)

    def variance(self) -> np.ndarray:
        """(...) variance of the success rate, at least 0."""
        each = self.a / (self.a + self.b)
        second = each * (self.a + 1) / (self.a + self.b + 1)
        return np.maximum(np.sum(self.share() * second, axis=0) - self.mean() ** 2, 0.0)

    def outcome_variance(self) -> np.ndarray:
        """(...) E[p (1 - p)], the variance of one outcome that is a success or a failure, at given p."""
        both = self.a + self.b
        return np.sum(self.share() * self.a * self.b / (both * (both + 1)), axis=0)

    def promise(self) -> np.ndarray:
        """(...) E[p (1 - p)^2], the variance of one outcome times what is left to gain."""
        both = self.a + self.b
        return np.sum(self.share() * self.a * self.b * (self.b + 1) / (both * (both + 1) * (both + 2)), axis=0)

    def variance_of_next_mean(self, weight: int) -> np.ndarray:
        """Variance of the posterior mean over the outcome of one more rollout, which counts as ``weight`` outcomes."""
        if weight > 1:
            return next(self.variances_of_mean(1, weight))
        mean = self.mean()
        after_success, after_failure = self.after(1.0, 0.0).mean(), self.after(0.0, 1.0).mean()
        return mean * (1 - mean) * (after_success - after_failure) ** 2

    def variances_of_mean(self, most: int, weight: int) -> Iterator[np.ndarray]:
        """Variance of the posterior mean over the outcome of 1 to ``most`` further rollouts, as it is expected now.

        A rollout counts as ``weight`` outcomes. The gamma functions of all outcomes are worked out once.
        """
        outcomes = np.arange(most * weight + 1)
        added = outcomes.reshape(-1, *[1] * self.a.ndim)
        log_a, log_b, log_both = (gammaln(each + added) for each in (self.a, self.b, self.a + self.b))
        relative = self.log_share - betaln(self.a, self.b) - np.logaddexp(*self.log_share)
        log_ways, mean = gammaln(outcomes + 1).reshape(added.shape), self.mean()
        for m in outcomes[weight::weight]:
            log_share = relative + log_a[: m + 1] + log_b[m::-1] - log_both[m]  # by outcome and component
            log_chance = np.logaddexp(log_share[:, 0], log_share[:, 1])
            each = (self.a + added[: m + 1]) / (self.a + self.b + m)
            after = np.sum(np.exp(log_share - log_chance[:, None]) * each, axis=1)
            ways = (log_ways[m] - log_ways[: m + 1] - log_ways[m::-1])[:, 0]
            yield np.sum(np.exp(ways + log_chance) * (after - mean) ** 2, axis=0)

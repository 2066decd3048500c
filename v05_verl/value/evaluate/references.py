# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Plain predictors that a value model has to beat; for evaluations, not for training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import Ridge
from sklearn.neighbors import NearestNeighbors

from v05_verl.value.base import checked_outcomes, checked_prompts, inside


class _OnTfIdf:
    """TF-IDF of words; rates are centred by the mean of their (policy, step), which predictions get back."""

    def __init__(self):
        self._prompts: list[str] = []
        self._residuals: list[float] = []
        self._means: dict[tuple[str, int], float] = {}
        self._fitted: Any = None

    def observe(
        self, prompts: Sequence[str], successes: ArrayLike, trials: ArrayLike, step: int, policy: str = "policy"
    ) -> None:
        """Adds one (policy, step)."""
        outcomes = checked_outcomes(prompts, successes, trials, step)
        mean = float(np.mean(outcomes.rates))
        self._means[policy, step] = mean
        self._prompts += outcomes.prompts
        self._residuals += list(outcomes.rates - mean)
        self._fitted = None

    def predict(self, prompts: Sequence[str], step: int, policy: str = "policy") -> np.ndarray:
        """(N,) mean of the policy at its newest step up to ``step``, plus what the texts tell."""
        if self._fitted is None:
            self._words = TfidfVectorizer(
                analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, min_df=2, dtype=np.float32
            )
            rows = self._words.fit_transform(self._prompts)
            self._fitted = self._fit(rows, np.array(self._residuals))
        seen = [s for (name, s) in self._means if name == policy and s <= step]
        mean = self._means[policy, max(seen)] if seen else 0.5
        return inside(mean + self._residual(self._words.transform(checked_prompts(prompts))))

    def state_dict(self) -> dict[str, Any]:
        """Not meant for training: nothing is kept."""
        raise NotImplementedError(f"{type(self).__name__} is a reference for evaluations and keeps no state")

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Not meant for training."""
        raise NotImplementedError(f"{type(self).__name__} is a reference for evaluations and keeps no state")


class RidgeOnTfIdf(_OnTfIdf):
    """Ridge regression on TF-IDF, all contexts together.

    Args:
        penalty: of the squared weights, > 0.
    """

    def __init__(self, penalty: float = 6.0):
        super().__init__()
        self._penalty = penalty

    def _fit(self, rows, residuals: np.ndarray):
        return Ridge(alpha=self._penalty).fit(rows, residuals)

    def _residual(self, rows) -> np.ndarray:
        return self._fitted.predict(rows)


class NearestOnTfIdf(_OnTfIdf):
    """Mean of the nearest rows by cosine, all contexts together.

    Args:
        neighbours: how many, at least 1.
    """

    def __init__(self, neighbours: int = 64):
        super().__init__()
        self._neighbours = neighbours

    def _fit(self, rows, residuals: np.ndarray):
        index = NearestNeighbors(n_neighbors=min(self._neighbours, len(residuals)), metric="cosine").fit(rows)
        return index, residuals

    def _residual(self, rows) -> np.ndarray:
        index, residuals = self._fitted
        return residuals[index.kneighbors(rows, return_distance=False)].mean(axis=1)

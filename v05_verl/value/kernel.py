# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Covariance of the success rates of two (prompt, policy, step) points, and its marginal likelihood.

Ours (VIP, arXiv 2602.01601, uses one RBF kernel on embeddings)::

    k(a, b) = c0                                                        level of all policies
            + mean_sd^2  [same policy]  exp(-dt / mean_time)            the policy's mean success and its drift
            + ( hand_sd^2 exp(-sum_f w_f^2 (a_f - b_f)^2 / 2)           hand-made features, one weight w_f each
              + gram_sd^2 exp(-(1 - cos) / gram_scale^2)                character n-grams, TF-IDF
              + word_sd^2 exp(-(1 - cos) / word_scale^2)              words
            + dense_sd^2 exp(-(1 - cos) / dense_scale^2) )          dense vectors, where there are any
              P(share) exp(-dt / text_time)                             what texts tell fades as the policy moves
            + own_sd^2 [same prompt] P(share) exp(-dt / own_time)       what is peculiar to the prompt

    dt = |u(step) - u(step')|,  u(step) = log(1 + step / step_scale);  P(share) = 1 for the same policy, else share

All terms are stationary in u, so covariances of points already seen never change as training goes on: the factor of
the covariance matrix can grow row by row.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy import linalg, sparse

LEVEL_VAR = 0.05
"""c0, variance of the level around 1/2."""


class Points(NamedTuple):
    """n encoded (prompt, policy, step) points."""

    hand: np.ndarray
    """(n, F) standardised hand-made features."""
    grams: sparse.csr_matrix
    """(n, D) TF-IDF rows of length 1 (or 0 for a text without n-grams)."""
    words: sparse.csr_matrix
    """(n, D') TF-IDF of words, likewise."""
    dense: np.ndarray
    """(n, E) dense vectors of length 1; E = 0 where there are none."""
    prompt: np.ndarray
    """(n,) id of the prompt text."""
    policy: np.ndarray
    """(n,) id of the policy."""
    time: np.ndarray
    """(n,) u(step)."""

    def rows(self, index: np.ndarray | slice) -> Points:
        """The points at ``index``."""
        return Points(*(part[index] for part in self))


def concatenated(a: Points, b: Points) -> Points:
    """The points of ``a``, then those of ``b``."""
    return Points(
        *(
            sparse.vstack(parts, format="csr") if sparse.issparse(parts[0]) else np.concatenate(parts)
            for parts in zip(a, b, strict=True)
        )
    )


@dataclass(frozen=True)
class Hyperparameters:
    """Natural logarithms of the positive numbers in the module's formula; ``share`` as a logit."""

    mean_sd: float = np.log(0.2)
    mean_time: float = np.log(1.0)
    hand_sd: float = np.log(0.25)
    gram_sd: float = np.log(0.2)
    gram_scale: float = np.log(0.8)
    word_sd: float = np.log(0.15)
    word_scale: float = np.log(0.6)
    dense_sd: float = np.log(0.25)
    dense_scale: float = np.log(0.7)
    text_time: float = np.log(3.0)
    share: float = 1.5
    own_sd: float = np.log(0.3)
    own_time: float = np.log(3.0)
    hand_weights: tuple[float, ...] = ()

    def vector(self) -> np.ndarray:
        """All values as one array, the weights last."""
        return np.array([*(getattr(self, name) for name in SCALARS), *self.hand_weights])

    def with_vector(self, vector: np.ndarray) -> Hyperparameters:
        """The hyperparameters whose :meth:`vector` is ``vector``."""
        scalars = {name: float(value) for name, value in zip(SCALARS, vector, strict=False)}
        return replace(self, **scalars, hand_weights=tuple(float(value) for value in vector[len(SCALARS) :]))


SCALARS = tuple(name for name in Hyperparameters.__dataclass_fields__ if name != "hand_weights")

_PRIOR_SD = {
    "mean_sd": 0.5,
    "mean_time": 1.0,
    "gram_scale": 0.5,
    "word_scale": 0.5,
    "dense_scale": 0.5,
    "text_time": 1.0,
    "share": 1.0,
    "own_time": 1.0,
}
_DEFAULT_PRIOR_SD = 0.7
_WEIGHT_PRIOR_SD = 0.4  # many weights, few rows


def default_hyperparameters(n_features: int) -> Hyperparameters:
    """Sane values for competition problems: a typical pair of prompts lies about one length scale apart."""
    return Hyperparameters(hand_weights=(float(np.log(1 / np.sqrt(2 * max(n_features, 1)))),) * n_features)


class _Distances(NamedTuple):
    hand_a: np.ndarray
    hand_b: np.ndarray
    gram: np.ndarray
    word: np.ndarray
    dense: np.ndarray | None
    time: np.ndarray
    same_policy: np.ndarray
    same_prompt: np.ndarray


def _distances(a: Points, b: Points) -> _Distances:
    return _Distances(
        a.hand,
        b.hand,
        1.0 - _cosines(a.grams, b.grams),
        1.0 - _cosines(a.words, b.words),
        1.0 - a.dense @ b.dense.T if a.dense.shape[1] else None,
        np.abs(a.time[:, None] - b.time[None, :]),
        (a.policy[:, None] == b.policy[None, :]).astype(np.float64),
        (a.prompt[:, None] == b.prompt[None, :]).astype(np.float64),
    )


def _cosines(a: sparse.csr_matrix, b: sparse.csr_matrix) -> np.ndarray:
    # SciPy sorts the transposed factor anew: let that be the one with fewer rows.
    cosines = (a @ b.T).toarray() if a.shape[0] >= b.shape[0] else (b @ a.T).toarray().T
    return np.asarray(cosines, dtype=np.float64)


def _squared_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    squares = np.sum(a**2, axis=1)[:, None] + np.sum(b**2, axis=1)[None, :] - 2 * a @ b.T
    return np.maximum(squares, 0.0)


def _terms(d: _Distances, h: Hyperparameters) -> dict[str, np.ndarray]:
    weights = np.exp(np.array(h.hand_weights))
    share = 1 / (1 + np.exp(-h.share))
    across = share + (1 - share) * d.same_policy
    fade = across * np.exp(-d.time / np.exp(h.text_time))
    terms = {
        "mean": np.exp(2 * h.mean_sd) * d.same_policy * np.exp(-d.time / np.exp(h.mean_time)),
        "hand": np.exp(2 * h.hand_sd - 0.5 * _squared_distances(d.hand_a * weights, d.hand_b * weights)) * fade,
        "gram": np.exp(2 * h.gram_sd - d.gram / np.exp(2 * h.gram_scale)) * fade,
        "word": np.exp(2 * h.word_sd - d.word / np.exp(2 * h.word_scale)) * fade,
        "own": np.exp(2 * h.own_sd) * d.same_prompt * across * np.exp(-d.time / np.exp(h.own_time)),
    }
    if d.dense is not None:
        terms["dense"] = np.exp(2 * h.dense_sd - d.dense / np.exp(2 * h.dense_scale)) * fade
    return terms


def covariance(a: Points, b: Points, h: Hyperparameters) -> np.ndarray:
    """(len(a), len(b)) covariances."""
    return LEVEL_VAR + sum(_terms(_distances(a, b), h).values())


def without_own(cross: np.ndarray, a: Points, b: Points, h: Hyperparameters) -> np.ndarray:
    """(len(a), len(b)) covariances ``cross`` less the term of the prompt itself, for equal prompts and policies."""
    i, j = np.nonzero((a.prompt[:, None] == b.prompt[None, :]) & (a.policy[:, None] == b.policy[None, :]))
    rest = cross.copy()
    rest[i, j] -= np.exp(2 * h.own_sd - np.abs(a.time[i] - b.time[j]) / np.exp(h.own_time))
    return rest


_REACH = 5.0
"""Standard deviations of the log prior within which hyperparameters are searched."""


def _prior_sd(n_features: int) -> np.ndarray:
    return np.array([_PRIOR_SD.get(name, _DEFAULT_PRIOR_SD) for name in SCALARS] + [_WEIGHT_PRIOR_SD] * n_features)


def bounds(center: Hyperparameters) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest value of each hyperparameter that a fit looks at.

    Line searches step far outside: at a feature weight of e^16, squared distances lose all digits and the matrix is no
    longer positive definite.
    """
    middle, reach = center.vector(), _REACH * _prior_sd(len(center.hand_weights))
    return middle - reach, middle + reach


class Evidence:
    """Log marginal likelihood of centred outcomes at fixed points, plus a log prior around ``center``.

    Its gradient is written out: torch's autograd gives the same and takes two to four times as long
    (``tests/value/autograd.py``), and every value model's process would have to load torch.
    """

    def __init__(self, points: Points, y: np.ndarray, noise: np.ndarray, center: Hyperparameters):
        self._distances = _distances(points, points)
        self._y, self._noise, self._center = y, noise, center
        self._prior_sd = _prior_sd(len(center.hand_weights))

    def negative(self, vector: np.ndarray) -> tuple[float, np.ndarray]:
        """-(log evidence + log prior) and its gradient, for a minimiser."""
        h = self._center.with_vector(vector)
        terms = _terms(self._distances, h)
        K = LEVEL_VAR + sum(terms.values()) + np.diag(self._noise)
        factor = linalg.cholesky(K, lower=True, overwrite_a=True, check_finite=False)
        half, _ = linalg.lapack.dpotri(factor, lower=1)
        inverse = np.tril(half) + np.tril(half, -1).T
        alpha = inverse @ self._y
        pull = (vector - self._center.vector()) / self._prior_sd
        value = 0.5 * self._y @ alpha + np.sum(np.log(np.diag(factor))) + 0.5 * pull @ pull
        sensitivity = 0.5 * (inverse - np.outer(alpha, alpha))
        return float(value), self._gradient(terms, h, sensitivity) + pull / self._prior_sd

    def _gradient(self, terms: dict[str, np.ndarray], h: Hyperparameters, sensitivity: np.ndarray) -> np.ndarray:
        """Sum over pairs of sensitivity x d k / d hyperparameter."""
        d = self._distances
        pulled = {name: sensitivity * term for name, term in terms.items()}
        totals = {name: float(np.sum(term)) for name, term in pulled.items()}
        text = pulled["hand"] + pulled["gram"] + pulled["word"]
        dense = (0.0, 0.0)
        if d.dense is not None:
            text = text + pulled["dense"]
            dense = (2 * totals["dense"], 2 * np.sum(pulled["dense"] * d.dense) / np.exp(2 * h.dense_scale))
        share = 1 / (1 + np.exp(-h.share))
        across = share + (1 - share) * d.same_policy
        gradient = {
            "mean_sd": 2 * totals["mean"],
            "mean_time": np.sum(pulled["mean"] * d.time) / np.exp(h.mean_time),
            "hand_sd": 2 * totals["hand"],
            "gram_sd": 2 * totals["gram"],
            "gram_scale": 2 * np.sum(pulled["gram"] * d.gram) / np.exp(2 * h.gram_scale),
            "word_sd": 2 * totals["word"],
            "word_scale": 2 * np.sum(pulled["word"] * d.word) / np.exp(2 * h.word_scale),
            "dense_sd": dense[0],
            "dense_scale": dense[1],
            "text_time": np.sum(text * d.time) / np.exp(h.text_time),
            "share": np.sum((text + pulled["own"]) * (1 - d.same_policy) / across) * share * (1 - share),
            "own_sd": 2 * totals["own"],
            "own_time": np.sum(pulled["own"] * d.time) / np.exp(h.own_time),
        }
        # sum_ij W_ij (x_if - x_jf)^2 for every feature f at once.
        W, x = pulled["hand"], d.hand_a
        spread = 2 * (np.sum(W, axis=1) @ x**2) - 2 * np.sum(x * (W @ x), axis=0)
        weights = -np.exp(2 * np.array(h.hand_weights)) * spread
        return np.concatenate([[gradient[name] for name in SCALARS], weights])

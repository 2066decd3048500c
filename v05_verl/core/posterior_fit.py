# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Maximum-likelihood fit of how much priors are worth (the robust mode of :mod:`v05_verl.core.posterior`)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize
from scipy.special import betaln, digamma, expit, logit

from v05_verl.core import checks
from v05_verl.core.posterior import P_MIN, PriorModel, check_prior_model, squeezed_sigmoid
from v05_verl.core.scale import to_success


def to_vector(model: PriorModel) -> np.ndarray:
    """(6,) unbounded parameters."""
    logs = np.log([model.slope, model.strength])
    return np.array([model.shift, *logs, logit(model.outlier_share), np.log(model.outlier_a), np.log(model.outlier_b)])


def from_vector(vector: np.ndarray) -> PriorModel:
    """Inverse of :func:`to_vector`."""
    slope, strength, outlier_a, outlier_b = np.exp(vector[[1, 2, 4, 5]])
    return PriorModel(
        shift=float(vector[0]),
        slope=float(slope),
        strength=float(strength),
        outlier_share=float(expit(vector[3])),
        outlier_a=float(outlier_a),
        outlier_b=float(outlier_b),
    )


# Weak normal priors on (shift, log slope, log strength, logit outlier_share, log outlier_a, log outlier_b): with a few
# dozen pairs they decide, with a thousand the data do.
_CENTRE = to_vector(PriorModel())
_SPREAD = np.array([1.0, 0.5, 2.0, 1.5, 0.5, 0.5])
MOST_WEIGHT = 16
"""Largest ``rollout_weight``."""
_BOUNDS = list(zip(_CENTRE - 4 * _SPREAD, _CENTRE + 4 * _SPREAD, strict=True))


def fit_prior_model(
    group_mean: ArrayLike,
    n: ArrayLike,
    prior: ArrayLike,
    *,
    reward_range: tuple[float, float] = (-1.0, 1.0),
    rollout_weight: int = 1,
    start: PriorModel | None = None,
    max_iterations: int = 100,
) -> PriorModel:
    """The parameters under which past outcomes are most likely, given the priors that were predicted before them.

    Beta-binomial mixture likelihood, with weak normal priors on the transformed parameters; without any pair the
    result is the default ``PriorModel``.

    Args:
        group_mean: (P,) v_k of past prompts, inside the reward range. Take first waves only: adaptive counts would
            bias the fit.
        n: (P,) k, at least 1.
        prior: (P,) V as it was before those rollouts.
        reward_range: (lo, hi).
        rollout_weight: w of the result, which is not fitted; see :func:`rollout_weight`.
        start: where the search begins; the last fit saves time.
        max_iterations: of L-BFGS.

    Raises:
        ValueError: lengths that differ, NaN, a value outside the range, n < 1.
    """
    rate, predicted = to_success(group_mean, reward_range), to_success(prior, reward_range)
    n = checks.counts("n", n)
    if checks.same_length(group_mean=rate, n=n, prior=predicted) == 0:
        return PriorModel()
    n = n * checks.counts("rollout_weight", rollout_weight)
    evidence = (rate * n, (1 - rate) * n, logit(np.clip(predicted, P_MIN, 1 - P_MIN)))
    result = minimize(
        negative_log_posterior,
        np.clip(to_vector(start or PriorModel()), *np.array(_BOUNDS).T),
        args=evidence,
        jac=True,
        method="L-BFGS-B",
        bounds=_BOUNDS,
        options={"maxiter": max_iterations},
    )
    return from_vector(result.x)._replace(rollout_weight=rollout_weight)


def rollout_weight(
    group_mean: ArrayLike, n: ArrayLike, variance: ArrayLike, *, reward_range: tuple[float, float] = (-1.0, 1.0)
) -> int:
    """w: how many times less rewards vary within prompts than successes and failures of the same mean would.

    A reward of mean v whose values are lo and hi has the variance (v - lo) (hi - v), the largest possible. Over the
    groups, with what the noise of their means v_k hides of it put back::

        1 / w = sum s^2 / sum ((v_k - lo) (hi - v_k) + s^2 / n)

    which is 1 to the last digit of rounding where all rewards are at the ends of the range. Both sums are begun with
    (hi - lo)^2, four groups of largest variance, so that few groups decide little; w is rounded, and at most 16.

    Args:
        group_mean: (P,) v_k of past prompts, inside the reward range.
        n: (P,) k, at least 1.
        variance: (P,) s^2, unbiased, of the rewards of each group; not read where n = 1.
        reward_range: (lo, hi).

    Raises:
        ValueError: lengths that differ, NaN, a value outside the range, n < 1.
    """
    lo, hi = checks.checked_range(reward_range)
    n, mean = checks.counts("n", n), checks.in_range("group_mean", group_mean, (lo, hi))
    checks.same_length(group_mean=mean, n=n, variance=np.asarray(variance))
    several = n > 1
    mean, n, variance = mean[several], n[several], checks.finite("variance", np.asarray(variance)[several])
    largest = (mean - lo) * (hi - mean) + variance / n
    begun = (hi - lo) ** 2
    return round(min((begun + largest.sum()) / (begun + variance.sum()), MOST_WEIGHT))


def negative_log_posterior(
    vector: np.ndarray, successes: np.ndarray, failures: np.ndarray, prior_logit: np.ndarray
) -> tuple[float, np.ndarray]:
    """Value and gradient, by the six transformed parameters."""
    model = from_vector(vector)
    calibrated = model.shift + model.slope * prior_logit
    m, m_slope = squeezed_sigmoid(calibrated), (1 - 2 * P_MIN) * expit(calibrated) * expit(-calibrated)
    a, b = m * model.strength, (1 - m) * model.strength
    trusted, trusted_a, trusted_b = _log_likelihood(a, b, successes, failures)
    outlying, outlier_a, outlier_b = _log_likelihood(model.outlier_a, model.outlier_b, successes, failures)
    trusted = trusted + np.log1p(-model.outlier_share)
    outlying = outlying + np.log(model.outlier_share)
    total = np.logaddexp(trusted, outlying)
    blame = np.exp(outlying - total)  # probability that the prior was an outlier

    by_logit_m = (1 - blame) * model.strength * (trusted_a - trusted_b) * m_slope
    gradient = np.array(
        [
            np.sum(by_logit_m),
            np.sum(by_logit_m * prior_logit) * model.slope,
            np.sum((1 - blame) * (a * trusted_a + b * trusted_b)),
            np.sum(blame - model.outlier_share),
            np.sum(blame * outlier_a) * model.outlier_a,
            np.sum(blame * outlier_b) * model.outlier_b,
        ]
    )
    distance = (vector - _CENTRE) / _SPREAD
    return float(0.5 * distance @ distance - total.sum()), distance / _SPREAD - gradient


def _log_likelihood(
    a: ArrayLike, b: ArrayLike, successes: np.ndarray, failures: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """log B(a + S, b + F) / B(a, b) and its derivatives by a and b."""
    n = successes + failures
    both = digamma(np.add(a, b)) - digamma(np.add(a, b) + n)
    by_a = digamma(successes + a) - digamma(a) + both
    by_b = digamma(failures + b) - digamma(b) + both
    return betaln(successes + a, failures + b) - betaln(a, b), by_a, by_b


def check_reach(model: PriorModel) -> None:
    """ValueError where a parameter is one that no fit arrives at."""
    check_prior_model(model)
    lo, hi = np.array(_BOUNDS).T
    checks.between("transformed parameters of the prior model", to_vector(model), lo - 1e-6, hi + 1e-6)

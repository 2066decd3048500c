# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Repair of compressed or shifted priors from their own past: slope and shift on the logit scale. All ours."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, logit

from v05_verl.core import checks

P_MIN = 1e-3
"""Predictions are taken to lie in [P_MIN, 1 - P_MIN] before their logit is."""

LOG_SLOPE_SD = 0.5
SHIFT_SD = 1.0
_NEWTON_STEPS = 50


class Recalibration(NamedTuple):
    """p' = sigmoid(shift + slope logit(p)); the default leaves predictions as they are."""

    slope: float = 1.0
    shift: float = 0.0

    def __call__(self, p: ArrayLike) -> np.ndarray:
        """Recalibrated success rates, in (0, 1), any shape; p in [0, 1]."""
        p = checks.in_range("p", p, (0.0, 1.0))
        return expit(self.shift + self.slope * logit(np.clip(p, P_MIN, 1 - P_MIN)))


def fit_recalibration(p: ArrayLike, successes: ArrayLike, trials: ArrayLike, correlation: float = 0.3) -> Recalibration:
    """Slope and shift under which past outcomes are most likely, given the predictions made before them.

    Penalised logistic regression, solved by Newton's method with step halving::

        maximise  sum_i n_i [y_i log p'_i + (1 - y_i) log(1 - p'_i)]  -  (log slope / .5)^2 / 2  -  shift^2 / 2
        y_i = successes_i / trials_i,   n_i = trials_i / (1 + (trials_i - 1) correlation)

    n_i, the effective number of trials, allows for the rollouts of one prompt sharing its true success rate, which the
    prediction missed. Without any pair the result is (1, 0): a few pairs hardly move it, hundreds decide.

    Args:
        p: (N,) predicted success rates, in [0, 1].
        successes: (N,) in [0, trials], may be fractional.
        trials: (N,) above 0.
        correlation: of two outcomes of one prompt given its prediction, in [0, 1].

    Raises:
        ValueError: lengths that differ, NaN, a value out of range.
    """
    p = checks.in_range("p", p, (0.0, 1.0))
    successes, trials = checks.finite("successes", successes), checks.finite("trials", trials)
    if checks.same_length(p=p, successes=successes, trials=trials) == 0:
        return Recalibration()
    if np.any(trials <= 0) or np.any(successes < 0) or np.any(successes > trials):
        raise ValueError("trials must be above 0 and successes in [0, trials]")
    correlation = float(checks.in_range("correlation", correlation, (0.0, 1.0)))
    x = logit(np.clip(p, P_MIN, 1 - P_MIN))
    weight = trials / (1 + (trials - 1) * correlation)
    return _maximum(x, successes / trials, weight)


def _maximum(x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> Recalibration:
    """Newton in (log slope, shift); where the Hessian is not positive definite, Fisher scoring's, which always is."""
    theta = np.zeros(2)
    value = _loss(theta, x, y, weight)
    for _ in range(_NEWTON_STEPS):
        slope = np.exp(theta[0])
        fitted = expit(theta[1] + slope * x)
        inputs = np.stack([slope * x, np.ones_like(x)])
        precision = np.array([1 / LOG_SLOPE_SD**2, 1 / SHIFT_SD**2])
        gradient = inputs @ (weight * (fitted - y)) + precision * theta
        information = (inputs * (weight * fitted * (1 - fitted))) @ inputs.T + np.diag(precision)
        hessian = information + np.diag([inputs[0] @ (weight * (fitted - y)), 0.0])
        step = np.linalg.solve(hessian if np.linalg.eigvalsh(hessian)[0] > 0 else information, gradient)
        size, moved = 1.0, _loss(theta - step, x, y, weight)
        while moved > value and size > 1e-4:
            size /= 2
            moved = _loss(theta - size * step, x, y, weight)
        if moved > value or value - moved < 1e-12:
            break
        theta, value = theta - size * step, moved
    return Recalibration(float(np.exp(theta[0])), float(theta[1]))


def _loss(theta: np.ndarray, x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> float:
    z = theta[1] + np.exp(theta[0]) * x
    penalty = 0.5 * (theta[0] / LOG_SLOPE_SD) ** 2 + 0.5 * (theta[1] / SHIFT_SD) ** 2
    return float(np.sum(weight * (np.logaddexp(0, z) - y * z)) + penalty)

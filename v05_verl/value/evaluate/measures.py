# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""How good predicted success rates are: discrimination, error, calibration, with intervals by prompt."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import expit, logit
from scipy.stats import spearmanr

from v05_verl.core.prior_quality import area_under_curve
from v05_verl.value.base import P_MIN
from v05_verl.value.evaluate.records import Records

Measure = dict[str, float]


def measure(p: np.ndarray, records: Records) -> Measure:
    """All measures of predictions ``p`` in (0, 1) for ``records``.

    ====================  ==========================================================================================
    auc                   mean over contexts of the AUC at score >= 0 (arXiv 2602.03584); NaN contexts left out
    mse, mae              on the [-1, 1] scale, against the observed mean score (its sampling noise included)
    calibration_slope,    logistic regression of the outcomes on logit(p); (1, 0) is calibrated, a slope below 1 means
    calibration_intercept priors that are too bold
    ece                   expected calibration error on [0, 1], ten bins of equal width
    residual_context      Spearman correlation of p - rate with the context's mean rate (the V0 paper's; best 0)
    residual_difficulty   Spearman correlation of p - rate with the prompt's mean rate over its contexts (likewise)
    ====================  ==========================================================================================
    """
    error = p - records.rates
    slope, intercept = calibration(p, records.rates, records.trials)
    return {
        "auc": within_context_auc(p, records),
        "mse": float(np.mean(4 * error**2)),
        "mae": float(np.mean(2 * np.abs(error))),
        "calibration_slope": slope,
        "calibration_intercept": intercept,
        "ece": expected_calibration_error(p, records.rates),
        "residual_context": _spearman(error, _group_means(records.contexts, records.rates)),
        "residual_difficulty": _spearman(error, _group_means(records.prompts, records.rates)),
    }


def within_context_auc(p: np.ndarray, records: Records) -> float:
    """Mean over (policy, step) of the AUC at score >= 0; NaN where no context has both kinds."""
    contexts = records.contexts
    aucs = [
        area_under_curve(p[contexts == name], records.rates[contexts == name] >= 0.5) for name in np.unique(contexts)
    ]
    known = [auc for auc in aucs if not np.isnan(auc)]
    return float(np.mean(known)) if known else float("nan")


def calibration(p: np.ndarray, rates: np.ndarray, trials: np.ndarray) -> tuple[float, float]:
    """(slope, intercept) of the binomial regression of outcomes on logit(p), by maximum likelihood."""
    x = logit(np.clip(p, P_MIN, 1 - P_MIN))
    if np.ptp(x) < 1e-9:
        return float("nan"), float("nan")
    weights = trials / trials.sum()

    def loss(theta: np.ndarray) -> tuple[float, np.ndarray]:
        z = theta[0] * x + theta[1]
        residual = weights * (expit(z) - rates)
        return float(np.sum(weights * (np.logaddexp(0, z) - rates * z))), np.array([residual @ x, residual.sum()])

    slope, intercept = minimize(loss, np.array([1.0, 0.0]), jac=True, method="BFGS").x
    return float(slope), float(intercept)


def expected_calibration_error(p: np.ndarray, rates: np.ndarray, bins: int = 10) -> float:
    """Mean over bins, by their share of rows, of |mean p - mean rate|."""
    index = np.minimum((p * bins).astype(int), bins - 1)
    return float(np.sum(np.abs(np.bincount(index, p - rates, bins))) / len(p))


def bootstrap(
    statistic: Callable[[np.ndarray], Measure], prompts: np.ndarray, draws: int = 1000, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """95% percentile intervals of ``statistic(row index)`` under resampling of whole prompts (all their rows)."""
    cluster, _ = pd.factorize(prompts, sort=True)
    order = np.argsort(cluster, kind="stable")
    rows_of = np.split(order, np.cumsum(np.bincount(cluster))[:-1])
    rng = np.random.default_rng(seed)
    values: dict[str, list[float]] = {}
    for _ in range(draws):
        picked = rng.integers(0, len(rows_of), len(rows_of))
        for name, value in statistic(np.concatenate([rows_of[i] for i in picked])).items():
            values.setdefault(name, []).append(value)
    return {name: _interval(np.array(drawn)) for name, drawn in values.items()}


def _interval(values: np.ndarray) -> tuple[float, float]:
    known = values[~np.isnan(values)]
    if len(known) == 0:
        return float("nan"), float("nan")
    low, high = np.percentile(known, [2.5, 97.5])
    return float(low), float(high)


def _group_means(groups: np.ndarray, values: np.ndarray) -> np.ndarray:
    index, _ = pd.factorize(groups)
    return (np.bincount(index, values) / np.bincount(index))[index]


def _spearman(a: np.ndarray, b: np.ndarray) -> float:
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    return float(spearmanr(a, b).statistic)

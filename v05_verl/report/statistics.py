# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Statistics of learning curves: intervals over seeds, accuracy at a number of rollouts, rollouts to a target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

WINDOW = 0.1
"""Share of the rollouts, the last before the point in question, over which an accuracy is averaged."""

WINDOW_STATEMENT = (
    "Accuracy at R rollouts is the mean of the accuracy curve (straight lines between validations) over the last "
    "tenth, from 0.9 R to R. Final accuracy takes R = the run's rollouts at its last validation."
)
OVER_STATEMENT = (
    "Accuracy over the run is the mean of the accuracy curve over the rollouts, from the first validation to the last: "
    "the area under it."
)
TARGET_STATEMENT = (
    "Rollouts to the target: the first point at which the smoothed accuracy curve (weights 1/4, 1/2, 1/4 over "
    "neighbouring validations; 2/3, 1/3 at the ends) reaches the target, straight lines between validations. The "
    "target counts as known: its own uncertainty is in no interval, and about half of the target arm's seeds miss it."
)


class Interval(NamedTuple):
    """Mean over seeds with the half-width of its 95% interval."""

    mean: float | None
    """None without a value."""
    ci95: float | None
    """Half-width from Student's t with n - 1 degrees of freedom; None below two values."""


class Band(NamedTuple):
    """Mean curve over seeds with its 95% half-width; ``ci95`` is None with one seed."""

    x: np.ndarray
    mean: np.ndarray
    ci95: np.ndarray | None
    seeds: int


class Curve(NamedTuple):
    """One run's metric along an axis; x ascends strictly."""

    x: np.ndarray
    y: np.ndarray


def interval(values: ArrayLike) -> Interval:
    """Mean and 95% half-width, t * s / sqrt(n), of independent values (one per seed)."""
    values = np.asarray(values, dtype=float)
    if len(values) == 0:
        return Interval(None, None)
    return Interval(float(values.mean()), float(half_width(values)) if len(values) > 1 else None)


def half_width(values: np.ndarray) -> np.ndarray:
    """95% half-width of the mean over axis 0, which holds at least two values."""
    n = len(values)
    return stats.t.ppf(0.975, n - 1) * values.std(axis=0, ddof=1) / np.sqrt(n)


def smooth(y: ArrayLike) -> np.ndarray:
    """Weights 1/4, 1/2, 1/4 over neighbours; at the ends, where one is missing, 2/3, 1/3."""
    y = np.asarray(y, dtype=float)
    kernel = np.array([0.25, 0.5, 0.25])
    # The longer of the two gives numpy's "same" its length: a curve of one or two points needs the padding.
    padded, weights = np.pad(y, 1), np.pad(np.ones(len(y)), 1)
    return np.convolve(padded, kernel, mode="valid") / np.convolve(weights, kernel, mode="valid")


def first_reach(curve: Curve, target: float) -> float | None:
    """Smallest x at which the curve, straight between its points, is at the target or above; None where it never is."""
    above = np.flatnonzero(curve.y >= target)
    if len(above) == 0:
        return None
    at = above[0]
    if at == 0:
        return float(curve.x[0])
    rise = (target - curve.y[at - 1]) / (curve.y[at] - curve.y[at - 1])
    return float(curve.x[at - 1] + rise * (curve.x[at] - curve.x[at - 1]))


def value_at(curve: Curve, x: float) -> float | None:
    """Mean of the curve over [(1 - WINDOW) x, x]; None where the curve does not reach from there to x."""
    return _mean_between(curve, (1 - WINDOW) * x, x)


def mean_up_to(curve: Curve, x: float) -> float | None:
    """Mean of the curve from its first point to x, the area under it; None where it does not reach to x."""
    return _mean_between(curve, curve.x[0], x) if len(curve.x) else None


def _mean_between(curve: Curve, low: float, high: float) -> float | None:
    if len(curve.x) == 0 or low < curve.x[0] or not low <= high <= curve.x[-1]:
        return None
    if low == high:
        return float(np.interp(high, *curve))
    inside = curve.x[(curve.x > low) & (curve.x < high)]
    points = np.concatenate([[low], inside, [high]])
    return float(np.trapezoid(np.interp(points, *curve), points) / (high - low))


def band(curves: Sequence[Curve]) -> Band | None:
    """Mean curve over the range that all curves cover, at the points of all of them; None without such a range."""
    curves = [curve for curve in curves if len(curve.x)]
    if not curves:
        return None
    low, high = max(curve.x[0] for curve in curves), min(curve.x[-1] for curve in curves)
    x = np.unique(np.concatenate([curve.x for curve in curves]))
    x = x[(x >= low) & (x <= high)]
    if len(x) == 0:
        return None
    values = np.stack([np.interp(x, *curve) for curve in curves])
    return Band(x, values.mean(axis=0), half_width(values) if len(curves) > 1 else None, len(curves))


def moving_mean(y: np.ndarray, width: int) -> np.ndarray:
    """Mean over the ``width`` values around each one, fewer at the ends; for per-step metrics in figures."""
    kernel = np.ones(width)
    half = width // 2
    padded, weights = np.pad(y, half), np.pad(np.ones(len(y)), half)
    return np.convolve(padded, kernel, mode="valid") / np.convolve(weights, kernel, mode="valid")

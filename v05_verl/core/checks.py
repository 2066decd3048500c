# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Checks at the public boundary of ``core``: each raises a ValueError whose sentence names the offender."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike


def finite(name: str, values: ArrayLike) -> np.ndarray:
    """``values`` as a float64 array; raises ValueError at the first NaN or infinity."""
    array = np.asarray(values, dtype=np.float64)
    is_finite = np.isfinite(array)
    if not is_finite.all():
        _raise_at_first(~is_finite, name, array, "is not a finite number")
    return array


def counts(name: str, values: ArrayLike) -> np.ndarray:
    """``values`` as a float64 array of whole numbers of at least 1; raises ValueError otherwise."""
    array = finite(name, values)
    _raise_at_first((array < 1) | (array != np.floor(array)), name, array, "must be a whole number of at least 1")
    return array


def whole(name: str, values: ArrayLike) -> np.ndarray:
    """``values`` as an int64 array; raises ValueError at the first that is no whole number within 2^31 of 0."""
    array = finite(name, values)
    _raise_at_first((array != np.floor(array)) | (np.abs(array) >= 2**31), name, array, "is not a whole number < 2^31")
    return array.astype(np.int64)


def unit_interval(name: str, values: ArrayLike) -> np.ndarray:
    """``values`` as a float64 array inside [0, 1]; raises ValueError at the first one outside."""
    return between(name, values, 0.0, 1.0)


def between(name: str, values: ArrayLike, lo: ArrayLike, hi: ArrayLike) -> np.ndarray:
    """``values`` as a finite float64 array inside [lo, hi], which broadcast; raises ValueError at the first outside."""
    array = finite(name, values)
    outside = (array < lo) | (array > hi)
    if np.any(outside):
        first = np.unravel_index(int(np.argmax(outside)), array.shape)
        lowest, highest = (np.broadcast_to(bound, array.shape)[first] for bound in (lo, hi))
        _raise_at_first(outside, name, array, f"is outside [{lowest:g}, {highest:g}]")
    return array


def positive(name: str, value: float) -> float:
    """``value`` as a float above 0; raises ValueError otherwise."""
    number = float(value)
    if not 0 < number < math.inf:
        raise ValueError(f"{name} must be above 0 and finite, got {number:g}")
    return number


def in_range(name: str, values: ArrayLike, reward_range: tuple[float, float]) -> np.ndarray:
    """``values`` as a finite float64 array inside ``reward_range``; raises ValueError at the first one outside.

    What lies beyond an end by less than 1e-9 of the range is taken as the end: the mean of rewards there is rounded.
    """
    lo, hi = checked_range(reward_range)
    array, slack = finite(name, values), 1e-9 * (hi - lo)
    outside = (array < lo - slack) | (array > hi + slack)
    _raise_at_first(outside, name, array, f"is outside the reward range [{lo:g}, {hi:g}]")
    return np.clip(array, lo, hi)


def checked_range(reward_range: tuple[float, float]) -> tuple[float, float]:
    """``(lo, hi)`` as floats; raises ValueError unless both are finite and lo < hi."""
    lo, hi = (float(bound) for bound in reward_range)
    if not (np.isfinite(lo) and np.isfinite(hi) and lo < hi):
        raise ValueError(f"reward_range must be (lo, hi) with finite lo < hi, got ({lo:g}, {hi:g})")
    return lo, hi


def same_length(**arrays: np.ndarray) -> int:
    """The common length of one-dimensional ``arrays``; raises ValueError naming those that differ."""
    for name, array in arrays.items():
        if np.ndim(array) != 1:
            raise ValueError(f"{name} must be one-dimensional, got shape {np.shape(array)}")
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) != 1:
        raise ValueError("lengths differ: " + ", ".join(f"{name} has {size}" for name, size in lengths.items()))
    return next(iter(lengths.values()))


def broadcastable(**arrays: np.ndarray) -> None:
    """Raises ValueError with every shape unless ``arrays`` broadcast against each other."""
    try:
        np.broadcast_shapes(*(np.shape(array) for array in arrays.values()))
    except ValueError as error:
        shapes = ", ".join(f"{name} {np.shape(array)}" for name, array in arrays.items())
        raise ValueError(f"shapes do not fit each other: {shapes}") from error


def _raise_at_first(bad: np.ndarray, name: str, array: np.ndarray, problem: str) -> None:
    if not bad.any():
        return
    if array.ndim == 0:
        raise ValueError(f"{name} = {float(array):g} {problem}")
    where = np.unravel_index(int(np.argmax(bad)), array.shape)
    index = ", ".join(str(int(i)) for i in where)
    raise ValueError(
        f"{name}[{index}] = {float(array[where]):g} {problem} ({int(np.sum(bad))} of {array.size} are wrong)"
    )

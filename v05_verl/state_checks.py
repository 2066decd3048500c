# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Parts of a saved state, checked before anything takes them over: ValueError says which part, and what was found."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from v05_verl.core import checks

_MAX_COUNT = 2**53  # from there on float64 leaves whole numbers out


def check_fields(name: str, state: Any, fields: Iterable[str] | None = None) -> None:
    """ValueError unless the part ``name`` of a state is a dictionary, of exactly ``fields`` where they are given."""
    if not isinstance(state, dict):
        raise ValueError(f"state: {name} must be a dictionary, got {type(state).__name__}")
    if not all(isinstance(key, str) for key in state):
        raise ValueError(f"state: {name} must have texts as keys, got {sorted(map(repr, state))[:8]}")
    if fields is not None and set(state) != set(fields):
        missing, unknown = sorted(set(fields) - set(state)), sorted(set(state) - set(fields))
        raise ValueError(f"state: {name} does not fit: missing {missing}, unknown {unknown}")


def state_text(name: str, value: Any) -> str:
    """``value`` where it is a text; ValueError otherwise."""
    if not isinstance(value, str):
        raise ValueError(f"state: {name} must be a text, got {type(value).__name__}")
    return value


def state_texts(name: str, value: Any, length: int | None = None) -> list[str]:
    """``value`` as a list of ``length`` texts (None: any); ValueError otherwise."""
    if not isinstance(value, (list, tuple)) or not all(isinstance(text, str) for text in value):
        raise ValueError(f"state: {name} must be a list of texts")
    if length is not None and len(value) != length:
        raise ValueError(f"state: {name} must hold {length} texts, got {len(value)}")
    return list(value)


def state_count(name: str, value: Any, lo: int = 0, hi: int = _MAX_COUNT) -> int:
    """``value`` as a whole number of at least ``lo`` and at most ``hi``; ValueError otherwise."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise ValueError(f"state: {name} must be a whole number, got {value!r:.40}")
    if not lo <= value <= hi:
        raise ValueError(f"state: {name} must lie in [{lo}, {hi}], got {value if abs(value) < 10**20 else 'more'}")
    return int(value)


def state_array(
    name: str,
    value: Any,
    shape: tuple[int | None, ...],
    dtype: type = np.float64,
    *,
    lo: ArrayLike = -np.inf,
    hi: ArrayLike = np.inf,
) -> np.ndarray:
    """A copy of ``value`` as an array of ``shape`` (None: any length) without NaN or infinity, within [lo, hi].

    Bounds broadcast against it. ValueError otherwise, and where it holds fractions and ``dtype`` is an integer.
    """
    try:
        array = np.array(value)
    except ValueError as error:
        raise ValueError(f"state: {name} is no array ({error})") from error
    if array.ndim != len(shape) or any(want not in (None, have) for want, have in zip(shape, array.shape, strict=True)):
        wanted = " x ".join("n" if length is None else str(length) for length in shape) or "()"
        raise ValueError(f"state: {name} must have shape {wanted}, got {array.shape}")
    if array.size == 0:
        return array.astype(dtype) if array.dtype.kind in "biuf" else np.empty(array.shape, dtype)
    kinds = "iu" if np.issubdtype(dtype, np.integer) else "iuf"
    if array.dtype.kind not in kinds:
        raise ValueError(f"state: {name} must hold {'whole ' if kinds == 'iu' else ''}numbers, got {array.dtype}")
    if not np.all(np.isfinite(array)):
        raise ValueError(f"state: {name} holds NaN or infinity")
    array = array.astype(dtype)
    checks.between(f"state: {name}", array, lo, hi)
    return array

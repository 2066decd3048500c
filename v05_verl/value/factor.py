# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Cholesky factor of a covariance matrix that grows by blocks of rows."""

from __future__ import annotations

import numpy as np
from scipy import linalg


class GrowingCholesky:
    """L with L L^T = K and alpha = K^-1 y, for rows that come in blocks: O(n^2 m) per block of m instead of O(n^3).

    The factor lives in a buffer that doubles; its unused diagonal is 1 and the right-hand sides are 0 there, so that
    LAPACK works on the whole contiguous buffer without a copy.
    """

    def __init__(self):
        self._n = 0
        self._buffer = np.zeros((0, 0), order="F")
        self._z = np.zeros(0)  # L^-1 y
        self._alpha: np.ndarray | None = None

    def append(self, cross: np.ndarray, block: np.ndarray, y: np.ndarray) -> None:
        """Adds m rows: ``cross`` (n, m) with the rows so far, ``block`` (m, m) among themselves, ``y`` (m,)."""
        n, m = cross.shape
        self._reserve(n + m)
        new = slice(n, n + m)
        lower = self._solve(cross)[:n]
        schur = linalg.cholesky(block - lower.T @ lower, lower=True, check_finite=False)
        self._buffer[new, :n], self._buffer[new, new] = lower.T, schur
        residual = y - lower.T @ self._z[:n]
        self._z[new] = linalg.solve_triangular(schur, residual, lower=True, check_finite=False)
        self._n, self._alpha = n + m, None

    @property
    def alpha(self) -> np.ndarray:
        """(n,) K^-1 y."""
        if self._alpha is None:
            self._alpha = linalg.solve_triangular(self._buffer, self._z, lower=True, trans=1, check_finite=False)
        return self._alpha[: self._n]

    def _solve(self, rows: np.ndarray) -> np.ndarray:
        padded = np.zeros((len(self._buffer), rows.shape[1]), order="F")
        padded[: len(rows)] = rows
        return linalg.solve_triangular(self._buffer, padded, lower=True, overwrite_b=True, check_finite=False)

    def _reserve(self, size: int) -> None:
        if size <= len(self._buffer):
            return
        capacity = max(64, 1 << (size - 1).bit_length())
        buffer = np.zeros((capacity, capacity), order="F")
        buffer[np.diag_indices(capacity)] = 1.0
        buffer[: self._n, : self._n] = self._buffer[: self._n, : self._n]
        z = np.zeros(capacity)
        z[: self._n] = self._z[: self._n]
        self._buffer, self._z = buffer, z

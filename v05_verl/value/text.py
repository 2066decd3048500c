# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Prompts as vectors: hand-made features, standardised, and TF-IDF of hashed character n-grams."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import HashingVectorizer

from v05_verl.value.features import MAX_CHARACTERS, NAMES, hand_features

N_HASHES = 2**16
_MAX_Z = 4.0  # standardised features are clipped here: one freak prompt must not lie far away from all others


class TextEncoder:
    """Turns prompts into (hand-made features, n-gram rows); scales come from the texts given to :meth:`fit`.

    Args:
        ngrams: (shortest, longest) character n-gram, inside words.
        max_cached: prompts whose raw features are kept, so that predict, observe and refits share them.
    """

    def __init__(self, ngrams: tuple[int, int] = (3, 5), max_cached: int = 50_000):
        self._hash = HashingVectorizer(
            analyzer="char_wb",
            ngram_range=ngrams,
            n_features=N_HASHES,
            alternate_sign=False,
            norm=None,
            dtype=np.float32,
        )
        self._max_cached = max_cached
        self._raw: dict[str, tuple[np.ndarray, sparse.csr_matrix]] = {}
        self._mean, self._scale = np.zeros(len(NAMES)), np.zeros(len(NAMES))
        self._idf = np.ones(N_HASHES, dtype=np.float32)

    def fit(self, prompts: Sequence[str]) -> None:
        """Takes means, scales and document frequencies from ``prompts`` (each counted once)."""
        hand, grams = self._raw_rows(sorted(set(prompts)))
        self._mean, deviation = hand.mean(axis=0), hand.std(axis=0)
        self._scale = np.where(deviation > 1e-9, 1 / np.maximum(deviation, 1e-9), 0.0)
        frequency = np.bincount(grams.indices, minlength=N_HASHES)
        self._idf = (np.log((1 + len(hand)) / (1 + frequency)) + 1).astype(np.float32)

    def encode(self, prompts: Sequence[str]) -> tuple[np.ndarray, sparse.csr_matrix]:
        """(N, F) standardised features, zero where ``fit`` saw no variation; (N, D) n-gram rows of length 1."""
        hand, grams = self._raw_rows(prompts)
        grams.data = (1 + np.log(grams.data)) * self._idf[grams.indices]
        lengths = np.sqrt(np.asarray(grams.multiply(grams).sum(axis=1)).ravel())
        grams = sparse.diags(1 / np.maximum(lengths, 1e-12)) @ grams
        return np.clip((hand - self._mean) * self._scale, -_MAX_Z, _MAX_Z), grams.tocsr()

    def state(self) -> dict[str, Any]:
        """Means, scales and inverse document frequencies."""
        return {"mean": self._mean.copy(), "scale": self._scale.copy(), "idf": self._idf.copy()}

    def load(self, state: dict[str, Any]) -> None:
        """Takes over what :meth:`state` returned."""
        self._mean, self._scale = np.array(state["mean"]), np.array(state["scale"])
        self._idf = np.array(state["idf"], dtype=np.float32)

    def _raw_rows(self, prompts: Sequence[str]) -> tuple[np.ndarray, sparse.csr_matrix]:
        new = [prompt for prompt in dict.fromkeys(prompts) if prompt not in self._raw]
        if len(self._raw) + len(new) > self._max_cached:
            self._raw.clear()
            new = list(dict.fromkeys(prompts))
        if new:
            grams = self._hash.transform([prompt[:MAX_CHARACTERS] for prompt in new])
            for i, prompt in enumerate(new):
                self._raw[prompt] = (hand_features(prompt), grams[i])
        if not prompts:
            return np.empty((0, len(NAMES))), sparse.csr_matrix((0, N_HASHES), dtype=np.float32)
        hand, grams = zip(*(self._raw[prompt] for prompt in prompts), strict=True)
        return np.array(hand), sparse.vstack(grams, format="csr")

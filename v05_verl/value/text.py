# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Prompts as features: hand-made ones, standardised, TF-IDF of hashed character n-grams and words, dense vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import HashingVectorizer

from v05_verl.state_checks import check_fields, state_array, state_count
from v05_verl.value.features import MAX_CHARACTERS, NAMES, hand_features

if TYPE_CHECKING:
    from v05_verl.value.vectors import Vectors

_MAX_Z = 4.0  # standardised features are clipped here: one freak prompt must not lie far away from all others
_MAX_CACHED = 50_000  # prompts


class Texts(NamedTuple):
    """N encoded prompts."""

    hand: np.ndarray
    """(N, F) standardised hand-made features, zero where ``fit`` saw no variation."""
    grams: sparse.csr_matrix
    """(N, D) TF-IDF of character n-grams; rows of length 1, or 0 for a text without any."""
    words: sparse.csr_matrix
    """(N, D') TF-IDF of words and signs, likewise."""
    dense: np.ndarray
    """(N, E) centred dense vectors of length 1; E = 0 without a source of them."""


class HashedTfIdf:
    """Sublinear TF-IDF on hashed terms, without a vocabulary; rows have length 1, or 0 for a text without terms.

    Args:
        n_hashes: columns; far more than terms that occur, so that next to none collide.
        analyzer: keyword arguments of scikit-learn's HashingVectorizer.
    """

    def __init__(self, n_hashes: int, **analyzer: Any):
        self._hash = HashingVectorizer(
            n_features=n_hashes, alternate_sign=False, norm=None, dtype=np.float32, **analyzer
        )
        self._set_frequency(np.zeros(n_hashes, dtype=np.int64), 0)

    def counts(self, prompts: Sequence[str]) -> sparse.csr_matrix:
        """(N, n_hashes) counts of terms."""
        # Lone surrogates, which JSON may hold, cannot be hashed.
        return self._hash.transform([p[:MAX_CHARACTERS].encode("utf-8", "replace").decode() for p in prompts])

    def fit(self, counts: sparse.csr_matrix) -> None:
        """Takes document frequencies from rows of counts."""
        self._set_frequency(np.bincount(counts.indices, minlength=counts.shape[1]), counts.shape[0])

    def weighted(self, counts: sparse.csr_matrix) -> sparse.csr_matrix:
        """Rows of counts as TF-IDF rows."""
        rows = counts.copy()
        rows.data = (1 + np.log(rows.data)) * self._idf[rows.indices]
        lengths = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
        return (sparse.diags(1 / np.maximum(lengths, 1e-12)) @ rows).tocsr()

    def state(self) -> dict[str, Any]:
        """Document frequencies of the terms that occur."""
        terms = np.flatnonzero(self._frequency)
        return {
            "terms": terms.astype(np.int32),
            "frequency": self._frequency[terms].astype(np.int32),
            "texts": self._texts,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Takes over what :meth:`state` returned; ValueError where it is damaged."""
        check_fields("terms", state, ("terms", "frequency", "texts"))
        frequency, texts = np.zeros_like(self._frequency), state_count("texts", state["texts"])
        terms = state_array("terms", state["terms"], (None,), np.int64, lo=0, hi=len(frequency) - 1)
        if np.any(np.diff(terms) <= 0):
            raise ValueError("state: terms must rise")
        frequency[terms] = state_array("frequency", state["frequency"], terms.shape, np.int64, lo=1, hi=texts)
        self._set_frequency(frequency, texts)

    def _set_frequency(self, frequency: np.ndarray, texts: int) -> None:
        self._frequency, self._texts = frequency, texts
        self._idf = (np.log((1 + texts) / (1 + frequency)) + 1).astype(np.float32)


def gram_counter() -> HashedTfIdf:
    """TF-IDF of character n-grams inside words, 3 to 5 long."""
    return HashedTfIdf(2**20, analyzer="char_wb", ngram_range=(3, 5))


class TextEncoder:
    """Turns prompts into :class:`Texts`; scales come from the prompts given to :meth:`fit`.

    Args:
        vectors: source of dense vectors (``value.vectors``), or None.
    """

    # Raw features do not depend on any fit: predict, observe, refits and all instances of a process share them.
    _raw: dict[str, tuple[np.ndarray, sparse.csr_matrix, sparse.csr_matrix]] = {}

    def __init__(self, vectors: Vectors | None = None):
        self._vectors = vectors
        self._center: np.ndarray | float = 0.0  # of the dense vectors
        self._grams = gram_counter()
        # LaTeX commands, words, single digits, single ideographs, single signs.
        self._words = HashedTfIdf(2**18, token_pattern=r"\\?[A-Za-z]+|\d|[\u4e00-\u9fff]|[^\w\s]")
        self._mean, self._scale = np.zeros(len(NAMES)), np.zeros(len(NAMES))

    def fit(self, prompts: Sequence[str]) -> None:
        """Takes means, scales and document frequencies from ``prompts`` (each counted once; at least one)."""
        hand, grams, words = self._raw_rows(sorted(set(prompts)))
        deviation = hand.std(axis=0)
        self._mean = hand.mean(axis=0)
        self._scale = np.where(deviation > 1e-9, 1 / np.maximum(deviation, 1e-9), 0.0)
        self._grams.fit(grams)
        self._words.fit(words)
        self._center = self._dense_rows(sorted(set(prompts))).mean(axis=0)

    def encode(self, prompts: Sequence[str]) -> Texts:
        """One or more prompts in the scales of the last ``fit``."""
        hand, grams, words = self._raw_rows(prompts)
        hand = np.clip((hand - self._mean) * self._scale, -_MAX_Z, _MAX_Z)
        return Texts(hand, self._grams.weighted(grams), self._words.weighted(words), self._unit_rows(prompts))

    def state(self) -> dict[str, Any]:
        """Means, scales and document frequencies."""
        scales = {"mean": self._mean.copy(), "scale": self._scale.copy(), "center": np.array(self._center)}
        return {**scales, "grams": self._grams.state(), "words": self._words.state()}

    def load(self, state: dict[str, Any]) -> None:
        """Takes over what :meth:`state` returned; ValueError where it is damaged, or of other dense vectors."""
        check_fields("text", state, ("mean", "scale", "center", "grams", "words"))
        self._mean = state_array("mean", state["mean"], (len(NAMES),))
        self._scale = state_array("scale", state["scale"], (len(NAMES),), lo=0)
        is_fitted = np.ndim(state["center"]) > 0
        width = self._dense_rows([""]).shape[1:] if is_fitted else ()
        self._center = state_array("center", state["center"], width)
        self._grams.load(state["grams"])
        self._words.load(state["words"])

    def _raw_rows(self, prompts: Sequence[str]) -> tuple[np.ndarray, sparse.csr_matrix, sparse.csr_matrix]:
        new = [prompt for prompt in dict.fromkeys(prompts) if prompt not in self._raw]
        if len(self._raw) + len(new) > _MAX_CACHED:
            self._raw.clear()
            new = list(dict.fromkeys(prompts))
        if new:
            grams, words = self._grams.counts(new), self._words.counts(new)
            for i, prompt in enumerate(new):
                self._raw[prompt] = (hand_features(prompt), grams[i], words[i])
        hand, grams, words = zip(*(self._raw[prompt] for prompt in prompts), strict=True)
        return np.array(hand), sparse.vstack(grams, format="csr"), sparse.vstack(words, format="csr")

    def _unit_rows(self, prompts: Sequence[str]) -> np.ndarray:
        rows = self._dense_rows(prompts) - self._center
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)

    def _dense_rows(self, prompts: Sequence[str]) -> np.ndarray:
        return np.empty((len(prompts), 0)) if self._vectors is None else self._vectors.of(prompts)

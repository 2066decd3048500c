# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""How alike two problems are in their wording, whatever their typesetting."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import sparse

SHINGLE = 12  # characters; "n^{2}" and "n^2" are the same four, a word or two of English is one shingle
COMMON = 30  # a shingle in more problems than this is phrasing ("Find the number of") and proposes no pairs

_FIGURE = re.compile(r"\[asy\].*?\[/asy\]|!\[[^\]]*\]\([^)]*\)", re.DOTALL)
_INSCRIPTION = re.compile(r'"([^"]*)"')
_LOOKS = re.compile(
    r"\\(?:text|mathrm|textbf|textit|mathbf|mathit|emph|operatorname|left|right|[bB]igg?[lr]?|displaystyle|q?quad|limits"
    r"|mathbb|begin|end|tag\{[^}]*\}|[,;:! ])"
)
_SAME = [
    (re.compile(pattern), replacement)
    for pattern, replacement in [
        (r"\\[dt]frac", r"\\frac"),
        (r"\\leqslant|\\leq|≤", r"\\le"),
        (r"\\geqslant|\\geq|≥", r"\\ge"),
        (r"\\rightarrow", r"\\to"),
        (r"\\[cld]?dots|\.\.\.|…", "dots"),
    ]
]
_DROPPED = re.compile(r"[^\w+\-*/=<>^!|]|_")
_NUMBER = re.compile(r"\d+")
_MULTIPLIER, _MIXER = np.uint64(1099511628211), np.uint64(0xBF58476D1CE4E5B9)


def text_key(problem: str) -> str:
    """Letters, digits and operators of ``problem``: equal for texts that differ in typesetting and spacing only."""
    text = _LOOKS.sub("", _FIGURE.sub(" ", problem))
    for pattern, replacement in _SAME:
        text = pattern.sub(replacement, text)
    return _DROPPED.sub("", text.lower()) or problem


def numbers(problem: str) -> Counter[str]:
    """The numbers in ``problem``, figures left out; problems that differ in one are different problems."""
    return Counter(_NUMBER.findall(re.sub(r"\\tag\{[^}]*\}", "", _FIGURE.sub(" ", problem))))


class Figure(NamedTuple):
    """The figures of a problem.

    Attributes:
        drawing: their source, without white space.
        inscriptions: what is written in them, sorted; two drawings of one figure agree in it, their coordinates differ.
    """

    drawing: str
    inscriptions: tuple[str, ...]


def figure(problem: str) -> Figure | None:
    """The figures in ``problem``, None where it has none."""
    source = "".join(_FIGURE.findall(problem))
    inscriptions = sorted(text_key(inscription) for inscription in _INSCRIPTION.findall(source))
    return Figure("".join(source.split()), tuple(inscriptions)) if source else None


def shingles(key: str) -> np.ndarray:
    """Sorted 64-bit hashes of all runs of ``SHINGLE`` characters of ``key``; shorter keys are one run."""
    codes = np.frombuffer(key.ljust(SHINGLE, "\x00").encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)
    count = len(codes) - SHINGLE + 1
    hashes = np.zeros(count, dtype=np.uint64)
    with np.errstate(over="ignore"):
        for offset in range(SHINGLE):
            hashes = hashes * _MULTIPLIER + codes[offset : offset + count]
        hashes = (hashes ^ (hashes >> np.uint64(29))) * _MIXER
    return np.unique(hashes ^ (hashes >> np.uint64(32)))


class ShingleIndex:
    """Shingles of many keys; finds which of them are alike."""

    def __init__(self, keys: Sequence[str]):
        self.shingles = [shingles(key) for key in keys]
        self.sizes = np.array([len(hashes) for hashes in self.shingles], dtype=np.int64)
        documents = np.repeat(np.arange(len(keys)), self.sizes)
        hashes = np.concatenate(self.shingles) if keys else np.zeros(0, dtype=np.uint64)
        self._vocabulary, columns = np.unique(hashes, return_inverse=True)
        shape = (len(keys), len(self._vocabulary))
        self._matrix = sparse.csr_matrix((np.ones(len(columns), dtype=np.int32), (documents, columns)), shape=shape)

    def alike(self, threshold: float) -> list[tuple[int, int, float]]:
        """Pairs (i, j, Jaccard similarity) with i < j and a similarity of at least ``threshold``, in order.

        A pair is proposed by shingles that few problems share, and measured on all of its shingles.
        """
        frequency = np.asarray(self._matrix.sum(axis=0)).ravel()
        rare = self._matrix[:, (frequency > 1) & (frequency <= COMMON)]
        shared = sparse.triu(rare @ rare.T, k=1).tocoo()
        enough = shared.data * 4 >= threshold * np.minimum(self.sizes[shared.row], self.sizes[shared.col])
        pairs = []
        for i, j in zip(shared.row[enough].tolist(), shared.col[enough].tolist(), strict=True):
            common = len(np.intersect1d(self.shingles[i], self.shingles[j], assume_unique=True))
            similarity = common / (self.sizes[i] + self.sizes[j] - common)
            if similarity >= threshold:
                pairs.append((i, j, float(similarity)))
        return sorted(pairs)

    def containing(self, keys: Sequence[str], threshold: float) -> list[list[tuple[int, float]]]:
        """For each of ``keys``: (i, share of its shingles found in key i) from ``threshold`` on, best first."""
        wanted = [shingles(key) for key in keys]
        sizes = np.array([len(hashes) for hashes in wanted])
        hashes = np.concatenate(wanted) if keys else np.zeros(0, dtype=np.uint64)
        rows = np.repeat(np.arange(len(keys)), sizes)
        columns = np.minimum(np.searchsorted(self._vocabulary, hashes), max(len(self._vocabulary) - 1, 0))
        known = self._vocabulary[columns] == hashes if len(self._vocabulary) else np.zeros(len(hashes), dtype=bool)
        shape = (len(keys), len(self._vocabulary))
        query = sparse.csr_matrix((np.ones(known.sum(), dtype=np.int32), (rows[known], columns[known])), shape=shape)
        shared = (query @ self._matrix.T).tocoo()
        found: list[list[tuple[int, float]]] = [[] for _ in keys]
        shares = shared.data / sizes[shared.row]
        for position in np.flatnonzero(shares >= threshold):
            found[shared.row[position]].append((int(shared.col[position]), float(shares[position])))
        return [sorted(matches, key=lambda match: (-match[1], match[0])) for matches in found]

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Prompts as dense vectors for the Gaussian process: from unlabelled prompts, or from a text encoder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.decomposition import TruncatedSVD

from v05_verl.prompt_text import problem_text
from v05_verl.value.text import HashedTfIdf, gram_counter

TOPICS = 200
MAX_CACHED = 50_000
_MIN_DOCUMENTS = 3  # terms of fewer prompts tell prompts apart and join none


class Vectors(Protocol):
    """Turns prompts into (N, E) float64 rows."""

    def of(self, prompts: Sequence[str]) -> np.ndarray:
        """One row per prompt."""


class CorpusTopics:
    """Latent semantic analysis: the main directions of the character n-grams of many prompts without outcomes.

    Which n-grams go together is learned from the whole training set before the first rollout.

    Args:
        corpus: prompts, duplicates counted once; at least two.
        topics: directions kept, fewer where the corpus has fewer.
    """

    def __init__(self, corpus: Sequence[str], topics: int = TOPICS):
        self._grams: HashedTfIdf = gram_counter()
        counts = self._grams.counts(sorted(set(corpus)))
        if counts.shape[0] < 2:
            raise ValueError(f"the corpus holds {counts.shape[0]} different prompts; topics need at least 2")
        self._grams.fit(counts)
        seen_in = np.bincount(counts.indices, minlength=counts.shape[1])
        self._columns = np.flatnonzero(seen_in >= min(_MIN_DOCUMENTS, counts.shape[0]))
        rows = self._grams.weighted(counts)[:, self._columns]
        width = min(topics, min(rows.shape) - 1)
        self._svd = TruncatedSVD(width, n_iter=4, random_state=0).fit(rows)

    def of(self, prompts: Sequence[str]) -> np.ndarray:
        """(N, topics) coordinates."""
        rows = self._grams.weighted(self._grams.counts(prompts))[:, self._columns]
        return self._svd.transform(rows).astype(np.float64)


class EncoderVectors:
    """Mean of the last hidden states of a Hugging Face encoder or decoder.

    Args:
        name: hub id or local folder.
        device: "auto": the GPU where there is one; or a torch device.
    """

    def __init__(self, name: str, device: str = "auto"):
        import torch

        from v05_verl.value.v0.encoder import build_encoder

        device = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
        self._encoder = build_encoder(name, device=device)

    def of(self, prompts: Sequence[str]) -> np.ndarray:
        """(N, hidden size) means over the tokens."""
        means = [states.mean(0).double().cpu().numpy() for states in self._encoder.states(prompts)]
        return np.array(means).reshape(len(means), self._encoder.dim)


class Cached:
    """Remembers the rows of up to ``MAX_CACHED`` prompts."""

    def __init__(self, vectors: Vectors):
        self._vectors, self._rows = vectors, {}

    def of(self, prompts: Sequence[str]) -> np.ndarray:
        """(N, E), N >= 1."""
        new = [prompt for prompt in dict.fromkeys(prompts) if prompt not in self._rows]
        if len(self._rows) + len(new) > MAX_CACHED:
            self._rows.clear()
            new = list(dict.fromkeys(prompts))
        if new:
            self._rows.update(zip(new, self._vectors.of(new), strict=True))
        return np.array([self._rows[prompt] for prompt in prompts])


@lru_cache(maxsize=4)
def build_vectors(corpus: str | None, encoder: str | None) -> Vectors | None:
    """The source of dense vectors that options ask for, shared by the models of a process; None for neither.

    Raises ValueError for both at once, a corpus that cannot be read, and an encoder that cannot be loaded.
    """
    if corpus is not None and encoder is not None:
        raise ValueError("options corpus and encoder are two sources of one kernel; give one of them")
    if corpus is not None:
        return Cached(CorpusTopics(read_corpus(corpus)))
    return None if encoder is None else Cached(EncoderVectors(encoder))


def read_corpus(path: str | Path) -> list[str]:
    """Prompts of a file: parquet in verl's schema (column ``prompt``), or a JSON object of texts by name.

    Raises ValueError where the file is missing, damaged or of another kind.
    """
    path = Path(path)
    try:
        if path.suffix == ".parquet":
            prompts = pq.read_table(path, columns=["prompt"]).column("prompt").to_pylist()
            return [problem_text(prompt) for prompt in prompts]
        texts = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(texts, dict) and all(isinstance(text, str) for text in texts.values()):
            return [problem_text(text) for text in texts.values()]
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise ValueError(f"corpus {path}: cannot be read ({error})") from error
    raise ValueError(f"corpus {path}: expected parquet with a column prompt, or a JSON object of texts by name")

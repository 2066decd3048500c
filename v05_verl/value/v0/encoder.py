# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Prompts as token-level states: (T, d) per prompt, the last row standing for the whole text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

import numpy as np
import torch

from v05_verl.pins import HUB_REVISIONS
from v05_verl.value.base import hash_of
from v05_verl.value.features import MAX_CHARACTERS, NAMES, hand_features

DEFAULT_ENCODER = "Qwen/Qwen3-Embedding-0.6B"
SURFACE = "surface"

_TOKENS_PER_BATCH = 16_384


class Encoder(Protocol):
    """What V0 needs of an encoder."""

    dim: int

    def states(self, prompts: Sequence[str]) -> list[torch.Tensor]:
        """One (T, dim) float32 tensor per prompt, T >= 1, on the encoder's device."""


def build_encoder(
    name: str, *, revision: str | None = None, max_length: int = 2048, device: str = "cpu", dtype: str = "float32"
) -> Encoder:
    """``"surface"``, a Hugging Face hub id or a local folder; ids in ``pins.py`` at their revision of there."""
    if name == SURFACE:
        return SurfaceEncoder(device=device)
    revision = revision or HUB_REVISIONS.get(name)
    return HuggingFaceEncoder(name, revision=revision, max_length=max_length, device=device, dtype=dtype)


class HuggingFaceEncoder:
    """Last hidden states of any Hugging Face encoder or decoder; frozen, in eval mode, without remote code.

    Args:
        name: hub id or local folder.
        revision: commit of a hub id.
        max_length: tokens; longer prompts are cut (2,048 as in the V0 release).
        device: of torch.
        dtype: of the weights, a torch name.
    """

    def __init__(
        self,
        name: str,
        *,
        revision: str | None = None,
        max_length: int = 2048,
        device: str = "cpu",
        dtype: str = "float32",
    ):
        from transformers import AutoModel, AutoTokenizer

        if not hasattr(torch, dtype):
            raise ValueError(f"option dtype must be a torch type such as float32 or bfloat16, got {dtype!r}")
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(name, revision=revision, trust_remote_code=False)
            self.model = AutoModel.from_pretrained(
                name, revision=revision, trust_remote_code=False, dtype=getattr(torch, dtype)
            )
        except (OSError, ValueError) as error:
            raise ValueError(
                f"encoder {name!r} could not be loaded: give a folder with config.json, weights and tokenizer, a "
                f"hub id that this machine can reach, or {SURFACE!r}, which needs no weights ({error})"
            ) from error
        self.model.to(device).eval().requires_grad_(False)
        self.dim, self._device = int(self.model.config.hidden_size), device
        limit = getattr(self.model.config, "max_position_embeddings", max_length)
        self._max_length = min(max_length, limit, self._tokenizer.model_max_length)

    @torch.no_grad()
    def states(self, prompts: Sequence[str]) -> list[torch.Tensor]:
        """Batches of similar length. Padding stands on the right and is cut off: right for absolute and rotary
        positions, for causal and bidirectional attention alike."""
        prompts = list(prompts)
        if not prompts:
            return []
        tokens = self._tokenizer(prompts, truncation=True, max_length=self._max_length)["input_ids"]
        filler = next(i for i in (self._tokenizer.eos_token_id, self._tokenizer.pad_token_id, 0) if i is not None)
        tokens = [ids or [filler] for ids in tokens]
        results: list[torch.Tensor | None] = [None] * len(prompts)
        for batch in _batches([len(ids) for ids in tokens]):
            lengths = torch.tensor([len(tokens[i]) for i in batch])
            ids = torch.nn.utils.rnn.pad_sequence(
                [torch.tensor(tokens[i]) for i in batch], batch_first=True, padding_value=filler
            )
            mask = torch.arange(ids.shape[1])[None, :] < lengths[:, None]
            hidden = self.model(
                input_ids=ids.to(self._device), attention_mask=mask.long().to(self._device)
            ).last_hidden_state
            for row, i in enumerate(batch):
                results[i] = hidden[row, : len(tokens[i])].float()
        return results


class SurfaceEncoder:
    """Needs no weights: a fixed random vector per word (from its hash and its trigrams), hand-made features last.

    The mean of the word vectors is a random projection of the bag of words, so that pooled and attended states are
    sensible, if modest, features. Ours.
    """

    dim = 256

    def __init__(self, device: str = "cpu"):
        self._device = device

    def states(self, prompts: Sequence[str]) -> list[torch.Tensor]:
        """(words + 1, 256) per prompt."""
        return [torch.from_numpy(_surface_states(prompt)).to(self._device) for prompt in prompts]


_TOKEN = re.compile(r"\\[a-zA-Z]+|[A-Za-z]+|\d+|[\u4e00-\u9fff]|[^\w\s]")
_MAX_TOKENS = 512


def _surface_states(prompt: str) -> np.ndarray:
    words = _TOKEN.findall(prompt[:MAX_CHARACTERS].lower())[:_MAX_TOKENS]
    summary = np.zeros(SurfaceEncoder.dim, dtype=np.float32)
    summary[: len(NAMES)] = hand_features(prompt)
    return np.stack([*(_word_vector(word) for word in words), summary])


@lru_cache(maxsize=50_000)
def _word_vector(word: str) -> np.ndarray:
    padded = f"<{word}>"
    parts = [padded, *(padded[i : i + 3] for i in range(len(padded) - 2))]
    vectors = [np.random.default_rng(hash_of(part)).standard_normal(SurfaceEncoder.dim) for part in parts]
    vector = vectors[0] + np.mean(vectors, axis=0)
    # Short words are mostly function words and signs; they must not drown the others in the mean.
    return (vector * min(len(word), 6) / 6).astype(np.float32)


def _batches(lengths: list[int]) -> list[list[int]]:
    """Indices in batches of at most _TOKENS_PER_BATCH padded tokens, similar lengths together."""
    batches: list[list[int]] = []
    for i in sorted(range(len(lengths)), key=lambda i: (lengths[i], i)):
        if batches and (len(batches[-1]) + 1) * lengths[i] <= _TOKENS_PER_BATCH:
            batches[-1].append(i)
        else:
            batches.append([i])
    return batches

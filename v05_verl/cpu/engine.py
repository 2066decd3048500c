# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Continuous batching with a key/value cache on a transformers causal language model: small, plain, for tiny models.

Each running sequence owns one row of a preallocated cache; running rows are kept contiguous, so that a decoding step
works on views. A new sequence is prefilled as soon as a row is free, and every step then adds one token to every
running sequence.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Set
from dataclasses import dataclass, field

import torch
from transformers import (
    Cache,
    LogitsProcessorList,
    PreTrainedModel,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)


@dataclass(frozen=True)
class Sampling:
    """temperature 0 is greedy; top_p in (0, 1]; top_k <= 0 keeps the whole vocabulary."""

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = -1


@dataclass(eq=False)
class Sequence:
    """One request: prompt in, tokens and their log probabilities out.

    ``on_done(stop_reason)`` is called once, when it ends; ``on_error(error)`` instead where the engine failed on it.
    """

    prompt: list[int]
    max_tokens: int
    sampling: Sampling
    on_done: Callable[[str], None]
    on_error: Callable[[Exception], None]
    tokens: list[int] = field(default_factory=list)
    log_probs: list[float] = field(default_factory=list)

    @property
    def length(self) -> int:
        return len(self.prompt) + len(self.tokens)


class _RowCache(Cache):
    """Keys and values of every layer: (rows, heads, positions, head size), written in place."""

    def __init__(self, model: PreTrainedModel, rows: int, positions: int):
        super().__init__(layers=[])
        config = model.config
        heads = config.num_key_value_heads
        head_size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        shape = (config.num_hidden_layers, rows, heads, positions, head_size)
        self.keys = torch.zeros(shape, dtype=model.dtype)
        self.values = torch.zeros(shape, dtype=model.dtype)
        self._rows, self._positions, self._span = slice(0), torch.empty(0, dtype=torch.long), 0

    def write_at(self, rows: slice, positions: torch.Tensor, span: int) -> None:
        """The next forward pass writes ``positions`` (rows, tokens) and attends to positions below ``span``."""
        self._rows, self._positions, self._span = rows, positions, span

    def update(self, key_states, value_states, layer_idx, *args, **kwargs):
        keys, values = self.keys[layer_idx][self._rows], self.values[layer_idx][self._rows]
        row = torch.arange(len(keys))[:, None]
        keys[row, :, self._positions] = key_states.transpose(1, 2)
        values[row, :, self._positions] = value_states.transpose(1, 2)
        return keys[:, :, : self._span], values[:, :, : self._span]

    def move_row(self, source: int, target: int) -> None:
        self.keys[:, target] = self.keys[:, source]
        self.values[:, target] = self.values[:, source]


class Engine:
    """Generates for many requests at once.

    Args:
        model: a decoder-only model with full attention, in eval mode.
        eos_token_ids: any of these ends a sequence.
        vocab_size: ids from here on are padding of the embedding and are never sampled.
        max_rows: sequences that run at the same time.
        max_positions: prompt plus response tokens of the longest sequence.
        seed: of the sampling generator.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        *,
        eos_token_ids: Set[int],
        vocab_size: int,
        max_rows: int,
        max_positions: int,
        seed: int,
    ):
        self.model = model
        self.max_positions = max_positions
        self._eos_token_ids = eos_token_ids
        self._vocab_size = vocab_size
        self._max_rows = max_rows
        self._cache = _RowCache(model, max_rows, max_positions)
        self._generator = torch.Generator().manual_seed(seed)
        self._waiting: deque[Sequence] = deque()
        self._running: list[Sequence] = []

    @property
    def busy(self) -> bool:
        return bool(self._waiting or self._running)

    @property
    def running(self) -> int:
        return len(self._running)

    def add(self, sequence: Sequence) -> None:
        """Queues a request; raises ValueError where it cannot fit."""
        self._check_that_it_fits(sequence.prompt, sequence.max_tokens)
        self._waiting.append(sequence)

    @torch.inference_mode()
    def log_probs(self, prompt: list[int], response: list[int]) -> list[float]:
        """Log-probability of each token of ``response`` given those before it, at temperature 1: one forward pass.

        Leaves the requests under way alone. Raises ValueError where it cannot fit.
        """
        self._check_that_it_fits(prompt, len(response))
        token_ids = torch.tensor([[*prompt, *response[:-1]]])
        hidden = self.model.base_model(input_ids=token_ids, use_cache=False).last_hidden_state[0, len(prompt) - 1 :]
        return self._logits(hidden).log_softmax(dim=-1).gather(1, torch.tensor(response)[:, None])[:, 0].tolist()

    def _check_that_it_fits(self, prompt: list[int], new_tokens: int) -> None:
        if not prompt:
            raise ValueError("the prompt is empty: there is nothing to continue")
        if new_tokens < 1 or len(prompt) + new_tokens > self.max_positions:
            raise ValueError(
                f"prompt of {len(prompt)} tokens plus {new_tokens} new ones does not fit into "
                f"{self.max_positions} positions; raise rollout.max_model_len or shorten the prompt"
            )

    def step(self, admit: bool = True) -> None:
        """Adds one token to every running sequence and, with ``admit``, starts waiting ones where rows are free."""
        decoding = len(self._running)
        if decoding:
            self._decode(self._running)
        admitted = []
        while admit and self._waiting and decoding + len(admitted) < self._max_rows:
            admitted.append(self._waiting.popleft())
        if admitted:
            self._running.extend(admitted)
            self._prefill(slice(decoding, decoding + len(admitted)), admitted)
        self._retire()

    def drop_all(self) -> list[Sequence]:
        """Forgets every request, waiting or running, and returns them."""
        dropped = [*self._running, *self._waiting]
        self._running.clear()
        self._waiting.clear()
        return dropped

    @torch.inference_mode()
    def _prefill(self, rows: slice, sequences: list[Sequence]) -> None:
        lengths = torch.tensor([len(sequence.prompt) for sequence in sequences])
        span = int(lengths.max())
        # Right padding: a padded position is overwritten by decoding before anything attends to it.
        token_ids = torch.zeros((len(sequences), span), dtype=torch.long)
        for row, sequence in enumerate(sequences):
            token_ids[row, : len(sequence.prompt)] = torch.tensor(sequence.prompt)
        positions = torch.arange(span).expand(len(sequences), span)
        causal = torch.ones((span, span), dtype=torch.bool).tril()
        hidden = self._forward(rows, token_ids, positions, span, causal.expand(len(sequences), 1, span, span))
        self._sample(sequences, hidden[torch.arange(len(sequences)), lengths - 1])

    @torch.inference_mode()
    def _decode(self, sequences: list[Sequence]) -> None:
        positions = torch.tensor([[sequence.length - 1] for sequence in sequences])
        token_ids = torch.tensor([[sequence.tokens[-1]] for sequence in sequences])
        span = int(positions.max()) + 1
        visible = (torch.arange(span) <= positions)[:, None, None, :]
        hidden = self._forward(slice(0, len(sequences)), token_ids, positions, span, visible)
        self._sample(sequences, hidden[:, 0])

    def _forward(self, rows: slice, token_ids, positions, span: int, visible) -> torch.Tensor:
        self._cache.write_at(rows, positions, span)
        return self.model.base_model(
            input_ids=token_ids,
            position_ids=positions,
            attention_mask=visible,
            past_key_values=self._cache,
            use_cache=True,
        ).last_hidden_state

    def _logits(self, hidden: torch.Tensor) -> torch.Tensor:
        return self.model.get_output_embeddings()(hidden).float()[:, : self._vocab_size]

    def _sample(self, sequences: list[Sequence], hidden: torch.Tensor) -> None:
        logits = self._logits(hidden)
        by_sampling: dict[Sampling, list[int]] = {}
        for row, sequence in enumerate(sequences):
            by_sampling.setdefault(sequence.sampling, []).append(row)
        for sampling, rows in by_sampling.items():
            log_probs = torch.log_softmax(_warped(logits[rows], sampling), dim=-1)
            if sampling.temperature == 0:
                chosen = log_probs.argmax(dim=-1, keepdim=True)
            else:
                chosen = torch.multinomial(log_probs.exp(), 1, generator=self._generator)
            chosen_log_probs = log_probs.gather(1, chosen)[:, 0].tolist()
            for row, token, log_prob in zip(rows, chosen[:, 0].tolist(), chosen_log_probs, strict=True):
                sequences[row].tokens.append(token)
                sequences[row].log_probs.append(log_prob)

    def _retire(self) -> None:
        row = 0
        while row < len(self._running):
            sequence = self._running[row]
            if sequence.tokens[-1] not in self._eos_token_ids and len(sequence.tokens) < sequence.max_tokens:
                row += 1
                continue
            last = self._running.pop()
            if last is not sequence:
                self._cache.move_row(len(self._running), row)
                self._running[row] = last
            sequence.on_done("completed")


def _warped(logits: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    if sampling.temperature == 0:
        return logits
    warpers = LogitsProcessorList()
    if sampling.temperature != 1.0:
        warpers.append(TemperatureLogitsWarper(sampling.temperature))
    if 0 < sampling.top_k < logits.shape[-1]:
        warpers.append(TopKLogitsWarper(sampling.top_k))
    if sampling.top_p < 1.0:
        warpers.append(TopPLogitsWarper(sampling.top_p))
    return warpers(None, logits)

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Independent samples at temperature 1; rollouts with the same tokens so far share one row of the computation."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from v05_verl.lab.tiny_lm import Cache, TinyLM


class Samples(NamedTuple):
    """One row per rollout, prompt after prompt."""

    group: np.ndarray
    """(N,) index of the prompt."""
    tokens: np.ndarray
    """(N, max_new_tokens) response tokens, EOS included, then -1."""
    log_probs: np.ndarray
    """(N, max_new_tokens) log-probabilities of the tokens, then 0."""

    @property
    def lengths(self) -> np.ndarray:
        return (self.tokens >= 0).sum(1)


@torch.no_grad()
def sample(
    model: TinyLM,
    prompts: list[list[int]],
    counts: np.ndarray,
    rng: np.random.Generator,
    *,
    eos_id: int,
    pad_id: int,
    max_new_tokens: int,
) -> Samples:
    """``counts[i]`` independent responses to ``prompts[i]``, each ended by EOS or cut at ``max_new_tokens``."""
    group = np.repeat(np.arange(len(prompts)), counts)
    samples = Samples(
        group,
        np.full((len(group), max_new_tokens), -1),
        np.zeros((len(group), max_new_tokens)),
    )
    logits, caches, seen = _prefill(model, prompts, pad_id)
    alive, node = np.arange(len(group)), group
    for position in range(max_new_tokens):
        log_probs = torch.log_softmax(logits.double(), -1).numpy()
        token = _draw(np.exp(log_probs), node, rng)
        samples.tokens[alive, position] = token
        samples.log_probs[alive, position] = log_probs[node, token]
        goes_on = token != eos_id
        if position + 1 == max_new_tokens or not goes_on.any():
            break
        alive, vocabulary = alive[goes_on], logits.shape[1]
        children, node = np.unique(node[goes_on] * vocabulary + token[goes_on], return_inverse=True)
        parents = torch.from_numpy(children // vocabulary)
        caches = [Cache(*(part.index_select(0, parents) for part in cache)) for cache in caches]
        seen = torch.cat([seen.index_select(0, parents), torch.ones(len(children), 1, dtype=torch.bool)], 1)
        states, caches = model(
            torch.from_numpy(children % vocabulary)[:, None], mask=seen[:, None, None, :], past=caches
        )
        logits = model.logits(states[:, -1])
    return samples


def _prefill(model: TinyLM, prompts: list[list[int]], pad_id: int) -> tuple[Tensor, list[Cache], Tensor]:
    """Logits after each prompt, its caches, and which cached positions are no padding; prompts are left-padded."""
    longest = max(map(len, prompts))
    tokens = torch.tensor([[pad_id] * (longest - len(prompt)) + prompt for prompt in prompts])
    seen = torch.tensor([[False] * (longest - len(prompt)) + [True] * len(prompt) for prompt in prompts])
    causal = torch.ones(longest, longest, dtype=torch.bool).tril()
    # A padding position attends to itself, so that its softmax is over something; nothing else attends to it.
    mask = (causal & seen[:, None, :]) | torch.eye(longest, dtype=torch.bool)
    states, caches = model(tokens, mask=mask[:, None])
    return model.logits(states[:, -1]), caches, seen


def _draw(probabilities: np.ndarray, node: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One token for each rollout from the distribution at its node."""
    cumulative = np.cumsum(probabilities, axis=1)[node]
    threshold = rng.random(len(node)) * cumulative[:, -1]
    return np.minimum((cumulative <= threshold[:, None]).sum(1), probabilities.shape[1] - 1)

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Log-probabilities of many sequences that share prefixes: each distinct prefix is computed once.

Groups share their prompt, and rollouts of an easy prompt are mostly the same; the result is that of one padded row per
sequence, at a third of the work on the toy tasks.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from v05_verl.lab.tiny_lm import TinyLM, rms_norm


class PrefixTree(NamedTuple):
    """The distinct prefixes (nodes) of a set of sequences."""

    token: Tensor
    """(nodes,) last token of each prefix."""
    position: Tensor
    """(nodes,) its position."""
    node: Tensor
    """(sequences, time) node of every token; 0 after the end."""
    representative: Tensor
    """(nodes,) flat index into ``node`` of one place where the node occurs."""


def build_prefix_tree(sequences: np.ndarray, lengths: np.ndarray) -> PrefixTree:
    """``sequences`` (B, T) tokens; of row b the first ``lengths[b]`` count."""
    rows, longest = sequences.shape
    vocabulary = int(sequences.max()) + 1
    node = np.zeros((rows, longest), dtype=np.int64)
    tokens, positions, representatives = [], [], []
    count, parent = 0, np.zeros(rows, dtype=np.int64)
    for time in range(int(lengths.max())):
        here = np.flatnonzero(lengths > time)
        keys, first, index = np.unique(
            parent[here] * vocabulary + sequences[here, time], return_index=True, return_inverse=True
        )
        node[here, time] = parent[here] = count + index
        tokens.append(keys % vocabulary)
        positions.append(np.full(len(keys), time))
        representatives.append(here[first] * longest + time)
        count += len(keys)
    flat = (torch.from_numpy(np.concatenate(parts)) for parts in (tokens, positions, representatives))
    token, position, representative = flat
    return PrefixTree(token, position, torch.from_numpy(node), representative)


def tree_states(model: TinyLM, tree: PrefixTree) -> Tensor:
    """(nodes, hidden) final states, differentiable."""
    rope = model.cos[tree.position], model.sin[tree.position]
    x = F.embedding(tree.token, model.embedding)
    rows, time = tree.node.shape
    for layer in model.layers:
        qkv = layer.rotated_qkv(x, rope)
        # Spread over the sequences for attention alone. F.embedding, since its backward pass sums duplicates fast.
        spread = F.embedding(tree.node, qkv.flatten(1)).view(rows, time, *qkv.shape[1:])
        queries, keys, values = spread.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(queries, keys, values, is_causal=True)
        mixed = mixed.transpose(1, 2).reshape(rows * time, -1).index_select(0, tree.representative)
        x = layer.after_attention(x, mixed)
    return rms_norm(x, model.norm)


def response_log_probs(model: TinyLM, prompts: list[list[int]], group: np.ndarray, tokens: np.ndarray) -> Tensor:
    """(N, R) log-probabilities of the response tokens, 0 where ``tokens`` is -1; differentiable.

    Args:
        prompts: token ids of each prompt.
        group: (N,) index of each response's prompt.
        tokens: (N, R) response tokens, then -1.
    """
    response_lengths = (tokens >= 0).sum(1)
    prompt_lengths = np.array([len(prompt) for prompt in prompts])[group]
    # The last response token is predicted, not read.
    lengths = prompt_lengths + response_lengths - 1
    sequences = np.zeros((len(group), int(lengths.max()) + 1), dtype=np.int64)
    for row, prompt in enumerate(group):
        start = prompt_lengths[row]
        sequences[row, :start] = prompts[prompt]
        sequences[row, start : start + response_lengths[row]] = tokens[row, : response_lengths[row]]
    sequences = sequences[:, :-1] if sequences.shape[1] > lengths.max() else sequences

    distinct, inverse = np.unique(np.column_stack([sequences, lengths]), axis=0, return_inverse=True)
    tree = build_prefix_tree(distinct[:, :-1], distinct[:, -1])
    log_probs = torch.log_softmax(model.logits(tree_states(model, tree)), -1)

    # The token at response position r is predicted by the node at sequence position prompt_length - 1 + r.
    at = np.minimum(prompt_lengths[:, None] - 1 + np.arange(tokens.shape[1]), distinct.shape[1] - 2)
    nodes = tree.node.numpy()[inverse.reshape(-1, 1), at]
    chosen = log_probs.flatten()[torch.from_numpy(nodes * log_probs.shape[1] + np.maximum(tokens, 0))]
    return chosen * torch.from_numpy(tokens >= 0)

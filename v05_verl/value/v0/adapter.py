# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""The residual query adapter of V0: a prompt's token states in, a fixed number of features out."""

from __future__ import annotations

import torch
from torch import nn


class QueryAdapter(nn.Module):
    """Queries that depend on the prompt attend over its token states (arXiv 2602.03584)::

        q   = static_queries + generator(h)               h = state of the last token; the offset starts at 0
        kv  = proj_kv(states)
        out = mha(ln_q(q), ln_kv(kv), kv)                 flattened: n_queries * query_dim features

    Names and shapes of the parameters are those of the release (``adapter_layer.*``).

    Args:
        dim: d, width of the states.
        n_queries: K, 168 in the release.
        query_dim: 6 in the release.
        n_heads: 3 in the release.
        hidden: width of the generator, 128 in the release.
        dropout: in the generator, .2 in the release.
    """

    def __init__(
        self,
        dim: int,
        n_queries: int = 168,
        query_dim: int = 6,
        n_heads: int = 3,
        hidden: int = 128,
        dropout: float = 0.2,
    ):
        super().__init__()
        self.n_queries, self.query_dim = n_queries, query_dim
        self.static_queries = nn.Parameter(torch.randn(n_queries, query_dim))
        self.generator = nn.Sequential(
            nn.Linear(dim, hidden),
            nn.LayerNorm(hidden),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, n_queries * query_dim),
        )
        nn.init.zeros_(self.generator[-1].weight)
        nn.init.zeros_(self.generator[-1].bias)
        self.proj_kv = nn.Linear(dim, query_dim)
        self.mha = nn.MultiheadAttention(query_dim, n_heads, batch_first=True)
        self.ln_q = nn.LayerNorm(query_dim)
        self.ln_kv = nn.LayerNorm(query_dim)

    @property
    def n_features(self) -> int:
        return self.n_queries * self.query_dim

    def forward(self, states: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """(B, T, d) states padded on the right, (B,) lengths of at least 1 -> (B, n_queries * query_dim) features."""
        rows = torch.arange(len(states), device=states.device)
        last = states[rows, lengths - 1]
        offset = self.generator(last).view(-1, self.n_queries, self.query_dim)
        queries = self.ln_q(self.static_queries + offset)
        values = self.proj_kv(states)
        padding = torch.arange(states.shape[1], device=states.device)[None, :] >= lengths[:, None]
        attended, _ = self.mha(queries, self.ln_kv(values), values, key_padding_mask=padding, need_weights=False)
        return attended.flatten(1)


def padded(states: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """(B, T, d) states padded on the right with zeros, and (B,) lengths."""
    lengths = torch.tensor([len(each) for each in states], device=states[0].device)
    return nn.utils.rnn.pad_sequence(states, batch_first=True), lengths


def pooled(states: list[torch.Tensor]) -> torch.Tensor:
    """(B, 2 d): mean over the tokens before the last (over the only one), and the last; the control without adapter."""
    return torch.stack([torch.cat([(each[:-1] if len(each) > 1 else each).mean(0), each[-1]]) for each in states])

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""A two-layer Qwen2 in plain torch, with a cache that the lab's sampler can reorder: what transformers computes."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

HEAD_DIM = 32  # vLLM's attention on CPU takes 32, 64, 80, ...
ROPE_THETA = 10000.0
NORM_EPS = 1e-6


class Shape(NamedTuple):
    """Sizes of the model; the default has about 85,000 parameters with the toy alphabet."""

    vocabulary: int
    hidden: int = 64
    feed_forward: int = 128
    layers: int = 2

    @property
    def heads(self) -> int:
        return self.hidden // HEAD_DIM


class Cache(NamedTuple):
    """Keys and values of one layer, (batch, heads, time, HEAD_DIM)."""

    keys: Tensor
    values: Tensor


class Layer(nn.Module):
    """Pre-norm attention and SwiGLU; q, k, v and gate, up are stored as one matrix each."""

    def __init__(self, shape: Shape):
        super().__init__()
        hidden, wide = shape.hidden, shape.feed_forward
        self.heads = shape.heads
        self.norm1 = nn.Parameter(torch.ones(hidden))
        self.norm2 = nn.Parameter(torch.ones(hidden))
        self.qkv = nn.Parameter(torch.randn(3 * hidden, hidden) * 0.02)
        self.qkv_bias = nn.Parameter(torch.zeros(3 * hidden))
        self.out = nn.Parameter(torch.randn(hidden, hidden) * 0.02)
        self.gate_up = nn.Parameter(torch.randn(2 * wide, hidden) * 0.02)
        self.down = nn.Parameter(torch.randn(hidden, wide) * 0.02)

    def forward(
        self, x: Tensor, rope: tuple[Tensor, Tensor], mask: Tensor | None, past: Cache | None
    ) -> tuple[Tensor, Cache]:
        batch, time, hidden = x.shape
        queries, keys, values = self.rotated_qkv(x, rope).permute(2, 0, 3, 1, 4)
        if past is not None:
            keys, values = torch.cat([past.keys, keys], 2), torch.cat([past.values, values], 2)
        mixed = F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask, is_causal=mask is None)
        return self.after_attention(x, mixed.transpose(1, 2).reshape(batch, time, hidden)), Cache(keys, values)

    def rotated_qkv(self, x: Tensor, rope: tuple[Tensor, Tensor]) -> Tensor:
        """(..., hidden) -> (..., 3, heads, HEAD_DIM): queries and keys turned to their positions, and values."""
        qkv = F.linear(rms_norm(x, self.norm1), self.qkv, self.qkv_bias)
        turned, values = qkv.view(*x.shape[:-1], 3, self.heads, HEAD_DIM).split([2, 1], dim=-3)
        cos, sin = (table[..., None, None, :] for table in rope)
        first, second = turned.chunk(2, -1)
        return torch.cat([turned * cos + torch.cat([-second, first], -1) * sin, values], dim=-3)

    def after_attention(self, x: Tensor, mixed: Tensor) -> Tensor:
        """The rest of the layer, token by token: output projection and feed-forward."""
        x = x + F.linear(mixed, self.out)
        gate, up = F.linear(rms_norm(x, self.norm2), self.gate_up).chunk(2, -1)
        return x + F.linear(F.silu(gate) * up, self.down)


class TinyLM(nn.Module):
    """Decoder-only language model whose weights load into transformers' Qwen2ForCausalLM and back."""

    def __init__(self, shape: Shape, max_positions: int = 512):
        super().__init__()
        self.shape = shape
        self.max_positions = max_positions
        self.embedding = nn.Parameter(torch.randn(shape.vocabulary, shape.hidden) * 0.02)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.norm = nn.Parameter(torch.ones(shape.hidden))
        self.head = nn.Parameter(torch.randn(shape.vocabulary, shape.hidden) * 0.02)
        frequency = ROPE_THETA ** (-torch.arange(0, HEAD_DIM, 2) / HEAD_DIM)
        angle = torch.outer(torch.arange(max_positions), frequency).repeat(1, 2)
        self.register_buffer("cos", angle.cos(), persistent=False)
        self.register_buffer("sin", angle.sin(), persistent=False)

    def forward(
        self, tokens: Tensor, *, mask: Tensor | None = None, past: list[Cache] | None = None
    ) -> tuple[Tensor, list[Cache]]:
        """(batch, time) tokens -> (batch, time, hidden) states and the caches that continue them.

        Without ``mask`` attention is causal: right padding then changes nothing for the tokens before it. With left
        padding pass a boolean mask, broadcast to (batch, heads, time, past + time), True where attention is allowed.
        """
        start = past[0].keys.shape[2] if past else 0
        rope = self.cos[start : start + tokens.shape[1]], self.sin[start : start + tokens.shape[1]]
        x, caches = F.embedding(tokens, self.embedding), []
        for index, layer in enumerate(self.layers):
            x, cache = layer(x, rope, mask, past[index] if past else None)
            caches.append(cache)
        return rms_norm(x, self.norm), caches

    def logits(self, states: Tensor) -> Tensor:
        return F.linear(states, self.head)


def rms_norm(x: Tensor, weight: Tensor) -> Tensor:
    return F.rms_norm(x, (x.shape[-1],), weight, NORM_EPS)


def to_transformers(model: TinyLM) -> dict[str, Tensor]:
    """The weights under the names of Qwen2ForCausalLM."""
    weights = {"model.embed_tokens.weight": model.embedding, "model.norm.weight": model.norm}
    weights["lm_head.weight"] = model.head
    for index, layer in enumerate(model.layers):
        at = f"model.layers.{index}."
        for name, weight, bias in zip("qkv", layer.qkv.chunk(3), layer.qkv_bias.chunk(3), strict=True):
            weights[f"{at}self_attn.{name}_proj.weight"] = weight
            weights[f"{at}self_attn.{name}_proj.bias"] = bias
        weights[f"{at}self_attn.o_proj.weight"] = layer.out
        gate, up = layer.gate_up.chunk(2)
        weights |= {f"{at}mlp.gate_proj.weight": gate, f"{at}mlp.up_proj.weight": up}
        weights[f"{at}mlp.down_proj.weight"] = layer.down
        weights |= {
            f"{at}input_layernorm.weight": layer.norm1,
            f"{at}post_attention_layernorm.weight": layer.norm2,
        }
    return {name: weight.detach().clone() for name, weight in weights.items()}


def save_pretrained(model: TinyLM, directory: Path, *, eos_id: int, pad_id: int) -> None:
    """Writes the model as a Qwen2 checkpoint that transformers and vLLM load."""
    from transformers import GenerationConfig, Qwen2Config, Qwen2ForCausalLM

    shape = model.shape
    config = Qwen2Config(
        vocab_size=shape.vocabulary,
        hidden_size=shape.hidden,
        intermediate_size=shape.feed_forward,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.heads,
        max_position_embeddings=model.max_positions,
        rope_parameters={"rope_type": "default", "rope_theta": ROPE_THETA},
        rms_norm_eps=NORM_EPS,
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=eos_id,
        pad_token_id=pad_id,
    )
    exported = Qwen2ForCausalLM(config).float()
    exported.load_state_dict(to_transformers(model))
    exported.generation_config = GenerationConfig(
        bos_token_id=None, eos_token_id=eos_id, pad_token_id=pad_id, do_sample=True
    )
    exported.save_pretrained(directory)

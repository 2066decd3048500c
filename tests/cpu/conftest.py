# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import torch
from transformers import Qwen2Config, Qwen2ForCausalLM


def tiny_model(positions: int) -> Qwen2ForCausalLM:
    """Random weights, the same at every call; 24 tokens, of which 0 pads and 1 ends."""
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=24,
        hidden_size=64,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=positions,
        bos_token_id=None,
        eos_token_id=1,
        pad_token_id=0,
    )
    return Qwen2ForCausalLM(config).eval()

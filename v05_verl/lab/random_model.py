# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""A tiny, randomly initialised Qwen2 with a byte-level tokenizer: reads any text, solves nothing.

Usage: python -m v05_verl.lab.random_model --out DIR [--positions 4096] [--seed 0]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from transformers import GenerationConfig, Qwen2Config, Qwen2ForCausalLM

from v05_verl.lab.tokenizer import build_tokenizer


def save_random_model(out: Path, positions: int, seed: int) -> int:
    """Writes tokenizer and model as a checkpoint that verl loads; returns the number of parameters."""
    torch.manual_seed(seed)
    tokenizer = build_tokenizer(alphabet=None)
    ids = {"bos_token_id": None, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=1,
        num_key_value_heads=1,
        max_position_embeddings=positions,
        tie_word_embeddings=False,
        **ids,
    )
    model = Qwen2ForCausalLM(config).float()
    model.generation_config = GenerationConfig(do_sample=True, **ids)
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    return sum(parameter.numel() for parameter in model.parameters())


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m v05_verl.lab.random_model", description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--positions", type=int, default=4096, help="longest sequence in tokens, one per byte")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    count = save_random_model(options.out, options.positions, options.seed)
    print(f"{options.out}: random Qwen2 with {count:,} parameters, one token per byte, {options.positions} positions")


if __name__ == "__main__":
    main()

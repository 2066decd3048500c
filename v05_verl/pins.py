# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Versions of packages and commits of hub repositories that this project was made with; nothing else pins any.

``recipes/requirements/*.txt`` are the complete lists of one environment, resolved from these. setup.py reads this file
before anything is installed, so it imports nothing.
"""

VERL = "0.9.1"
TRANSFER_QUEUE = "0.1.11"
TORCH_CPU = "2.13.0"
MATH_VERIFY = "0.8"  # and newer

HUB_REVISIONS = {
    "HuggingFaceH4/aime_2024": "2fe88a2f1091d5048c0f36abc874fb997b3dd99a",
    "math-ai/aime25": "563bb8404243c5f09de6ec262f2db674fe5bce9b",
    "math-ai/amc23": "80815d37005feb82cd7f8fbc6901d5d3eff43057",
    "HuggingFaceH4/MATH-500": "6e4ed1a2a79af7d8630a6b768ec859cb5af4d3be",
    "math-ai/minervamath": "ee46ddc498933b1977577953250ca5c66be64f96",
    "math-ai/olympiadbench": "4faaf1e6ec17d11a4218a9bf4c049ecaf954dd84",
    "BytedTsinghua-SIA/DAPO-Math-17k": "65877096c24ffa7abc4e4fa5edb95cf3413a5674",
    "Qwen/Qwen3-Embedding-0.6B": "c54f2e6e80b2d7b7de06f51cec4959f6b3e03418",
}

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""DAPO-Math-17k: 1,791,700 rows on the hub, 100 copies of 17,917; 17,398 prompts differ, 14,116 of them English."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from data_prep.problem import DataError, HubSource, Problem, ProblemSet, only_one, required_text
from data_prep.templates import strip_template


def parse(row: Mapping[str, Any], row_number: int) -> Problem:
    """Reads the upstream schema (one user message) and mirrors that put a system message before it."""
    messages = row.get("prompt")
    if not isinstance(messages, list):
        raise DataError(f"row {row_number}: prompt is {type(messages).__name__}, expected a list of messages")
    user = only_one((m for m in messages if m.get("role") == "user"), "user message in prompt", row_number)
    reward_model = row.get("reward_model")
    if not isinstance(reward_model, Mapping):
        raise DataError(f"row {row_number}: reward_model is {type(reward_model).__name__}, expected a mapping")
    text = strip_template(required_text(user, "content", row_number))
    if not text:
        raise DataError(f"row {row_number}: nothing but the prompt template; the problem is empty")
    return Problem(
        text=text,
        answer=required_text(reward_model, "ground_truth", row_number),
        id=str((row.get("extra_info") or {}).get("index", row_number)),
    )


SET = ProblemSet(
    name="dapo_math_17k",
    split="train",
    local=("dapo_math_17k/train.parquet", "dapo_math_17k/dapo-math-17k.parquet"),
    hub=HubSource(repo="BytedTsinghua-SIA/DAPO-Math-17k", revision=None, split="train"),
    origin="BytedTsinghua-SIA/DAPO-Math-17k",
    licence="Apache-2.0",
    columns=("prompt", "reward_model"),
    parse=parse,
)

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""DAPO-Math-17k: 1,791,700 rows on the hub, 100 copies of 17,917; 17,398 prompts differ, 14,116 of them English."""

from __future__ import annotations

from collections.abc import Mapping

from data_prep.problem import DataError, HubSource, Problem, ProblemSet, Row, answer_text, only_one, required_text
from data_prep.templates import strip_template


def parse(row: Row, row_number: int) -> Problem:
    """Reads the upstream schema (one user message) and mirrors that put a system message before it."""
    messages = row.get("prompt")
    if not isinstance(messages, list) or not all(isinstance(message, Mapping) for message in messages):
        raise DataError(f"row {row_number}: prompt is {type(messages).__name__}, expected a list of messages")
    user = only_one((m for m in messages if m.get("role") == "user"), "user message in prompt", row_number)
    reward_model = row.get("reward_model")
    if not isinstance(reward_model, Mapping):
        raise DataError(f"row {row_number}: reward_model is {type(reward_model).__name__}, expected a mapping")
    verbatim = strip_template(required_text(user.get("content"), "the prompt", row_number))
    identity = (row.get("extra_info") or {}).get("index")
    return Problem(
        text=required_text(verbatim, "the problem inside its template", row_number).strip(),
        answer=answer_text(reward_model.get("ground_truth"), row_number),
        id=str(row_number if identity is None else identity),
        row=row_number,
        verbatim=verbatim,
    )


SET = ProblemSet(
    name="dapo_math_17k",
    split="train",
    file="train.parquet",
    hub=HubSource(
        "BytedTsinghua-SIA/DAPO-Math-17k", split="train", revision="65877096c24ffa7abc4e4fa5edb95cf3413a5674"
    ),
    origin="BytedTsinghua-SIA/DAPO-Math-17k, English part from tmlr-group/Co-rewarding",
    licence="Apache-2.0",
    rows=14116,
    columns=(("prompt",), ("reward_model",), (None, "extra_info")),
    parse=parse,
)

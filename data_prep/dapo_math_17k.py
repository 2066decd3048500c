# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""DAPO-Math-17k: 1,791,700 rows on the hub, 100 copies of 17,917; 17,398 prompts differ, 14,116 of them English."""

from __future__ import annotations

from data_prep.problem import HubSource, Problem, ProblemSet, Row, simple_problem


def parse(row: Row, row_number: int) -> Problem:
    """Reads the upstream schema, mirrors that put a system message first, and those with the bare problem as prompt."""
    return simple_problem(row, row_number, None if row.get("reward_model") else row.get("solution"))


SET = ProblemSet(
    name="dapo_math_17k",
    split="train",
    file="train.parquet",
    hub=HubSource(
        "BytedTsinghua-SIA/DAPO-Math-17k",
        split="train",
        revision="65877096c24ffa7abc4e4fa5edb95cf3413a5674",
        rows=17398,
    ),
    origin="BytedTsinghua-SIA/DAPO-Math-17k, English part from tmlr-group/Co-rewarding",
    licence="Apache-2.0",
    rows=14116,
    columns=(("prompt",), ("reward_model", "solution"), (None, "extra_info")),
    parse=parse,
)

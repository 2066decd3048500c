# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""AMC 2023: 40 problems with integer answers, written as floats (27.0)."""

from __future__ import annotations

from data_prep.problem import ANSWER, ID, PROBLEM, HubSource, Problem, ProblemSet, Row, simple_problem


def parse(row: Row, row_number: int) -> Problem:
    return simple_problem(row, row_number)


SET = ProblemSet(
    name="amc2023",
    split="test",
    file="test.jsonl",
    hub=HubSource("math-ai/amc23", split="test", revision="80815d37005feb82cd7f8fbc6901d5d3eff43057"),
    origin="QwenLM/Qwen2.5-Math, evaluation",
    licence="MIT",
    rows=40,
    columns=(PROBLEM, ANSWER, (None, *ID), (None, "extra_info")),
    parse=parse,
)

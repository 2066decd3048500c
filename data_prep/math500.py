# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""MATH500: 500 problems of MATH, answers in LaTeX."""

from __future__ import annotations

from data_prep.problem import ANSWER, ID, PROBLEM, HubSource, Problem, ProblemSet, Row, simple_problem


def parse(row: Row, row_number: int) -> Problem:
    return simple_problem(row, row_number)


SET = ProblemSet(
    name="math500",
    split="test",
    file="test.jsonl",
    hub=HubSource("HuggingFaceH4/MATH-500", split="test", revision="6e4ed1a2a79af7d8630a6b768ec859cb5af4d3be"),
    origin="openai/prm800k",
    licence="MIT",
    rows=500,
    columns=(PROBLEM, ANSWER, (None, *ID), (None, "extra_info")),
    parse=parse,
)

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""AIME 2024: 30 problems, answers 0 to 999, some zero-padded ("025")."""

from __future__ import annotations

from data_prep.problem import ANSWER, ID, PROBLEM, HubSource, Problem, ProblemSet, Row, simple_problem


def parse(row: Row, row_number: int) -> Problem:
    return simple_problem(row, row_number)


SET = ProblemSet(
    name="aime2024",
    split="test",
    file="test.jsonl",
    hub=HubSource("HuggingFaceH4/aime_2024", split="train", revision="2fe88a2f1091d5048c0f36abc874fb997b3dd99a"),
    origin="QwenLM/Qwen2.5-Math, evaluation",
    licence="MIT",
    rows=30,
    columns=(PROBLEM, ANSWER, (None, *ID), (None, "extra_info")),
    parse=parse,
)

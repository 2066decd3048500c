# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""AIME 2025: 30 problems, answers 0 to 999."""

from __future__ import annotations

from data_prep.problem import ANSWER, ID, PROBLEM, HubSource, Problem, ProblemSet, Row, simple_problem


def parse(row: Row, row_number: int) -> Problem:
    return simple_problem(row, row_number)


SET = ProblemSet(
    name="aime2025",
    split="test",
    file="test.txt",
    hub=HubSource("math-ai/aime25", split="test", revision="563bb8404243c5f09de6ec262f2db674fe5bce9b"),
    origin="NVIDIA/NeMo-Skills",
    licence="Apache-2.0",
    rows=30,
    columns=(PROBLEM, ANSWER, (None, *ID), (None, "extra_info")),
    parse=parse,
)

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Minerva Math: 272 problems of MIT OpenCourseWare; the answer is the single \\boxed{} of the solution."""

from __future__ import annotations

from data_prep.problem import (
    ANSWER,
    ID,
    PROBLEM,
    DataError,
    HubSource,
    Problem,
    ProblemSet,
    Row,
    first_of,
    only_one,
    required_text,
    simple_problem,
)
from v05_verl.grading.latex import closing_brace

_BOX = "\\boxed{"


def parse(row: Row, row_number: int) -> Problem:
    if first_of(row, *ANSWER) is not None:
        return simple_problem(row, row_number)
    solution = required_text(row.get("solution"), "the solution", row_number)
    return simple_problem(
        row, row_number, only_one(boxed(solution, row_number), "\\boxed{} in the solution", row_number)
    )


def boxed(solution: str, row_number: int) -> list[str]:
    """Contents of all boxes in ``solution``; raises DataError where one is not closed."""
    contents, start = [], solution.find(_BOX)
    while start >= 0:
        opening = start + len(_BOX) - 1
        end = closing_brace(solution, opening)
        if end < 0:
            raise DataError(f"row {row_number}: a \\boxed{{ in the solution is not closed; correct or drop the row")
        contents.append(solution[opening + 1 : end])
        start = solution.find(_BOX, end)
    return contents


SET = ProblemSet(
    name="minerva_math",
    split="test",
    file="test.jsonl",
    hub=HubSource("math-ai/minervamath", split="test", revision="ee46ddc498933b1977577953250ca5c66be64f96"),
    origin="QwenLM/Qwen2.5-Math, evaluation",
    licence="MIT",
    rows=272,
    columns=(PROBLEM, ("solution", *ANSWER), (None, *ANSWER), (None, *ID), (None, "extra_info")),
    parse=parse,
)

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""All sets, in the order in which they are prepared, and what is peculiar to the rows of three of them."""

from __future__ import annotations

from typing import Any

from v05_verl.grading.latex import closing_brace

from .problem import (
    ANSWER,
    PROBLEM,
    DataError,
    Problem,
    ProblemSet,
    Row,
    first_of,
    only_one,
    plain_problem,
    required_text,
)

_BOX = "\\boxed{"


def minerva_problem(row: Row, row_number: int) -> Problem:
    """Without a column for the answer, it is the single \\boxed{} of the solution."""
    if first_of(row, *ANSWER) is not None:
        return plain_problem(row, row_number)
    solution = required_text(row.get("solution"), "the solution", row_number)
    answer = only_one(_boxed(solution, row_number), "\\boxed{} in the solution", row_number)
    return plain_problem(row, row_number, answer)


def olympiad_problem(row: Row, row_number: int) -> Problem:
    """Answers may have a unit and an absolute tolerance, or be several."""
    unit = row.get("unit")
    return plain_problem(
        row,
        row_number,
        unit=unit.strip() if isinstance(unit, str) else "",
        tolerance=_tolerance(row.get("error"), row_number),
        is_list=str(row.get("is_multiple_answer")).lower() == "true",
    )


def dapo_problem(row: Row, row_number: int) -> Problem:
    """The upstream schema, mirrors that put a system message first, and those with the bare problem as prompt."""
    return plain_problem(row, row_number, None if row.get("reward_model") else row.get("solution"))


def _boxed(solution: str, row_number: int) -> list[str]:
    contents, start = [], solution.find(_BOX)
    while start >= 0:
        opening = start + len(_BOX) - 1
        end = closing_brace(solution, opening)
        if end < 0:
            raise DataError(f"row {row_number}: a \\boxed{{ in the solution is not closed; correct or drop the row")
        contents.append(solution[opening + 1 : end])
        start = solution.find(_BOX, end)
    return contents


def _tolerance(value: Any, row_number: int) -> float | None:
    if value is None or value == "" or value != value:
        return None
    try:
        tolerance = float(str(value).split(",")[0])
    except ValueError as error:
        raise DataError(f"row {row_number}: error is {value!r}, expected a number such as 1e-1") from error
    return tolerance or None


_QWEN = "QwenLM/Qwen2.5-Math, evaluation"
_SETS = (
    # name, rows, file below --raw, its origin and licence; place on the hub
    ProblemSet("aime2024", 30, "test.jsonl", _QWEN, "MIT", "HuggingFaceH4/aime_2024", hub_split="train"),
    ProblemSet("aime2025", 30, "test.txt", "NVIDIA/NeMo-Skills", "Apache-2.0", "math-ai/aime25"),
    ProblemSet("amc2023", 40, "test.jsonl", _QWEN, "MIT", "math-ai/amc23"),
    ProblemSet("math500", 500, "test.jsonl", "openai/prm800k", "MIT", "HuggingFaceH4/MATH-500"),
    ProblemSet(
        "minerva_math",
        272,
        "test.jsonl",
        _QWEN,
        "MIT",
        "math-ai/minervamath",
        required=(PROBLEM, ("solution", *ANSWER)),
        parse=minerva_problem,
    ),
    # Open-ended problems in English without figures: 94 have several answers, 8 a unit, 1 a tolerance.
    ProblemSet(
        "olympiadbench",
        675,
        "test.jsonl",
        _QWEN,
        "MIT",
        "math-ai/olympiadbench",
        hub_rows=674,
        parse=olympiad_problem,
    ),
    # 1,791,700 rows on the hub, 100 copies of 17,917; 17,398 prompts differ, 14,116 of them English.
    ProblemSet(
        "dapo_math_17k",
        14116,
        "train.parquet",
        "BytedTsinghua-SIA/DAPO-Math-17k, English part from tmlr-group/Co-rewarding",
        "Apache-2.0",
        "BytedTsinghua-SIA/DAPO-Math-17k",
        split="train",
        hub_split="train",
        hub_rows=17398,
        required=(("prompt",), ("reward_model", "solution")),
        parse=dapo_problem,
    ),
)
SETS: dict[str, ProblemSet] = {problem_set.name: problem_set for problem_set in _SETS}
BENCHMARKS = tuple(name for name, problem_set in SETS.items() if problem_set.split == "test")

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""OlympiadBench, the open-ended mathematics problems in English without figures: 675.

94 have several answers, 8 a unit, 1 a tolerance. The hub's copy has 674 rows, one fewer than the file of the
Qwen2.5-Math evaluation.
"""

from __future__ import annotations

from typing import Any

from data_prep.problem import ANSWER, ID, PROBLEM, DataError, HubSource, Problem, ProblemSet, Row, simple_problem


def parse(row: Row, row_number: int) -> Problem:
    unit = row.get("unit")
    return simple_problem(
        row,
        row_number,
        unit=unit.strip() if isinstance(unit, str) else "",
        tolerance=_tolerance(row.get("error"), row_number),
        is_list=str(row.get("is_multiple_answer")).lower() == "true",
    )


def _tolerance(value: Any, row_number: int) -> float | None:
    """The absolute error that is allowed; None where the column is empty."""
    if value is None or value == "" or value != value:
        return None
    try:
        tolerance = float(str(value).split(",")[0])
    except ValueError as error:
        raise DataError(f"row {row_number}: error is {value!r}, expected a number such as 1e-1") from error
    return tolerance or None


SET = ProblemSet(
    name="olympiadbench",
    split="test",
    file="test.jsonl",
    hub=HubSource(
        "math-ai/olympiadbench",
        split="test",
        revision="4faaf1e6ec17d11a4218a9bf4c049ecaf954dd84",
        rows=674,
    ),
    origin="QwenLM/Qwen2.5-Math, evaluation",
    licence="MIT",
    rows=675,
    columns=(PROBLEM, ANSWER, (None, "unit"), (None, "error"), (None, "is_multiple_answer"), (None, *ID)),
    parse=parse,
)

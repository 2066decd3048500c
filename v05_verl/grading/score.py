# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""The reward function that verl calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from v05_verl.grading.extract import final_answer
from v05_verl.grading.latex import normalise, squeeze
from v05_verl.grading.numbers import parse_number


def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: str,
    extra_info: Mapping[str, Any] | None = None,
    *,
    reward_range: Sequence[float] = (-1.0, 1.0),
    **_: Any,
) -> dict[str, Any]:
    """Grade one response; verl's ``reward.custom_reward_function``."""
    lo, hi = (float(bound) for bound in reward_range)
    found = final_answer(solution_str)
    correct, path = _same(ground_truth, found.text)
    return {
        "score": hi if correct else lo,
        "acc": float(correct),
        "pred": found.text,
        "grader_path": path,
        "grader_timeout": 0.0,
        "grader_error": 0.0,
        "grader_no_answer": float(not found.text),
    }


def _same(gold: str, pred: str) -> tuple[bool, str]:
    if not pred:
        return False, "no_answer"
    gold, pred = normalise(gold), normalise(pred)
    if squeeze(gold) == squeeze(pred):
        return True, "string"
    left, right = parse_number(gold), parse_number(pred)
    return left is not None and right is not None and left.value == right.value, "number"

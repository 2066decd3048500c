# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Reward of the toy tasks, for verl's ``reward.custom_reward_function``."""

from __future__ import annotations

from typing import Any


def compute_score(
    data_source: str, solution_str: str, ground_truth: str, extra_info: dict[str, Any] | None = None, **kwargs: Any
) -> dict[str, float | str]:
    """1 if the response is exactly the answer (outer white space aside), else -1.

    Args:
        data_source, extra_info, kwargs: not read; verl passes them.
        solution_str: the decoded response.
        ground_truth: the answer.

    Returns:
        ``score`` -1.0 or 1.0, ``acc`` 0.0 or 1.0, ``pred`` the response as it was compared.

    Raises:
        TypeError: the response or the answer is not a string.
    """
    for name, value in (("solution_str", solution_str), ("ground_truth", ground_truth)):
        if not isinstance(value, str):
            raise TypeError(f"{name} must be a string, got {type(value).__name__} {value!r}")
    prediction = solution_str.strip()
    right = prediction == ground_truth
    return {"score": 1.0 if right else -1.0, "acc": float(right), "pred": prediction}


compute_score.reward_range = (-1.0, 1.0)

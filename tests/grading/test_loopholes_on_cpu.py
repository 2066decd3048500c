# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Answers that earn a reward which they do not deserve, and right ones that got none: each by hand."""

import pytest

from v05_verl.grading import compute_score


def accepts(gold: str, answer: str, data_source: str = "math500") -> bool:
    result = compute_score(data_source, f"Answer: {answer}", gold, workers=1)
    assert result["grader_path"] not in ("defect", "timeout", "error")
    return bool(result["acc"])


@pytest.mark.parametrize(
    ("response", "right"),
    [
        (r"So \boxed{34}. I put the answer in \boxed{} as asked.", True),
        (r"So \boxed{34}. I put the answer in $\boxed{\ }$ as asked.", True),
        (r"I was told to use \boxed{}. So \boxed{34}.", True),
        (r"So \boxed{34}. No, \boxed{35}. It stands in \boxed{}.", False),
        (r"So \boxed{34}. No, it is \boxed{3", False),
        (r"So 34, which is in \boxed{}.", False),
    ],
)
def test_an_empty_box_is_no_answer(response, right):
    assert bool(compute_score("math500", response, "34")["acc"]) is right

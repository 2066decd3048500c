# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Each benchmark's gold answers against themselves, in every accepted form, and against each other's."""

import random

import pytest

from data_prep.registry import BENCHMARKS, SETS
from data_prep.source import open_local
from v05_verl.grading import compute_score
from v05_verl.grading.canonical import canonical_answer

FORMS = [
    "Thus it follows.\n\nAnswer: {}",
    "Thus \\boxed{{{}}}.",
    "Thus it follows.\n\nAnswer: $\\boxed{{{}}}$",
    "Thus it follows.\n\n**Answer:** {}",
    "Thus it follows.\n\n**Answer: {}**",
    "The final answer is $\\boxed{{{}}}$. I hope it is correct.",
    "\\[\n\\boxed{{{}}}\n\\]",
]
PEERS = 12


def golds(name, raw):
    """(source's answer, canonical answer, extra_info) of each problem."""
    rows = open_local(SETS[name], raw).rows
    problems = [SETS[name].parse(row, number) for number, row in enumerate(rows)]
    result = []
    for problem in problems:
        gold = canonical_answer(problem.answer, problem.unit, problem.is_list)
        info = {"unit": gold.unit, "tolerance": problem.tolerance, "is_list": gold.is_list}
        result.append((problem.answer, gold.text, info))
    return result


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_gold_answer_is_accepted_in_every_form(name, raw):
    rejected = []
    for source, gold, info in golds(name, raw):
        for form in FORMS:
            # A source's own "$" delimiters would close those of the form; its "\$" are currency and stay.
            spoken = source.replace(r"\$", "\0").replace("$", "").replace("\0", r"\$")
            for answer in (spoken, gold):
                if not compute_score(name, form.format(answer), gold, info)["acc"]:
                    rejected.append((form, answer))
    assert rejected == []


@pytest.mark.parametrize("name", BENCHMARKS)
def test_other_problems_answers_are_rejected(name, raw):
    items = golds(name, raw)
    choose = random.Random(0)
    accepted, asked = [], 0
    for _, gold, info in items:
        others = [source for source, other, _ in items if other != gold]
        for answer in choose.sample(others, min(PEERS, len(others))):
            asked += 1
            if compute_score(name, f"Answer: {answer}", gold, info)["acc"]:
                accepted.append((gold, answer))
    print(f"{name}: {len(accepted)} of {asked} accepted: {accepted}")
    assert len(accepted) <= 0.005 * asked


def test_worked_solutions_are_graded_as_right(raw):
    """MATH500's solutions, written by people: their last box against the set's answer."""
    rejected = []
    for number, row in enumerate(open_local(SETS["math500"], raw, raw / "math500" / "test.jsonl").rows):
        gold = canonical_answer(SETS["math500"].parse(row, number).answer)
        info = {"unit": gold.unit, "is_list": gold.is_list}
        if not compute_score("math500", row["solution"], gold.text, info)["acc"]:
            rejected.append((gold.text, row["solution"][-100:]))
    assert rejected == []

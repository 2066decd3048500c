# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Training problems that a benchmark asks too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .problem import Problem
from .similarity import ShingleIndex, numbers, text_key

# A training set often appends a request ("find m + n"), so the measure is one-sided: how much of the benchmark's
# wording the training problem holds. Read on DAPO-Math-17k: from .65 on the pairs are one problem, below it short
# phrases begin to match; an equal answer settles the pairs between .5 and .65. From .9 on the text is almost verbatim:
# there, a number that is missing was that of the question ("What is $|z|^2$?") or of a condition ("for $n \geq 1$").
VERBATIM = 0.9
HELD = 0.65
HELD_WITH_SAME_ANSWER = 0.5


@dataclass(frozen=True)
class Match:
    """A benchmark problem and the training problem that holds it.

    Attributes:
        benchmark: name of the benchmark.
        id: the benchmark problem's id.
        train: position of the training problem.
        held: share of the benchmark problem's wording that the training problem holds.
        same_text: letters, digits and operators are equal.
        same_answer: the canonical answers are equal.
    """

    benchmark: str
    id: str
    train: int
    held: float
    same_text: bool
    same_answer: bool


def contamination(
    train: Sequence[Problem],
    train_answers: Sequence[str],
    benchmarks: Mapping[str, tuple[Sequence[Problem], Sequence[str]]],
) -> list[Match]:
    """Every (benchmark problem, training problem) pair that is the same problem.

    The numbers of the benchmark problem must all stand in the training problem, unless the wording is almost verbatim
    (``VERBATIM``): without that, variants with other numbers would count.

    Args:
        train: training problems, with ``train_answers`` their canonical answers.
        benchmarks: name -> (problems, canonical answers).
    """
    keys = [text_key(problem.text) for problem in train]
    amounts = [numbers(problem.text) for problem in train]
    index = ShingleIndex(keys)
    matches = []
    for name, (problems, answers) in benchmarks.items():
        own_keys = [text_key(problem.text) for problem in problems]
        found = index.containing(own_keys, HELD_WITH_SAME_ANSWER)
        for problem, key, answer, candidates in zip(problems, own_keys, answers, found, strict=True):
            wanted = numbers(problem.text)
            for position, held in candidates:
                same_answer = answer == train_answers[position]
                has_numbers = not wanted - amounts[position]
                if held >= VERBATIM or (has_numbers and (held >= HELD or same_answer)):
                    same_text = key == keys[position]
                    matches.append(Match(name, problem.id, position, round(held, 3), same_text, same_answer))
    return matches


def summary(matches: Sequence[Match], benchmarks: Sequence[str]) -> dict[str, Any]:
    """Counts per benchmark: its problems found, those with the same text, and the training problems concerned."""
    return {
        name: {
            "problems": len({match.id for match in matches if match.benchmark == name}),
            "same_text": len({match.id for match in matches if match.benchmark == name and match.same_text}),
            "training_rows": len({match.train for match in matches if match.benchmark == name}),
        }
        for name in benchmarks
    }

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Duplicates: exact ones while reading, near ones afterwards; contradictory ones are reported, or dropped."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from scipy.cluster.hierarchy import DisjointSet

from .problem import Problem
from .similarity import Figure, ShingleIndex, figure, numbers, text_key

# Measured on DAPO-Math-17k: of 229 pairs with a similarity of .5 to .7, the same answer and the same numbers, all that
# were read were one problem; pairs with other numbers or another answer are often variants.
NEAR = 0.5
CONTRADICTION = 0.8


@dataclass
class ExactDedup:
    """Keeps the first row of each problem and the answers of its copies; memory grows with distinct problems only.

    Attributes:
        drop: whether copies are dropped; otherwise they are kept, and still watched for contradictions.
        rows: rows seen.
        problems: rows that stay, in order.
        answers: position of a problem -> how often each answer stands beside it, for problems with copies.
    """

    drop: bool = True
    rows: int = 0
    problems: list[Problem] = field(default_factory=list)
    answers: dict[int, Counter[str]] = field(default_factory=dict)
    _position: dict[bytes, int] = field(default_factory=dict)

    def add(self, problem: Problem) -> None:
        self.rows += 1
        digest = hashlib.sha256(problem.verbatim.encode()).digest()[:16]
        position = self._position.setdefault(digest, len(self.problems))
        is_copy = position < len(self.problems)
        if is_copy:
            first = self.problems[position].answer
            self.answers.setdefault(position, Counter({first: 1}))[problem.answer] += 1
        if not (is_copy and self.drop):
            self.problems.append(problem)

    def contradictions(self) -> list[dict[str, Any]]:
        """Problems whose verbatim copies have different answers."""
        return [
            {"ids": [self.problems[position].id], "answers": dict(sorted(answers.items())), "similarity": 1.0}
            for position, answers in sorted(self.answers.items())
            if len(answers) > 1
        ]


@dataclass(frozen=True)
class NearDuplicates:
    """Attributes:
    keep: positions of the problems that stay, in order.
    groups: for each dropped problem the kept one: {"kept": id, "dropped": id, "similarity": s}.
    contradictions: groups of like problems with different answers: {"ids", "answers", "similarity"}.
    undecided: those of ``contradictions`` that hold one problem and of which none stays.
    """

    keep: list[int]
    groups: list[dict[str, Any]]
    contradictions: list[dict[str, Any]]
    undecided: list[dict[str, Any]]


def near_duplicates(problems: Sequence[Problem], answers: Sequence[str]) -> NearDuplicates:
    """Problems that differ in wording only.

    Two are the same where their letters, digits and operators are (``text_key``) and their figures do not tell them
    apart, or where they are alike (Jaccard similarity of ``NEAR``), hold the same numbers and have the same answer. Of
    each group the first problem with the group's most frequent answer stays; where several answers are the most
    frequent, none does: a label that another copy contradicts is no label, and which copy comes first in the file says
    nothing. Groups with several answers, and pairs as alike as ``CONTRADICTION`` with the same numbers and different
    answers, are reported as contradictions.

    Args:
        problems: without exact duplicates.
        answers: their canonical answers.
    """
    keys = [text_key(problem.text) for problem in problems]
    amounts = [numbers(problem.text) for problem in problems]
    same_problem = DisjointSet(range(len(problems)))
    similarity: dict[int, float] = {}
    for earlier, position in _equal_texts(keys, [figure(problem.text) for problem in problems], answers):
        if same_problem.merge(earlier, position):
            similarity[position] = 1.0
    contradictions = []
    for i, j, alike in ShingleIndex(keys).alike(NEAR):
        if amounts[i] != amounts[j] or keys[i] == keys[j]:
            continue
        if answers[i] == answers[j]:
            same_problem.merge(i, j)
            similarity.setdefault(j, alike)
        elif alike >= CONTRADICTION:
            contradictions.append(_contradiction(problems, answers, [i, j], alike))
    return _resolved(problems, answers, same_problem, similarity, contradictions)


def _equal_texts(keys: list[str], figures: list[Figure | None], answers: Sequence[str]) -> Iterator[tuple[int, int]]:
    """(first, later) of equal keys, unless their figures tell them apart.

    A key leaves figures out, and "What is the value of $x$ in the diagram?" says all in its figure. So two problems
    that both have one are the same where the drawings are, or both the inscriptions and the answers. A problem without
    a figure is a copy of those with one where these agree, and of none of them otherwise.
    """
    drawn = defaultdict(set)
    for key, drawing, answer in zip(keys, figures, answers, strict=True):
        if drawing:
            drawn[key].add((drawing.inscriptions, answer))
    first: dict[tuple, int] = {}
    for position, (key, drawing, answer) in enumerate(zip(keys, figures, answers, strict=True)):
        marks: list[tuple] = [(key,)] if not drawing or len(drawn[key]) == 1 else []
        if drawing:
            marks += [(key, drawing.drawing), (key, drawing.inscriptions, answer)]
        for mark in marks:
            yield first.setdefault(mark, position), position


def _resolved(problems, answers, same_problem: DisjointSet, similarity: dict, contradictions: list) -> NearDuplicates:
    keep, groups, undecided = [], [], []
    for members in sorted(sorted(members) for members in same_problem.subsets()):
        ranked = Counter(answers[member] for member in members).most_common()
        if len(ranked) > 1:
            contradictions.append(_contradiction(problems, answers, members, 1.0))
            if ranked[0][1] == ranked[1][1]:
                undecided.append(contradictions[-1])
                continue
        kept = next(member for member in members if answers[member] == ranked[0][0])
        keep.append(kept)
        groups += [
            {
                "kept": problems[kept].id,
                "dropped": problems[member].id,
                "similarity": round(similarity.get(member, 1.0), 3),
            }
            for member in members
            if member != kept
        ]
    return NearDuplicates(sorted(keep), groups, contradictions, undecided)


def _contradiction(problems, answers, members: Iterable[int], similarity: float) -> dict[str, Any]:
    members = list(members)
    counts = Counter(answers[member] for member in members)
    return {
        "ids": [problems[member].id for member in members],
        "answers": dict(sorted(counts.items())),
        "similarity": round(similarity, 3),
    }

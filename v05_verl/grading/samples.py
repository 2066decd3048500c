# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Gold answers of the prepared sets, for the audit and the benchmark."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FORM = "We compute step by step.\n\nAnswer: $\\boxed{{{}}}$"


@dataclass(frozen=True)
class Gold:
    """One row's gold answer: canonical, as its source writes it, and what the grader reads of ``extra_info``."""

    data_source: str
    text: str
    source: str
    extra_info: dict[str, Any]


def golds(raw: Path, sets: list[str] | None = None, limit: int = 1000) -> dict[str, list[Gold]]:
    """Set -> the gold answers of its first ``limit`` rows, from the raw files below ``raw``."""
    from data_prep.registry import SETS
    from data_prep.source import open_local
    from v05_verl.grading.canonical import canonical_answer

    found = {}
    for name in sets or list(SETS):
        rows = open_local(SETS[name], raw).rows
        problems = [SETS[name].parse(row, number) for number, row in zip(range(limit), rows, strict=False)]
        found[name] = []
        for problem in problems:
            gold = canonical_answer(problem.answer, problem.unit, problem.is_list)
            info = {"unit": gold.unit, "tolerance": problem.tolerance, "is_list": gold.is_list}
            found[name].append(Gold(name, gold.text, problem.answer, info))
    return found


def responses(raw: Path, count: int, seed: int = 0) -> list[tuple[Gold, str]]:
    """``count`` pairs of a gold answer and a response, drawn evenly from all sets; half of them carry that answer."""
    choose = random.Random(seed)
    found = golds(raw)
    pairs = []
    for items in found.values():
        for _ in range(count // len(found)):
            gold = choose.choice(items)
            answer = gold if choose.random() < 0.5 else choose.choice(items)
            pairs.append((gold, FORM.format(answer.text)))
    choose.shuffle(pairs)
    return pairs


def gold_pairs(raw: Path, seed: int = 0) -> Iterator[dict[str, Any]]:
    """Rows for the audit: each gold answer against itself, as its source writes it, and against another problem's."""
    from data_prep.registry import BENCHMARKS

    choose = random.Random(seed)
    for name, items in golds(raw, list(BENCHMARKS)).items():
        for gold in items:
            other = choose.choice([item for item in items if item.text != gold.text])
            for answer, equal in ((gold, True), (other, False)):
                spoken = answer.source.replace(r"\$", "\0").replace("$", "").replace("\0", r"\$")
                yield {
                    "answer": gold.text,
                    "response": FORM.format(spoken),
                    "data_source": name,
                    "extra_info": gold.extra_info,
                    "equal": equal,
                    "topic": f"{name}, {'same' if equal else 'other'}",
                }

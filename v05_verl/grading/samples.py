# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Answers and responses for the audit and the benchmark, from JSON lines and from prepared parquet files."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FORM = "We compute step by step.\n\nAnswer: $\\boxed{{{}}}$"


@dataclass(frozen=True)
class Pair:
    """A gold answer and a response; ``equal`` is None where nobody has judged it."""

    answer: str
    response: str
    data_source: str = ""
    extra_info: dict[str, Any] | None = None
    equal: bool | None = None
    topic: str = ""


@dataclass(frozen=True)
class Gold:
    """One row's gold answer: canonical, as its source writes it, and what the grader reads of ``extra_info``."""

    data_source: str
    text: str
    source: str
    extra_info: dict[str, Any]


def read_pairs(path: Path) -> list[Pair]:
    """Pairs of ``path``: its lines, or of a prepared set ``gold_pairs``; ValueError names a line that lacks one."""
    if path.suffix == ".parquet":
        return list(gold_pairs(golds(path)))
    with path.open(encoding="utf-8") as file:
        return [_pair(json.loads(line), f"{path}, line {number}") for number, line in enumerate(file, start=1)]


def _pair(row: dict[str, Any], where: str) -> Pair:
    if "response_or_answer" in row:  # cases of other graders' tests: a bare answer goes into a box
        text = row["response_or_answer"]
        response = text if row["kind"] == "response" else FORM.format(text)
        return Pair(row["gold"], response, equal=row["expected"], topic=row["suite"])
    answer, response = row.get("answer", row.get("gts")), row.get("response", row.get("output"))
    if answer is None or response is None:
        raise ValueError(f"{where}: answer (or gts) and response (or output) are needed")
    optional = {key: row[key] for key in ("data_source", "extra_info", "equal", "topic") if key in row}
    return Pair(answer, response, **optional)


def golds(path: Path) -> list[Gold]:
    """The gold answers of a file that ``data_prep`` has prepared."""
    import pyarrow.parquet

    rows = pyarrow.parquet.read_table(path, columns=["data_source", "reward_model", "extra_info"]).to_pylist()
    return [
        Gold(
            row["data_source"],
            row["reward_model"]["ground_truth"],
            row["extra_info"]["answer"],
            {key: row["extra_info"][key] for key in ("unit", "tolerance", "is_list")},
        )
        for row in rows
    ]


def gold_pairs(items: list[Gold], seed: int = 0) -> Iterator[Pair]:
    """Each gold answer of a set against itself, as its source writes it, and against another problem's."""
    choose = random.Random(seed)
    for gold in items:
        other = choose.choice([item for item in items if item.text != gold.text])
        for answer, equal in ((gold, True), (other, False)):
            spoken = answer.source.replace(r"\$", "\0").replace("$", "").replace("\0", r"\$")
            topic = f"{gold.data_source}, {'same' if equal else 'other'}"
            yield Pair(gold.text, FORM.format(spoken), gold.data_source, gold.extra_info, equal, topic)


def responses(sets: list[list[Gold]], count: int, seed: int = 0) -> list[tuple[Gold, str]]:
    """``count`` pairs of a gold answer and a response, drawn evenly from all sets; half of them carry that answer."""
    choose = random.Random(seed)
    pairs = []
    for items in sets:
        for _ in range(count // len(sets)):
            gold = choose.choice(items)
            answer = gold if choose.random() < 0.5 else choose.choice(items)
            pairs.append((gold, FORM.format(answer.text)))
    choose.shuffle(pairs)
    return pairs

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Lists where graders disagree: ours, verl's two mathematical scorers, and math-verify.

    python -m v05_verl.grading.audit tests/grading/pairs.jsonl
    python -m v05_verl.grading.audit rollouts/17.jsonl --against math_verify --show 50
    python -m v05_verl.grading.audit --golds ../shared/data/raw

FILE holds one JSON object per line: ``answer`` (or ``gts``) and ``response`` (or ``output``, so that verl's rollout and
validation dumps can be read); ``data_source``, ``extra_info`` and ``equal``, a verdict by hand, are optional.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from v05_verl.grading.extract import final_answer
from v05_verl.grading.pool import shared_pool
from v05_verl.grading.samples import gold_pairs
from v05_verl.grading.score import compute_score

Grader = Callable[["Pair"], bool]


@dataclass(frozen=True)
class Pair:
    """One line of the file; ``equal`` is None where nobody has judged it."""

    answer: str
    response: str
    data_source: str = ""
    extra_info: dict[str, Any] | None = None
    equal: bool | None = None
    topic: str = ""


def read_pairs(path: Path) -> Iterator[Pair]:
    """Pairs of ``path``; raises ValueError naming the line that lacks something."""
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            yield _pair(json.loads(line), f"{path}, line {number}")


def _pair(row: dict[str, Any], where: str) -> Pair:
    answer, response = row.get("answer", row.get("gts")), row.get("response", row.get("output"))
    if answer is None or response is None:
        raise ValueError(f"{where}: answer (or gts) and response (or output) are needed")
    optional = {key: row[key] for key in ("data_source", "extra_info", "equal", "topic") if key in row}
    return Pair(answer, response, **optional)


def graders(deadline: float = 10.0) -> dict[str, Grader]:
    """Name -> verdict of a grader on a pair."""
    from verl.utils.reward_score import math_dapo, math_reward

    pool = shared_pool(1, deadline)

    def math_verify(pair: Pair) -> bool:
        """math-verify on the answer that we find, as it has no fixed idea of where the answer stands."""
        return pool.verify(pair.answer, final_answer(pair.response).text).correct

    return {
        "ours": lambda pair: compute_score(pair.data_source, pair.response, pair.answer, pair.extra_info)["acc"] == 1,
        "math_dapo": lambda pair: bool(math_dapo.compute_score(pair.response, pair.answer)["acc"]),
        "math_reward": lambda pair: math_reward.compute_score(_boxed(pair.response), pair.answer) == 1,
        "math_verify": math_verify,
    }


def _boxed(response: str) -> str:
    """``response``, or its answer in a box where it has none: math_reward reads nothing else."""
    return response if r"\boxed" in response else rf"\boxed{{{final_answer(response).text}}}"


def audit(pairs: list[Pair], chosen: dict[str, Grader]) -> list[tuple[Pair, dict[str, bool]]]:
    """Every pair with the verdict of each grader."""
    return [(pair, {name: grader(pair) for name, grader in chosen.items()}) for pair in pairs]


def table(results: list[tuple[Pair, dict[str, bool]]]) -> str:
    """Who gets what wrong: agreement with the verdict by hand where there is one, with ours otherwise."""
    names = list(results[0][1]) if results else []
    judged = [(pair, verdicts) for pair, verdicts in results if pair.equal is not None]
    if not judged:
        agree = {name: sum(v[name] == v["ours"] for _, v in results) for name in names}
        return "\n".join(f"{name:12} agrees with ours on {agree[name]} of {len(results)}" for name in names)
    lines = [f"{'grader':12} {'right':>11} {'accepts wrongly':>16} {'rejects wrongly':>16}"]
    for name in names:
        right = sum(verdicts[name] == pair.equal for pair, verdicts in judged)
        accepts = sum(verdicts[name] and not pair.equal for pair, verdicts in judged)
        rejects = sum(not verdicts[name] and bool(pair.equal) for pair, verdicts in judged)
        lines.append(f"{name:12} {right:5} / {len(judged):<4} {accepts:15} {rejects:16}")
    lines += ["", "wrong verdicts by topic (of pairs)"]
    topics = Counter(pair.topic for pair, _ in judged)
    lines.append(f"{'topic':24} {'pairs':>5} " + " ".join(f"{name:>11}" for name in names))
    for topic, count in topics.items():
        wrong = [sum(v[name] != p.equal for p, v in judged if p.topic == topic) for name in names]
        lines.append(f"{topic:24} {count:5} " + " ".join(f"{number:11}" for number in wrong))
    return "\n".join(lines)


def disagreements(results: list[tuple[Pair, dict[str, bool]]], against: list[str]) -> Iterator[str]:
    """A line for each pair on which ours differs from the verdict by hand or from one of ``against``."""
    for pair, verdicts in results:
        wanted = {} if pair.equal is None else {"by hand": pair.equal}
        all_verdicts = {**wanted, "ours": verdicts["ours"], **{name: verdicts[name] for name in against}}
        if len(set(all_verdicts.values())) > 1:
            shown = ", ".join(f"{name} {'=' if verdict else '!='}" for name, verdict in all_verdicts.items())
            yield f"{pair.answer!r} | {pair.response[-80:]!r} | {shown}"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m v05_verl.grading.audit", description=__doc__.partition("\n")[0])
    parser.add_argument("file", type=Path, nargs="?", help="JSON lines of answers and responses")
    parser.add_argument("--golds", type=Path, metavar="RAW", help="check the gold answers below RAW instead")
    known = ("math_dapo", "math_reward", "math_verify")
    parser.add_argument("--against", nargs="*", choices=known, default=list(known), help="graders to compare with")
    parser.add_argument("--show", type=int, default=20, help="disagreements to list; 0 lists all")
    options = parser.parse_args(argv)
    chosen = {name: grader for name, grader in graders().items() if name == "ours" or name in options.against}
    if (options.file is None) == (options.golds is None):
        parser.error("name either FILE or --golds RAW")
    pairs = [_pair(row, "gold") for row in gold_pairs(options.golds)] if options.golds else read_pairs(options.file)
    results = audit(list(pairs), chosen)
    print(table(results))
    lines = list(disagreements(results, options.against))
    print(f"\n{len(lines)} pairs with a disagreement")
    for line in lines[: options.show or None]:
        print(" ", line)
    return 0


if __name__ == "__main__":
    sys.exit(main())

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Lists where graders disagree: ours, verl's two mathematical scorers, and math-verify on normalised answers.

    python -m v05_verl.grading.audit tests/grading/pairs.jsonl
    python -m v05_verl.grading.audit rollouts/17.jsonl --against math_verify --show 50
    python -m v05_verl.grading.audit data/math500.parquet

A JSON line holds ``answer`` (or ``gts``) and ``response`` (or ``output``, so that verl's rollout and validation dumps
can be read); ``data_source``, ``extra_info`` and ``equal``, a verdict by hand, are optional. Of a set that
``data_prep`` has prepared, each gold answer is graded as its source writes it, and another problem's beside it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

from v05_verl.grading.extract import final_answer
from v05_verl.grading.latex import normalise
from v05_verl.grading.pool import shared_pool
from v05_verl.grading.samples import Pair, read_pairs
from v05_verl.grading.score import compute_score

Grader = Callable[[Pair], bool]
Result = tuple[Pair, dict[str, bool]]


def graders(deadline: float = 10.0) -> dict[str, Grader]:
    """Name -> verdict of a grader on a pair."""
    from verl.utils.reward_score import math_dapo, math_reward

    def boxed(pair: Pair) -> str:
        """math_reward reads nothing but a box."""
        return pair.response if r"\boxed" in pair.response else rf"\boxed{{{final_answer(pair.response)}}}"

    def math_verify(pair: Pair) -> bool:
        """On the answer that we find, as it has no fixed idea of where the answer stands."""
        pool = shared_pool(1, deadline)
        return pool.verify(normalise(pair.answer), normalise(final_answer(pair.response))).correct

    return {
        "ours": lambda pair: compute_score(pair.data_source, pair.response, pair.answer, pair.extra_info)["acc"] == 1,
        "math_dapo": lambda pair: bool(math_dapo.compute_score(pair.response, pair.answer)["acc"]),
        "math_reward": lambda pair: math_reward.compute_score(boxed(pair), pair.answer) == 1,
        "math_verify": math_verify,
    }


def audit(pairs: list[Pair], chosen: dict[str, Grader]) -> list[Result]:
    """Every pair with the verdict of each grader."""
    return [(pair, {name: grader(pair) for name, grader in chosen.items()}) for pair in pairs]


def table(results: list[Result]) -> str:
    """Who gets what wrong: agreement with the verdict by hand where there is one, with ours otherwise."""
    judged = [(pair, verdicts) for pair, verdicts in results if pair.equal is not None]
    verdicts = pd.DataFrame([verdicts for _, verdicts in judged or results], dtype=bool)
    if not judged:
        agree = verdicts.eq(verdicts["ours"], axis=0).sum()
        return "\n".join(f"{name:12} agrees with ours on {count} of {len(results)}" for name, count in agree.items())
    wanted = pd.Series([bool(pair.equal) for pair, _ in judged])
    wrong = verdicts.ne(wanted, axis=0)
    counts = {"right": (~wrong).sum(), "of": len(wanted)}
    counts |= {"accepts wrongly": wrong[~wanted].sum(), "rejects wrongly": wrong[wanted].sum()}
    by_topic = wrong.groupby([pair.topic for pair, _ in judged], sort=False)
    topics = pd.concat([by_topic.size().rename("pairs"), by_topic.sum()], axis=1)
    return f"{pd.DataFrame(counts).to_string()}\n\nwrong verdicts by topic (of pairs)\n{topics.to_string()}"


def disagreements(results: list[Result], against: list[str]) -> Iterator[str]:
    """A line for each pair on which ours differs from the verdict by hand or from one of ``against``."""
    for pair, verdicts in results:
        wanted = {} if pair.equal is None else {"by hand": pair.equal}
        all_verdicts = {**wanted, "ours": verdicts["ours"], **{name: verdicts[name] for name in against}}
        if len(set(all_verdicts.values())) > 1:
            shown = ", ".join(f"{name} {'=' if verdict else '!='}" for name, verdict in all_verdicts.items())
            yield f"{pair.answer!r} | {pair.response[-80:]!r} | {shown}"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m v05_verl.grading.audit", description=__doc__.partition("\n")[0])
    parser.add_argument("file", type=Path, nargs="+", help="JSON lines of answers and responses, or prepared sets")
    known = ("math_dapo", "math_reward", "math_verify")
    parser.add_argument("--against", nargs="*", choices=known, default=list(known), help="graders to compare with")
    parser.add_argument("--show", type=int, default=20, help="disagreements to list; 0 lists all")
    options = parser.parse_args(argv)
    chosen = {name: grader for name, grader in graders().items() if name == "ours" or name in options.against}
    results = audit([pair for path in options.file for pair in read_pairs(path)], chosen)
    print(table(results))
    lines = list(disagreements(results, options.against))
    print(f"\n{len(lines)} pairs with a disagreement")
    for line in lines[: options.show or None]:
        print(" ", line)
    return 0


if __name__ == "__main__":
    sys.exit(main())

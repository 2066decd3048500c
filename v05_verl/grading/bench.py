# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Throughput: graded responses per second, ours beside verl's math_verify path, in one run on one core each.

    python -m v05_verl.grading.bench --raw ../shared/data/raw --responses 2000

The responses carry each benchmark's own answers, half of them the right one: what a policy in training sends, without
its prose.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from pathlib import Path

from v05_verl.grading.score import compute_score


def responses(raw: Path, count: int, seed: int = 0) -> list[tuple[str, str, str, dict]]:
    """``count`` of (data_source, response, gold, extra_info), drawn evenly from all sets below ``raw``."""
    from data_prep.registry import SETS
    from data_prep.source import open_local
    from v05_verl.grading.canonical import canonical_answer

    random_state = random.Random(seed)
    items = []
    for name, problem_set in SETS.items():
        rows = open_local(problem_set, raw).rows
        problems = [problem_set.parse(row, number) for number, row in zip(range(500), rows, strict=False)]
        golds = [canonical_answer(problem.answer, problem.unit, problem.is_list) for problem in problems]
        for _ in range(count // len(SETS)):
            gold = random_state.choice(golds)
            answer = gold if random_state.random() < 0.5 else random_state.choice(golds)
            text = f"We compute step by step.\n\nAnswer: $\\boxed{{{answer.text}}}$"
            items.append((name, text, gold.text, {"unit": gold.unit, "is_list": gold.is_list}))
    random_state.shuffle(items)
    return items


def measure(items: list, grader, seconds: float) -> tuple[int, float]:
    """(responses graded, seconds taken); stops at the first response after ``seconds``."""
    start, done, taken = time.perf_counter(), 0, 0.0
    while done < len(items) and taken < seconds:
        grader(*items[done])
        done, taken = done + 1, time.perf_counter() - start
    return done, taken


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m v05_verl.grading.bench", description=__doc__.partition("\n")[0])
    parser.add_argument("--raw", type=Path, default=Path("../shared/data/raw"), help="folder with the raw files")
    parser.add_argument("--responses", type=int, default=3500, help="responses in all")
    parser.add_argument("--seconds", type=float, default=20.0, help="longest time for each grader")
    options = parser.parse_args(argv)
    from verl.utils.reward_score import math_verify

    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # one core, child processes included
    items = responses(options.raw, options.responses)
    paths = {
        "ours": lambda source, text, gold, info: compute_score(source, text, gold, info, workers=1),
        "verl math_verify": lambda source, text, gold, info: math_verify.compute_score(text, gold),
    }
    rates = {}
    for name, grader in paths.items():
        measure(items[:20], grader, options.seconds)  # processes started, modules loaded
        done, taken = measure(items, grader, options.seconds)
        rates[name] = done / taken
        print(f"{name:18} {done:6} responses in {taken:6.2f} s on one core: {rates[name]:8.1f} per second", flush=True)
    print(f"ratio {rates['ours'] / rates['verl math_verify']:.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

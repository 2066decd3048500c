# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Throughput: graded responses per second, ours beside verl's math_verify path, in one run on one core each.

    python -m v05_verl.grading.bench data/*.parquet --responses 2000

The responses carry the answers of sets that ``data_prep`` has prepared, half of them the right one: what a policy in
training sends, without its prose.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from v05_verl.grading.samples import golds, responses
from v05_verl.grading.score import compute_score


def measure(items: list, grader, seconds: float) -> tuple[int, float]:
    """(responses graded, seconds taken); stops at the first response after ``seconds``."""
    start, done, taken = time.perf_counter(), 0, 0.0
    while done < len(items) and taken < seconds:
        grader(*items[done])
        done, taken = done + 1, time.perf_counter() - start
    return done, taken


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m v05_verl.grading.bench", description=__doc__.partition("\n")[0])
    parser.add_argument("file", type=Path, nargs="+", help="parquet files that data_prep has prepared")
    parser.add_argument("--responses", type=int, default=3500, help="responses in all")
    parser.add_argument("--seconds", type=float, default=20.0, help="longest time for each grader")
    options = parser.parse_args(argv)
    from verl.utils.reward_score import math_verify

    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # one core, child processes included
    items = responses([golds(path) for path in options.file], options.responses)
    paths = {
        "ours": lambda gold, text: compute_score(gold.data_source, text, gold.text, gold.extra_info, workers=1),
        "verl math_verify": lambda gold, text: math_verify.compute_score(text, gold.text),
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

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Responses that try to break the grader: each gets a verdict in time, none leaves anything behind."""

import os
import random
import time

import psutil
import pytest

from v05_verl.grading import compute_score
from v05_verl.grading.pool import Pool

NAMED = {
    "a megabyte of prose": "word " * 200_000,
    "a megabyte after the answer": "Answer: 34\n" + "word " * 200_000,
    "a megabyte of answer": "Answer: " + "3" * 1_000_000,
    "a megabyte of Answer:": "Answer:" * 150_000,
    "a megabyte of boxes": r"\boxed{" * 150_000,
    "100,000 nested braces": r"\boxed{" + "{" * 100_000 + "34" + "}" * 100_000 + "}",
    "1,900 nested braces": r"\boxed{" + "{" * 900 + "34" + "}" * 900 + "}",
    "nested parentheses": "Answer: " + "(" * 900 + "34" + ")" * 900,
    "nested fractions": "Answer: " + r"\frac{" * 200 + "1" + "}{2}" * 200,
    "nested roots": "Answer: " + r"\sqrt{" * 200 + "2" + "}" * 200,
    "many signs": "Answer: " + "-" * 1900 + "1",
    "many commas": "Answer: " + "1," * 900,
    "many factorials": "Answer: 9" + "!" * 1900,
    "tower": r"Answer: 9^{9^{9^{9^{9^9}}}}",
    "huge factorial": "Answer: (10^{10})!",
    "huge binomial": r"Answer: \binom{10^{9}}{5\cdot 10^{8}}",
    "huge exponent": "Answer: 1e999999999",
    "huge approximation": r"Answer: 2 \approx 1e390",
    "huge values": "Answer: 1e390 + 2^{9000}",
    "huge number": "Answer: " + "9" * 1999,
    "division by zero": "Answer: 1/0",
    "NUL bytes": "Answer: 3\x004\x00",
    "surrogates": "Answer: \ud800\udfff 34",
    "right to left": "Answer: \u202e43\u202c",
    "zero width": "Answer: 3\u200b4",
    "combining marks": "Answer: 3" + "\u0301" * 900,
    "superscripts": "Answer: 2" + "⁹" * 900,
    "spaces": "Answer:" + " " * 1_000_000 + "34",
    "dollars": "Answer: " + "$" * 1900,
    "backslashes": "Answer: " + "\\" * 1900,
    "carets": "Answer: 2" + "^2" * 900,
    "subscripts": "Answer: x" + "_x" * 900,
    "text": "Answer: " + r"\text{" * 300 + "34" + "}" * 300,
    "matrices": "Answer: " + r"\begin{pmatrix}" * 60 + "1" + r"\end{pmatrix}" * 60,
    "units": "Answer: 34" + r" \text{cm}" * 200,
    "relations": "Answer: " + "x<" * 900 + "34",
    "code": "Answer: __import__('os').system('sleep 60')",
    "integral": r"Answer: \int_0^{\infty} x^{x^{x^{x}}} dx",
    "sum": r"Answer: \sum_{k=1}^{10^{12}} \frac{1}{k^{k}}",
}


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("gold", ["34", r"\frac{n(n+1)}{2}", "1, 2, 3"])
def test_a_verdict_in_time(name, gold):
    start = time.monotonic()
    result = compute_score("math500", NAMED[name], gold, workers=1, deadline=1.0)
    assert time.monotonic() - start < 60.0  # a hang, and not a slow machine on which a new worker takes long to start
    assert result["grader_path"] != "defect", "our own steps must not raise"
    assert result["acc"] == float(gold == "34" and name in RIGHT)


RIGHT = {"a megabyte after the answer", "zero width", "NUL bytes", "surrogates"}


def hostile(count: int, seed: int = 0) -> list[tuple[str, str]]:
    """(gold, prediction) pairs of broken LaTeX, with one in 500 that makes SymPy hang."""
    choose = random.Random(seed)
    pieces = [
        r"\frac",
        "{",
        "}",
        r"\sqrt",
        "^",
        "_",
        "9",
        "x",
        r"\int",
        r"\sum",
        "(",
        ")",
        "!",
        r"\left",
        ",",
        "=",
        r"\pi",
    ]
    pairs = []
    for number in range(count):
        text = "".join(choose.choice(pieces) for _ in range(choose.randint(1, 30)))
        pairs.append((choose.choice(["34", "x^2", "(1, 2)"]), r"9^{9^{9^9}}" if number % 500 == 250 else text))
    return pairs


def soak(count: int, deadline: float) -> tuple[Pool, dict[str, float]]:
    """Runs ``count`` hostile pairs through a pool; processes and memory (MiB) before and after."""
    me = psutil.Process()
    pool = Pool(workers=2, deadline=deadline)
    figures = {}
    try:
        for gold, prediction in hostile(200, seed=1):  # started, caches warm
            pool.verify(gold, prediction)
        figures |= {"MiB before": me.memory_info().rss / 2**20, "workers before": len(pool.pids())}
        for gold, prediction in hostile(count):
            pool.verify(gold, prediction)
        workers = [psutil.Process(pid).memory_info().rss / 2**20 for pid in pool.pids()]
        figures |= {"MiB after": me.memory_info().rss / 2**20, "workers after": len(workers)}
        figures["largest worker, MiB"] = max(workers)
    finally:
        pool.close()
    figures["children at the end"] = len(me.children(recursive=True))
    return pool, figures


def check_no_leak(count: int, deadline: float) -> None:
    children = len(psutil.Process().children(recursive=True))
    pool, figures = soak(count, deadline)
    print(f"{count} hostile pairs: {dict(pool.counts)}; " + ", ".join(f"{k} {v:.0f}" for k, v in figures.items()))
    assert sum(pool.counts.values()) == count + 200
    assert pool.counts["timeout"] >= count // 500 and pool.counts["unavailable"] == 0
    assert figures["children at the end"] == children
    assert figures["workers after"] <= 2
    assert figures["MiB after"] < figures["MiB before"] + 20
    assert figures["largest worker, MiB"] < 600


@pytest.mark.slow
def test_hostile_pairs_leave_nothing_behind():
    """HOSTILE_PAIRS=10000 is the soak test; so many take minutes."""
    check_no_leak(int(os.environ.get("HOSTILE_PAIRS", "1000")), deadline=1.0)

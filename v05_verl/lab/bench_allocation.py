# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Time and memory of ``core.allocation`` beside a plain heap, on one core, all in one run.

    python -m v05_verl.lab.bench_allocation [--size 512:8192 --size 65536:1048576] [--repeats 3]

Success rates are Beta(1/2, 1/2), counts lie between 2 (``vip_mean``: 3) and 128. Columns: seconds of ``allocate`` (the
fastest repeat) and of a heap of next steps in plain Python, most memory that ``allocate`` held beyond its arguments,
how far the sum of gains is below its upper bound (the concave majorant's optimum) as a share of it, and the same for
the heap, which is optimal for concave gains only.
"""

from __future__ import annotations

import argparse
import heapq
import time
import tracemalloc
from collections.abc import Callable, Sequence
from typing import Any, get_args

import numpy as np

from v05_verl.core.allocation import Method, allocate, gain, steps

UPPER = 128


def heap(method: Method, success_rate: np.ndarray, total: int, lower: int, upper: int) -> np.ndarray:
    """One rollout at a time to the best next step, the steps read from a table."""
    step = steps(method, success_rate, lower, upper).tolist()
    further, width = [0] * len(step), upper - lower
    queue = [(-row[0], i) for i, row in enumerate(step)]
    heapq.heapify(queue)
    for _ in range(total - lower * len(step)):
        i = queue[0][1]
        further[i] += 1
        if further[i] < width:
            heapq.heapreplace(queue, (-step[i][further[i]], i))
        else:
            heapq.heappop(queue)
    return lower + np.array(further)


def upper_bound(method: Method, success_rate: np.ndarray, total: int, lower: int, upper: int) -> float:
    """Least of Σ max_n (G(n) - price n) + price total over prices, by ternary search: it is convex in the price."""
    counts = np.arange(lower, upper + 1)
    gains = gain(method, np.repeat(success_rate, len(counts)), np.tile(counts, len(success_rate)))
    gains = gains.reshape(len(success_rate), len(counts))
    jump = np.diff(gains, axis=1)
    low, high = float(jump.min()), float(jump.max())

    def bound(price: float) -> float:
        return float((gains - price * counts).max(axis=1).sum() + price * total)

    while high - low > 1e-9 * max(abs(low), abs(high)):
        first, second = low + (high - low) / 3, high - (high - low) / 3
        low, high = (low, second) if bound(first) <= bound(second) else (first, high)
    return min(bound(low), bound(high))


def timed(call: Callable[[], np.ndarray], repeats: int) -> tuple[float, np.ndarray]:
    """Seconds of the fastest of ``repeats`` calls, and its answer."""
    fastest = np.inf
    for _ in range(repeats):
        start = time.perf_counter()
        answer = call()
        fastest = min(fastest, time.perf_counter() - start)
    return fastest, answer


def peak_bytes(call: Callable[[], Any]) -> int:
    """Most memory that a call held at once."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def row(method: Method, prompts: int, total: int, repeats: int) -> str:
    """One row of the table."""
    success_rate = np.random.default_rng(prompts).beta(0.5, 0.5, prompts)
    arguments = method, success_rate, total, 3 if method == "vip_mean" else 2, UPPER
    seconds, counts = timed(lambda: allocate(*arguments), repeats)
    plain_seconds, plain_counts = timed(lambda: heap(*arguments), 1)
    bound = upper_bound(*arguments)
    below = [(bound - float(gain(method, success_rate, n).sum())) / abs(bound) for n in (counts, plain_counts)]
    megabytes = peak_bytes(lambda: allocate(*arguments)) / 1e6
    return (
        f"| {prompts:,} | {total:,} | `{method}` | {seconds:.3f} | {plain_seconds:.3f} | {megabytes:.0f} "
        f"| {below[0]:.1e} | {below[1]:.1e} |"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", action="append", help="prompts:total")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args(arguments)
    print("| prompts | total | method | allocate, s | heap, s | memory, MB | below the bound | heap below the bound |")
    print("|---" * 8 + "|")
    for size in options.size or ("512:8192", "65536:1048576"):
        prompts, total = (int(number) for number in size.split(":"))
        for method in get_args(Method):
            print(row(method, prompts, total, options.repeats), flush=True)


if __name__ == "__main__":
    main()

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Time of what the plugin does in a training step beside verl's own estimators, on one machine, in one run.

    python -m v05_verl.lab.bench_step [--prompts 512 4096 65536] [--group 16] [--repeats 3] [--without-value]

Milliseconds of one core, so that other processes count little: the fastest repeat (of one where it took over a
second; for the value model the median of five, of wall time). The last column is how the time grew with the
prompts from the first size to the last, 1.0 being in proportion. Decisions are those of one prompt, as a worker makes
them; the value model is ``gp`` with a full context of 2,048.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from transfer_queue import KVBatchMeta
from verl.trainer.ppo import core_algos

from v05_verl import method
from v05_verl.config import V05Config
from v05_verl.plugin.batch import PromptBatch, collect_rows
from v05_verl.plugin.estimator import compute_v05_outcome_advantage, estimating
from v05_verl.plugin.records import PromptRecord
from v05_verl.value.evaluate.bench import measured

RESPONSE_TOKENS = 8
DECISIONS = {
    "sequential, paper": V05Config(),
    "sequential, robust": V05Config(mode="robust"),
    "wave, paper": V05Config(budget="wave"),
    "wave, robust": V05Config(mode="robust", budget="wave"),
}


def milliseconds(call: Callable[[], Any], repeats: int) -> float:
    """The fastest of ``repeats`` calls; of one that takes over a second."""
    fastest = math.inf
    for _ in range(repeats):
        started = time.process_time()
        call()
        fastest = min(fastest, time.process_time() - started)
        if fastest > 1:
            break
    return 1000 * fastest


def texts_of(prompts: int) -> list[str]:
    """So many different problems."""
    return [f"Problem {i}: how many of the first {i * i} numbers have {i % 7} divisors? " * 4 for i in range(prompts)]


def step_of(prompts: int, group: int) -> tuple[KVBatchMeta, dict[str, PromptRecord], torch.Tensor, torch.Tensor]:
    """Rows of a step in random order, a record per prompt, rewards on the last token, and the response mask."""
    rng = np.random.default_rng(prompts)
    keys = [f"prompt{i}_{session}_0" for i in range(prompts) for session in range(group)]
    keys = [keys[i] for i in rng.permutation(len(keys))]
    first = min(4, group)
    records = {
        f"prompt{i}": PromptRecord(uid=f"prompt{i}", text=str(i), prior=prior, wave_sizes=[first, group - first])
        for i, prior in enumerate(rng.uniform(-1, 1, prompts).tolist())
    }
    rewards = torch.zeros(len(keys), RESPONSE_TOKENS)
    rewards[:, -1] = torch.from_numpy(rng.choice([-1.0, 1.0], len(keys)))
    batch = KVBatchMeta(partition_id="train", keys=keys, tags=[{"global_steps": 1} for _ in keys])
    return batch, records, rewards, torch.ones_like(rewards)


def step_times(prompts: int, group: int, repeats: int) -> Iterator[tuple[str, float]]:
    """(what, milliseconds) of the estimators and of our batch's parts."""
    batch, records, rewards, mask = step_of(prompts, group)
    index = np.array([key.rsplit("_", 2)[0] for key in batch.keys], dtype=object)
    config = V05Config()
    knowing = method.build(config)
    yield "collect_rows", milliseconds(lambda: collect_rows(batch, records, knowing, config.reward_range), repeats)
    rows, groups = collect_rows(batch, records, knowing, config.reward_range)
    with estimating(rows) as estimate:
        yield "estimator v05", milliseconds(lambda: compute_v05_outcome_advantage(rewards, mask), repeats)
        found = estimate()
    yield "PromptBatch.of", milliseconds(lambda: PromptBatch.of(rows, found, groups), repeats)
    for name in ("rloo", "grpo_vectorized", "grpo"):
        theirs = core_algos.get_adv_estimator_fn(name)
        yield f"verl's {name}", milliseconds(lambda theirs=theirs: theirs(rewards, mask, index), repeats)


def value_times(prompts: int, repeats: int) -> Iterator[tuple[str, float]]:
    """(what, milliseconds) of the default value model, on texts that it has not seen and on those that it has."""
    found = measured("gp", texts_of(prompts), context=2048, batch=prompts, repeats=repeats)
    yield "gp predict, new texts", 1000 * found["predict_cold_s"]
    yield "gp predict", 1000 * found["predict_s"]
    yield "gp observe", 1000 * found["observe_s"]


def decision_times(repeats: int) -> Iterator[tuple[str, float]]:
    """(what, milliseconds) of one decision; its evidence disagrees with the prior, so that it is worked out whole."""
    for name, config in DECISIONS.items():
        knowing = method.build(config)

        def decide(knowing=knowing):
            for _ in range(100):
                knowing.further(0.5, 4, 1, -0.3, 4)

        yield name, milliseconds(decide, repeats) / 100


def table(columns: list[str], times: dict[str, list[float]], growth: float | None = None) -> str:
    """Markdown; ``growth``: the last size over the first, by which the growth of the times is divided."""
    head = [*columns, *(["growth"] if growth else [])]
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    for what, values in times.items():
        cells = [f"{value:,.3g}" if value < 100 else f"{value:,.0f}" for value in values]
        cells += [f"{values[-1] / values[0] / growth:.1f}"] if growth else []
        lines.append("| " + " | ".join([what, *cells]) + " |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, nargs="+", default=[512, 4096, 65536])
    parser.add_argument("--group", type=int, default=16, help="rollouts of each prompt")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--without-value", action="store_true", help="leave the value model out")
    options = parser.parse_args(arguments)
    print(
        table(["one decision", "ms"], {name: [ms] for name, ms in decision_times(options.repeats)}) + "\n", flush=True
    )
    times: dict[str, list[float]] = {}
    for prompts in options.prompts:
        for what, ms in step_times(prompts, options.group, options.repeats):
            times.setdefault(what, []).append(ms)
        for what, ms in () if options.without_value else value_times(prompts, options.repeats):
            times.setdefault(what, []).append(ms)
    columns = [f"one step of prompts x {options.group}, ms", *(f"{prompts:,}" for prompts in options.prompts)]
    print(table(columns, times, options.prompts[-1] / options.prompts[0]))


if __name__ == "__main__":
    main()

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Builds the toy that the quickstart trains on, without a download: tokenizer, warm-started model, prompts.

    python -m v05_verl.lab.toy --out DIR [--task reverse] [--seed 0] [--sampled-agent exact_agent]

writes ``DIR/model`` (a Qwen2 checkpoint with its tokenizer), ``DIR/train.parquet``, ``DIR/val.parquet`` (verl's schema)
and ``DIR/agent_loops.yaml`` (verl's ``agent_loop_config_path``). The same seed gives the same files.
"""

from __future__ import annotations

import argparse
import itertools
import random
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from v05_verl.lab.scoring import exact_accuracy
from v05_verl.lab.tasks import TASKS, Problem, Task, find_task
from v05_verl.lab.tiny_lm import TinyLM, save_pretrained
from v05_verl.lab.tokenizer import build_tokenizer
from v05_verl.lab.warm_start import WarmStart, encode_problems, warm_started

SAMPLING_AGENT, EXACT_AGENT, GREEDY_AGENT = "single_turn_agent", "exact_agent", "greedy_agent"
AGENT_LOOPS = f"""\
# Agent loops that the validation file names besides verl's own.
- name: {GREEDY_AGENT}
  _target_: v05_verl.lab.greedy_agent.GreedyAgentLoop
- name: {EXACT_AGENT}
  _target_: v05_verl.lab.exact_agent.ExactAgentLoop
"""


def training_problems(task: Task, count: int, seed: int) -> list[Problem]:
    """``count`` training problems, difficulties in equal shares and in random order; short ones repeat."""
    rng = random.Random(f"train {task.name} {seed}")
    difficulties = [task.difficulties[index % len(task.difficulties)] for index in range(count)]
    rng.shuffle(difficulties)
    return [task.draw_split(rng, difficulty, held_out=False) for difficulty in difficulties]


def held_out_problems(task: Task, count: int, seed: int) -> list[Problem]:
    """``count`` different held-out problems, difficulties in equal shares as far as there are enough short ones."""
    rng = random.Random(f"held out {task.name} {seed}")
    problems: dict[str, Problem] = {}
    for difficulty in itertools.cycle(task.difficulties):
        if len(problems) >= count:
            return list(problems.values())
        for _ in range(50):
            problem = task.draw_split(rng, difficulty, held_out=True)
            if problem.prompt not in problems:
                problems[problem.prompt] = problem
                break


def verl_rows(problems: list[Problem], *, split: str, data_source: str, agent_name: str) -> pd.DataFrame:
    """Rows in verl's schema, one per problem."""
    return pd.DataFrame(
        {
            "data_source": data_source,
            "prompt": [{"role": "user", "content": problem.prompt}],
            "ability": "toy",
            "reward_model": {"style": "rule", "ground_truth": problem.answer},
            "extra_info": {"index": index, "split": split, "difficulty": problem.difficulty},
            "agent_name": agent_name,
        }
        for index, problem in enumerate(problems)
    )


def validation_rows(problems: list[Problem], task: Task, sampled_agent: str = SAMPLING_AGENT) -> pd.DataFrame:
    """Every problem twice: for the sampled and for the greedy accuracy, told apart by their data source."""
    sampled = verl_rows(problems, split="val", data_source=f"{task.name}_sampled", agent_name=sampled_agent)
    greedy = verl_rows(problems, split="val", data_source=f"{task.name}_greedy", agent_name=GREEDY_AGENT)
    return pd.concat([sampled, greedy], ignore_index=True)


def success_table(model: TinyLM, problems: list[Problem], tokenizer) -> str:
    """Exact success rates by difficulty and their histogram over the problems, as text."""
    accuracy = exact_accuracy(model, encode_problems(problems, tokenizer))
    difficulty = np.array([problem.difficulty for problem in problems])
    lines = ["difficulty  problems  sampled  greedy"]
    for level in np.unique(difficulty):
        here = difficulty == level
        sampled, greedy = accuracy.sampled[here].mean(), accuracy.greedy[here].mean()
        lines.append(f"{level:10d}  {here.sum():8d}  {sampled:7.2f}  {greedy:6.2f}")
    lines.append(f"{'all':>10}  {len(problems):8d}  {accuracy.sampled.mean():7.2f}  {accuracy.greedy.mean():6.2f}")
    counts, _ = np.histogram(accuracy.sampled, bins=10, range=(0, 1))
    lines.append("problems by sampled success rate, in tenths from 0 to 1: " + " ".join(map(str, counts)))
    return "\n".join(lines)


def build_toy(
    out: Path,
    task: Task,
    seed: int,
    train_count: int,
    held_out_count: int,
    settings: WarmStart,
    sampled_agent: str = SAMPLING_AGENT,
) -> str:
    """Writes all files under ``out`` and returns the success table of the held-out problems."""
    out.mkdir(parents=True, exist_ok=True)
    tokenizer = build_tokenizer()
    model = warm_started(task, tokenizer, seed, settings)
    save_pretrained(model, out / "model", eos_id=tokenizer.eos_token_id, pad_id=tokenizer.pad_token_id)
    tokenizer.save_pretrained(out / "model")
    train, held_out = training_problems(task, train_count, seed), held_out_problems(task, held_out_count, seed)
    rows = verl_rows(train, split="train", data_source=task.name, agent_name=SAMPLING_AGENT)
    rows.to_parquet(out / "train.parquet")
    validation_rows(held_out, task, sampled_agent).to_parquet(out / "val.parquet")
    (out / "agent_loops.yaml").write_text(AGENT_LOOPS, encoding="utf-8")
    return success_table(model, held_out, tokenizer)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m v05_verl.lab.toy", description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument("--task", choices=sorted(TASKS), default="reverse")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--train-prompts", type=int, default=4096)
    parser.add_argument("--val-prompts", type=int, default=256, help="held-out prompts; each is asked twice")
    parser.add_argument(
        "--sampled-agent",
        choices=(SAMPLING_AGENT, EXACT_AGENT),
        default=SAMPLING_AGENT,
        help="sampled accuracy by samples, or by the exact probability of the answer (engine hf only)",
    )
    parser.add_argument("--warm-start", type=float, default=WarmStart().target, help="mean success rate to start from")
    options = parser.parse_args(arguments)

    torch.set_num_threads(1)
    started = time.monotonic()
    settings = WarmStart(target=options.warm_start)
    task = find_task(options.task)
    counts = options.train_prompts, options.val_prompts
    table = build_toy(options.out, task, options.seed, *counts, settings, options.sampled_agent)
    print(f"task {task.name}, seed {options.seed}: built {options.out} in {time.monotonic() - started:.1f} s")
    print(f"held-out success after the warm start (sampled: temperature 1, exact)\n{table}")


if __name__ == "__main__":
    main()

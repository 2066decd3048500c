# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Compares the arms on tiny models, without verl: seconds per run, many seeds.

    python -m v05_verl.lab.train --out DIR [--tasks reverse sort] [--arms grpo_n16 rloo_n4 v05 ...] [--seeds 10]

For every arm the learning rate is chosen on seeds that are not reported; then the reported seeds run, each with one
warm start, prompts and held-out problems for all arms. Writes one JSON-lines file per run and, per task,
``summary.json``, ``table.md`` and figures under DIR; a second call goes on where the first ended.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from pathlib import Path

import torch

from v05_verl import arms
from v05_verl.lab.arms import find_arm
from v05_verl.lab.compare import CONTROL, REFERENCE, as_markdown, summarize
from v05_verl.lab.figures import draw
from v05_verl.lab.study import Curve, Job, read_curve, run_all
from v05_verl.lab.tasks import TASKS
from v05_verl.lab.tuning import best_rate, beyond_edge, tune
from v05_verl.report.provenance import git_state, versions

TUNING_SEED = 1000


def study(task: str, options: argparse.Namespace) -> str:
    """Tunes, runs and compares the arms on one task; returns the table."""
    out: Path = options.out
    common = {"rollouts": options.rollouts, "mini_batches": options.mini_batches, "warm_start": options.warm_start}
    common |= {"train_prompts": options.train_prompts, "prior": options.prior, "prior_auc": options.prior_auc}
    tuning_jobs = [
        Job(task, arm, TUNING_SEED + seed, 0.0, **common)
        for arm in options.arms
        for seed in range(options.tuning_seeds)
    ]
    if len(options.learning_rates) > 1:
        scores = tune(tuning_jobs, options.learning_rates, out, options.jobs)
        rates = {arm: best_rate(of) for arm, of in scores.items()}
    else:
        scores, rates = {}, dict.fromkeys(options.arms, options.learning_rates[0])
    jobs = [
        Job(task, arm, seed, rates[arm], **common)
        for seed in range(options.first_seed, options.first_seed + options.seeds)
        for arm in options.arms
    ]
    run_all(jobs, out, options.jobs)
    curves: dict[str, dict[int, Curve]] = {}
    for job in jobs:
        curves.setdefault(job.arm, {})[job.seed] = read_curve(out, job)
    summary = summarize(curves)
    folder = out / jobs[0].path.parent.parent
    if options.name:
        folder = folder / options.name
        folder.mkdir(exist_ok=True)
    at_edge = sorted(arm for arm, of in scores.items() if beyond_edge(of))
    tuning = {"seeds": sorted({job.seed for job in tuning_jobs}), "final_sampled": scores, "at_edge": at_edge}
    origin = {"command": options.command, **git_state(), "versions": versions()}
    text = json.dumps({"task": task, **common, "tuning": tuning, **origin, "arms": summary}, indent=1)
    (folder / "summary.json").write_text(text + "\n", encoding="utf-8")
    table = as_markdown(summary)
    (folder / "table.md").write_text(table + "\n", encoding="utf-8")
    draw(curves, summary, folder)
    return table


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m v05_verl.lab.train", description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tasks", nargs="+", choices=sorted(TASKS), default=sorted(TASKS))
    parser.add_argument("--arms", nargs="+", required=True, metavar="ARM", help=f"of: {', '.join(arms.names())}")
    parser.add_argument("--seeds", type=int, default=10, help="reported seeds")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--rollouts", type=int, default=30720, help="per run")
    parser.add_argument(
        "--learning-rates",
        type=float,
        nargs="+",
        default=[1e-4, 2e-4, 4e-4],
        help="to start from; an arm whose best one lies at an end tries further ones. One: no tuning",
    )
    parser.add_argument("--tuning-seeds", type=int, default=2, help="seeds on which the learning rate is chosen")
    parser.add_argument("--mini-batches", type=int, default=1, help="optimizer steps per training step")
    parser.add_argument("--warm-start", type=float, default=0.45, help="mean success rate to start from")
    parser.add_argument("--train-prompts", type=int, default=4096)
    parser.add_argument("--prior", help="value model in place of that of every arm that has one, or oracle")
    parser.add_argument("--prior-auc", type=float, help="what every prior is degraded to")
    parser.add_argument("--name", help="folder of its own for the tables, where two comparisons share runs")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    options = parser.parse_args(arguments)
    given = sys.argv[1:] if arguments is None else arguments
    options.command = shlex.join(["python", "-m", "v05_verl.lab.train", *given])
    for arm in options.arms:
        find_arm(arm)
    return options


def main(arguments: list[str] | None = None) -> None:
    options = parse(arguments)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")  # inherited by the processes that train
    torch.set_num_threads(1)
    for task in options.tasks:
        print(f"{task}: {len(options.arms)} arms, reference {REFERENCE}, control {CONTROL}\n{study(task, options)}\n")


if __name__ == "__main__":
    main()

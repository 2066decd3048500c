# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Compares the arms on tiny models, without verl: seconds per run, many seeds.

    python -m v05_verl.lab.train --out DIR [--tasks reverse sort] [--arms grpo_n16 rloo_n4 v05 ...] [--seeds 10]

For every arm the learning rate is chosen on seeds that are not reported; then the reported seeds run, each with one
warm start, prompts and held-out problems for all arms. Every run is a folder as those through verl, under DIR/runs,
where all comparisons find it; a second call goes on where the first ended. The reported runs are copied to
DIR/<name>/<arm>/seed_<k>, and ``python -m v05_verl.report`` makes tables and figures of DIR/<name>. Arms and seeds of a
later call with that name come beside those of the first.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import sys
from dataclasses import MISSING, fields
from pathlib import Path

import torch

from v05_verl import arms
from v05_verl.lab.arms import find_arm
from v05_verl.lab.study import Job, run_all
from v05_verl.lab.tasks import TASKS
from v05_verl.lab.tuning import best_rate, beyond_edge, tune
from v05_verl.report.__main__ import main as report

TUNING_SEED = 1000


def study(task: str, options: argparse.Namespace) -> Path:
    """Tunes and runs the arms on one task; returns the folder with a copy of each reported run."""
    out: Path = options.out
    common = {field.name: getattr(options, field.name) for field in fields(Job) if field.default is not MISSING}

    def job(arm: str, seed: int, rate: float) -> Job:
        has_prior = find_arm(arm).prior is not None  # the others run once, whatever the priors
        priors = {} if has_prior else dict.fromkeys(("prior", "prior_auc", "prior_auc_later"))
        return Job(task, arm, seed, rate, **common | priors)

    tuning_jobs = [job(arm, TUNING_SEED + seed, 0.0) for arm in options.arms for seed in range(options.tuning_seeds)]
    if len(options.learning_rates) > 1:
        scores = tune(tuning_jobs, options.learning_rates, out, options.jobs)
        rates = {arm: best_rate(of) for arm, of in scores.items()}
    else:
        scores, rates = {}, dict.fromkeys(options.arms, options.learning_rates[0])
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    jobs = [job(arm, seed, rates[arm]) for seed in seeds for arm in options.arms]
    run_all(jobs, out, options.jobs)
    folder = out / (options.name or f"{task}-{Job(task, '', 0, 0.0, **common).setting}")
    for one in jobs:
        copy = folder / one.arm / f"seed_{one.seed}"
        shutil.rmtree(copy, ignore_errors=True)  # may be of another learning rate
        shutil.copytree(out / one.path, copy)
    tuning = {arm: {"rates": of, "best_is_at_edge": bool(beyond_edge(of))} for arm, of in scores.items()}
    file = folder / "study.json"
    before = json.loads(file.read_text(encoding="utf-8"))["tuning"] if file.exists() else {}
    tuned_on = sorted({one.seed for one in tuning_jobs})
    notes = {"command": options.command, "tuning_seeds": tuned_on, "tuning": before | tuning}
    file.write_text(json.dumps(notes, indent=1) + "\n", encoding="utf-8")
    return folder


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
    parser.add_argument("--evaluations", type=int, default=24, help="per run, beside the one before training")
    parser.add_argument("--train-prompts", type=int, default=4096)
    parser.add_argument("--prior", help="value model in place of that of every arm that has one, or oracle")
    parser.add_argument("--prior-auc", type=float, help="what every prior is degraded to")
    parser.add_argument("--prior-auc-later", type=float, help="the same from half of the rollouts on")
    parser.add_argument("--ahead", type=int, default=0, help="batches that sampling is ahead of training, as in async")
    parser.add_argument("--name", help="folder of the comparison under DIR (the task and the setting)")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    options = parser.parse_args(arguments)
    given = sys.argv[1:] if arguments is None else arguments
    options.command = shlex.join(["python", "-m", "v05_verl.lab.train", *given])
    if options.name and len(options.tasks) > 1:
        parser.error(f"--name {options.name} is the folder of one comparison: give one of the tasks with --tasks")
    if options.name in ("runs", "starts"):
        parser.error(f"--name {options.name}: the runs of all comparisons lie in that folder, choose another name")
    if options.ahead < 0:
        parser.error(f"--ahead {options.ahead}: sampling cannot be behind training, give 0 or more")
    for arm in options.arms:
        find_arm(arm)
    return options


def main(arguments: list[str] | None = None) -> None:
    options = parse(arguments)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")  # inherited by the processes that train
    torch.set_num_threads(1)
    for task in options.tasks:
        report([str(study(task, options)), "--arms", *options.arms])


if __name__ == "__main__":
    main()

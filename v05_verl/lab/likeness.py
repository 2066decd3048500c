# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""How much a setting of the light loop is like real training, in five numbers.

    python -m v05_verl.lab.likeness --out DIR --tasks chain --warm-start 0.42 --train-prompts 512 --rollouts 50176

takes the settings of ``python -m v05_verl.lab.train`` and prints them beside those of real recipes. Priors are asked
for, and told of, four rollouts of every training prompt, 32 prompts at a time, twice over, while the policy stays as it
starts.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from v05_verl.core.prior_quality import area_under_curve
from v05_verl.lab.arms import SMALL
from v05_verl.lab.degraded import Degraded
from v05_verl.lab.scoring import exact_accuracy
from v05_verl.lab.study import Job, load_start, run_starts
from v05_verl.lab.tasks import TASKS, find_task
from v05_verl.lab.tokenizer import build_tokenizer
from v05_verl.lab.toy import training_problems
from v05_verl.lab.warm_start import encode_problems
from v05_verl.value import build

PROMPTS, ROLLOUTS, TRIALS = 32, 4, 10


class Likeness(NamedTuple):
    """The numbers of one seed; AUC for prompts solved at least half of the time, errors on the scale from -1 to 1."""

    first_auc: float
    first_error: float
    """Mean of (V - mu)^2, exact."""
    second_auc: float
    rollouts_per_prompt: float
    decided_share: float
    """Expected share of prompts with all or none of ten rollouts right."""


REAL = Likeness(0.70, 0.46, 0.95, 98.1, 0.4)
"""Recorded outcomes of real policies (recipes/results/value; the V0 release's context), and 1,228,800 / 12,525."""


def likeness(job: Job, out: Path) -> Likeness:
    """Of the setting and seed of ``job``, whose start lies under ``out``; its arm is not read."""
    tokenizer = build_tokenizer()
    problems = training_problems(find_task(job.task), job.train_prompts, job.seed)
    true = exact_accuracy(load_start(job, out), encode_problems(problems, tokenizer)).sampled
    prompts = [problem.prompt for problem in problems]
    first, second = _visits(job, prompts, true)
    solved = true >= 0.5
    return Likeness(
        area_under_curve(first, solved),
        float(np.mean(4 * (first - true) ** 2)),
        area_under_curve(second, solved),
        job.rollouts / job.train_prompts,
        float(np.mean(true**TRIALS + (1 - true) ** TRIALS)),
    )


def _visits(job: Job, prompts: Sequence[str], true: np.ndarray) -> list[np.ndarray]:
    """(P,) priors at the first and at the second visit of every prompt."""
    name = job.prior or "gp"
    model = None if name == "oracle" else build(name, **SMALL.get(name, {}))
    degraded = Degraded(job.prior_auc, job.seed) if job.prior_auc is not None else None
    rng, step, priors = np.random.default_rng(job.seed), 0, []
    for _ in range(2):
        predicted = np.empty(len(prompts))
        for rows in np.array_split(np.arange(len(prompts)), max(1, len(prompts) // PROMPTS)):
            step += 1
            texts, rates = [prompts[row] for row in rows], true[rows]
            prior = rates if model is None else model.predict(texts, step)
            predicted[rows] = prior if degraded is None else degraded(texts, prior, rates)
            if model is not None:
                model.observe(texts, rng.binomial(ROLLOUTS, rates), np.full(len(rows), ROLLOUTS), step)
        priors.append(predicted)
    return priors


def as_markdown(numbers: Sequence[Likeness]) -> str:
    """Means over seeds beside those of real recipes."""
    names = (
        "AUC of a first visit",
        "squared error of a first visit",
        "AUC of the same prompt again",
        "rollouts per training prompt",
        "share of prompts with all or none of ten right at the start",
    )
    means = np.mean(numbers, axis=0)
    rows = [f"| {name} | {real:g} | {mean:.3g} |" for name, real, mean in zip(names, REAL, means, strict=True)]
    return "\n".join(["| | real recipe | here |", "| --- | ---: | ---: |", *rows])


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m v05_verl.lab.likeness", description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="folder of the study, for its warm starts")
    parser.add_argument("--tasks", choices=sorted(TASKS), required=True, dest="task")
    parser.add_argument("--warm-start", type=float, default=Job.warm_start)
    parser.add_argument("--train-prompts", type=int, default=Job.train_prompts)
    parser.add_argument("--rollouts", type=int, default=Job.rollouts)
    parser.add_argument("--prior", help="value model (gp), or oracle")
    parser.add_argument("--prior-auc", type=float)
    parser.add_argument("--first-seed", type=int, default=3000)
    parser.add_argument("--seeds", type=int, default=3)
    options = vars(parser.parse_args(arguments))
    out, first, seeds = (options.pop(name) for name in ("out", "first_seed", "seeds"))
    torch.set_num_threads(1)
    jobs = [Job(arm="", seed=seed, learning_rate=0.0, **options) for seed in range(first, first + seeds)]
    run_starts(jobs, out, processes=1)
    print(as_markdown([likeness(job, out) for job in jobs]))


if __name__ == "__main__":
    main()

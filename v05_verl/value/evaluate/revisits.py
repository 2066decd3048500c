# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""What value models make of revisits, on simulated training: AUC and squared error by visit number. Ours.

    python -m v05_verl.value.evaluate.revisits --model constant tracker gp --text 0 .5 .95 --seed 0 1

A prompt's success rate is sigmoid(sd z + drift): z is a mixture of what its text tells (how long its number is) and of
what is hidden, drift rises by ``rise`` over the run, fast first, at a pace of each prompt's own, with a random walk.
Every step draws a batch of prompts, epoch after epoch, asks the model for priors, and tells it how many of ``n``
rollouts succeeded. Errors are against the true rates, on the reward scale [-1, 1].
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from v05_verl.core.prior_quality import VISITS, area_under_curve, visit_class
from v05_verl.value import build
from v05_verl.value.evaluate.__main__ import assignment


@dataclass(frozen=True)
class Setting:
    """A simulated run."""

    text: float
    """Share of the variance of z that the text tells; 0: prompts are meaningless words."""
    prompts: int = 512
    batch: int = 64
    rollouts: int = 4
    epochs: int = 20
    sd: float = 3.0
    """Of the logits: about 40% of the rates are below .1 or above .9."""
    start: float = -1.5
    """Mean logit at the start."""
    rise: float = 4.0
    """By how much the mean logit rises."""
    walk: float = 3.0
    """Standard deviation of what a prompt's logit walks over the whole run."""

    @property
    def steps(self) -> int:
        return self.epochs * self.prompts // self.batch


@dataclass(frozen=True)
class Step:
    """What one step of training shows."""

    number: int
    prompts: list[str]
    visit: np.ndarray
    rates: np.ndarray
    """(B,) true success rates."""
    successes: np.ndarray


def simulated(setting: Setting, seed: int) -> Iterator[Step]:
    """The steps of a run; the same for every model."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 25, setting.prompts)
    told = (12.5 - lengths) / 6.92  # mean 0, sd 1
    z = np.sqrt(setting.text) * told + np.sqrt(1 - setting.text) * rng.normal(size=setting.prompts)
    prompts = [_prompt(rng, length if setting.text else 0) for length in lengths]
    pace = np.exp(0.5 * rng.normal(size=setting.prompts))
    walk = np.zeros(setting.prompts)
    order = np.empty(0, dtype=np.int64)
    for number in range(1, setting.steps + 1):
        if len(order) < setting.batch:
            order = np.append(order, rng.permutation(setting.prompts))
        index, order = order[: setting.batch], order[setting.batch :]
        progress = (1 - np.exp(-3 * number / setting.steps)) / (1 - np.exp(-3))
        walk += rng.normal(scale=setting.walk / np.sqrt(setting.steps), size=setting.prompts)
        rates = expit(setting.start + setting.sd * z + setting.rise * progress * pace + walk)[index]
        visit = np.full(len(index), 1 + (number - 1) * setting.batch // setting.prompts)
        yield Step(number, [prompts[i] for i in index], visit, rates, rng.binomial(setting.rollouts, rates))


def _prompt(rng: np.random.Generator, length: int) -> str:
    if length == 0:
        return " ".join("".join(rng.choice(list("bcdfghjklmnpqrstvwxz"), 6)) for _ in range(4))
    return "reverse " + "".join(str(digit) for digit in rng.integers(0, 10, length)) + " ="


def measured(name: str, options: dict[str, Any], setting: Setting, seed: int) -> dict[str, float]:
    """AUC and squared error by visit, the error of the last fifth of the run, and seconds per step."""
    model, columns, started = build(name, **options), [], time.perf_counter()
    for step in simulated(setting, seed):
        prior = model.predict(step.prompts, step.number)
        trials = np.full(len(prior), setting.rollouts)
        model.observe(step.prompts, step.successes, trials, step.number)
        columns.append([np.full(len(prior), step.number), step.visit, prior, step.rates, step.successes / trials])
    seconds = (time.perf_counter() - started) / setting.steps
    number, visit, prior, rates, outcome = np.concatenate(columns, axis=1)
    classes = visit_class(visit)
    row = {"late": float(np.mean(4 * (prior - rates)[number > 0.8 * setting.steps] ** 2))}
    for i, label in enumerate(VISITS):
        rows = classes == i
        row[f"mse_{label}"] = float(np.mean(4 * (prior - rates)[rows] ** 2)) if rows.any() else float("nan")
        row[f"auc_{label}"] = area_under_curve(prior[rows], outcome[rows] >= 0.5)
    metrics = model.metrics() if hasattr(model, "metrics") else {}
    return {**row, "s_per_step": seconds, **{f"model/{key}": value for key, value in metrics.items()}}


def main(arguments: Sequence[str] | None = None) -> pd.DataFrame:
    """Runs the command line; returns the table that it prints (means over seeds)."""
    options = _parser().parse_args(arguments)
    chosen = dict(assignment(text) for text in options.option)
    size = {"prompts": options.train_prompts, "batch": options.batch, "rollouts": options.rollouts}
    rows = []
    for text in options.text:
        setting = Setting(text, **size, epochs=options.epochs, rise=options.rise, walk=options.walk)
        for name in options.model:
            own = {key.partition(".")[2]: value for key, value in chosen.items() if key.startswith(f"{name}.")}
            runs = pd.DataFrame([measured(name, own, setting, seed) for seed in options.seed])
            rows.append({"text": text, "model": name, **runs.mean().to_dict()})
            line = "  ".join(f"{key} {value:.3f}" for key, value in rows[-1].items() if isinstance(value, float))
            print(f"{name:9s} {line}", flush=True)
    return pd.DataFrame(rows)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m v05_verl.value.evaluate.revisits", description=__doc__.splitlines()[0]
    )
    add = parser.add_argument
    add("--model", nargs="+", default=["constant", "tracker", "gp"])
    add("--text", nargs="+", type=float, default=[0, 0.5, 0.95], help="share of the difficulty that the text tells")
    add("--seed", nargs="+", type=int, default=[0, 1])
    add("--train-prompts", type=int, default=Setting.prompts)
    add("--batch", type=int, default=Setting.batch)
    add("--rollouts", type=int, default=Setting.rollouts, help="per prompt and visit")
    add("--epochs", type=int, default=Setting.epochs)
    add("--rise", type=float, default=Setting.rise, help="of the mean logit over the run")
    add("--walk", type=float, default=Setting.walk, help="sd of each prompt's random walk over the run")
    add("--option", nargs="*", default=[], metavar="MODEL.NAME=VALUE", help="options of the models")
    return parser


if __name__ == "__main__":
    main()

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""What ``k_init: auto`` makes of rewards that are not right or wrong: simulated steps, squared error of its baselines.

    python -m v05_verl.lab.graded_rewards [--seeds 10] [--steps 20] [--prompts 64]

Success rates are Beta(1/2, 1/2); a prior is the mean reward given a noisy reading of the success rate. After ``steps``
steps of ``prompts`` x 4 rollouts ``auto`` chooses k; then the squared errors of its baselines at that k and of leave
one out among 4 are measured on fresh prompts, against the true mean rewards. "outcomes" counts each rollout as one
success or failure, as if rewards were at the ends of their range; "as they vary" is what the package does
(``PriorModel.rollout_weight``). ± is a 95% interval over seeds.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
from scipy.special import expit, logit

from v05_verl.core.baseline import row_baselines
from v05_verl.first_wave import AutoSize
from v05_verl.method import Robust
from v05_verl.prior_record import PriorRecord
from v05_verl.report.statistics import interval

REFERENCE_N = 4
FRESH_PROMPTS = 3000
READINGS = {"some": 0.9, "little": 3.6}
"""By what the prior is worth, standard deviation of the reading's noise on the logit scale."""


class Rewards(NamedTuple):
    """How a reward function pays."""

    draw: Callable[[np.ndarray, np.random.Generator], np.ndarray]
    """From success rates, one per rollout, rewards of the same shape."""
    mean: Callable[[np.ndarray], np.ndarray]
    """Mean reward by success rate."""
    reward_range: tuple[float, float]


def _right_or_wrong(p: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return 2.0 * (rng.random(p.shape) < p) - 1


def _fined(p: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return _right_or_wrong(p, rng) - (rng.random(p.shape) < 0.1) * rng.random(p.shape)


def _tests(p: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return rng.binomial(20, rng.beta(8 * p, 8 * (1 - p))) / 20


def _with_format(p: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return 0.9 * (rng.random(p.shape) < p) + 0.1 * (rng.random(p.shape) < 0.95)


KINDS = {
    "right 1, wrong -1": Rewards(_right_or_wrong, lambda p: 2 * p - 1, (-1.0, 1.0)),
    "the same, in [-2, 1]": Rewards(_right_or_wrong, lambda p: 2 * p - 1, (-2.0, 1.0)),
    "the same, a tenth fined for length": Rewards(_fined, lambda p: 2 * p - 1.05, (-2.0, 1.0)),
    "share of 20 tests": Rewards(_tests, lambda p: p, (0.0, 1.0)),
    "right .9, form .1": Rewards(_with_format, lambda p: 0.9 * p + 0.095, (0.0, 1.0)),
}


class Result(NamedTuple):
    """Of one seed."""

    k: int
    error: float
    """Mean squared error of auto's baselines, squared-reward units."""
    expected: float
    """As auto expected it."""
    reference: float
    """Mean squared error of leave one out among ``REFERENCE_N``."""


def simulate(kind: Rewards, noise: float, as_outcomes: bool, steps: int, prompts: int, seed: int) -> Result:
    """Trains the record for ``steps`` steps and measures on ``FRESH_PROMPTS`` prompts."""
    rng, (lo, hi) = np.random.default_rng(seed), kind.reward_range
    rate, reading = _prompts(20_000, noise, rng)
    regression = np.polynomial.Polynomial.fit(reading, kind.mean(rate), 3)
    record, auto = PriorRecord(reward_range=kind.reward_range), AutoSize(reference_n=REFERENCE_N)
    for _ in range(steps):
        n = auto.first_wave(prompts, record, kind.reward_range).sizes
        rate, reading = _prompts(len(n), noise, rng)
        group = np.repeat(np.arange(len(n)), n)
        rewards = kind.draw(rate[group], rng)
        mean = np.bincount(group, rewards) / n
        variance = np.bincount(group, (rewards - mean[group]) ** 2) / np.maximum(n - 1, 1)
        if as_outcomes:
            variance = (mean - lo) * (hi - mean) * n / np.maximum(n - 1, 1)
        record.add(mean, n, np.clip(regression(reading), lo, hi), variance)
    choice = auto.first_wave(prompts, record, kind.reward_range).choice
    assert choice is not None, "too few steps for auto to choose"
    rate, reading = _prompts(FRESH_PROMPTS, noise, rng)
    true, prior = kind.mean(rate), np.clip(regression(reading), lo, hi)
    method = Robust(REFERENCE_N, reward_range=kind.reward_range, prior_model=record.model)
    errors = []
    for k in (choice.k, REFERENCE_N):
        group = np.repeat(np.arange(FRESH_PROMPTS), k)
        rows = (kind.draw(rate[group], rng), group, np.zeros(len(group), dtype=int), prior[group])
        is_reference = len(errors) == 1
        baselines = row_baselines(*rows, kind="leave_one_out") if is_reference else method.baselines(*rows)
        errors.append(float(np.mean((baselines - true[group]) ** 2)))
    return Result(choice.k, errors[0], choice.risk, errors[1])


def _prompts(count: int, noise: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Success rates, and readings of them in (0, 1)."""
    rate = np.clip(rng.beta(0.5, 0.5, count), 1e-3, 1 - 1e-3)
    return rate, expit(0.5 * logit(rate) + noise * rng.standard_normal(count))


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line: a Markdown table."""
    parser = argparse.ArgumentParser(prog="python -m v05_verl.lab.graded_rewards", description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--prompts", type=int, default=64)
    options = parser.parse_args(arguments)
    print("| rewards | prior tells | rollouts count | k | squared error / that of RLOO n=4 | expected / measured |")
    print("|---|---|---|---:|---:|---:|")
    for (name, kind), (worth, noise), as_outcomes in product(KINDS.items(), READINGS.items(), (True, False)):
        results = [
            simulate(kind, noise, as_outcomes, options.steps, options.prompts, seed) for seed in range(options.seeds)
        ]
        cells = (
            _spread([float(result.k) for result in results], 1),
            _spread([result.error / result.reference for result in results], 2),
            _spread([result.expected / result.error for result in results], 2),
        )
        counted = "as outcomes" if as_outcomes else "as they vary"
        print(f"| {name} | {worth} | {counted} | {' | '.join(cells)} |", flush=True)


def _spread(values: list[float], digits: int) -> str:
    mean, ci95 = interval(values)
    return f"{mean:.{digits}f}" + (f" ± {ci95:.{digits}f}" if ci95 is not None else "")


if __name__ == "__main__":
    main()

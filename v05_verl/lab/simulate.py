# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""How good baselines are and what they cost, on simulated prompts: spec section 5, from ``core``'s own functions.

    python -m v05_verl.lab.simulate [--prompts 20000] [--seed 0] [--hallucinated 0.15]

Success rates are Beta(1/2, 1/2), rewards -1 or 1, priors the true mean reward plus a normal error, cut to the range; a
share of them is hallucinated (uniform on the range). Prints 1000 x the mean squared error of each baseline and the mean
number of rollouts [E k].
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from v05_verl.core.posterior import PriorModel, posterior, worth_another
from v05_verl.core.posterior_fit import fit_prior_model
from v05_verl.core.shrinkage import fuse
from v05_verl.core.stopping import should_continue, wave_size

K_INIT, K_MAX, COST = 4, 16, 1 / 256
PAST_PAIRS = 2000
ERROR_SDS = (0.05, 0.1, 0.2, 0.4)


class World(NamedTuple):
    """Simulated prompts."""

    true: np.ndarray
    """(P,) mean reward."""
    prior: np.ndarray
    """(P,) V."""
    cumulative: np.ndarray
    """(P, K_MAX + 1) sum of the first k rewards."""

    def mean(self, n: np.ndarray) -> np.ndarray:
        """(P,) group mean of the first n rollouts."""
        return self.cumulative[np.arange(len(n)), n] / n


class Outcome(NamedTuple):
    """What an estimator did in a world."""

    error: float
    """1000 x mean squared error of the baseline."""
    rollouts: float
    """Mean rollouts per prompt."""


def make_world(prompts: int, error_sd: float, hallucinated: float, rng: np.random.Generator) -> World:
    """Prompts with priors of the given error; ``hallucinated`` is the share that is uniform noise instead."""
    rate = rng.beta(0.5, 0.5, prompts)
    true = 2 * rate - 1
    prior = np.clip(true + error_sd * rng.standard_normal(prompts), -1, 1)
    prior = np.where(rng.random(prompts) < hallucinated, rng.uniform(-1, 1, prompts), prior)
    return with_rewards(rate, prior, rng)


def with_rewards(rate: np.ndarray, prior: np.ndarray, rng: np.random.Generator) -> World:
    """Prompts with (P,) success rates and (P,) V, and rewards that are drawn here."""
    rewards = np.where(rng.random((len(rate), K_MAX)) < rate[:, None], 1.0, -1.0)
    return World(2 * rate - 1, prior, np.concatenate([np.zeros((len(rate), 1)), rewards.cumsum(1)], axis=1))


def run_sequential(world: World, goes_on: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    """(P,) rollouts of each prompt when ``goes_on(group_mean, n, prior)`` is asked after every one."""
    n = np.full(len(world.true), K_INIT)
    active = np.arange(len(n))
    while len(active):
        more = goes_on(world.mean(n)[active], n[active], world.prior[active])
        active = active[more]
        n[active] += 1
    return n


def paper_rollouts(world: World) -> np.ndarray:
    """(P,) rollouts under the paper's sequential rule."""
    return run_sequential(
        world, lambda mean, n, prior: should_continue(mean, n, prior, marginal_cost=COST, max_rollouts=K_MAX)
    )


def fixed_mean(world: World, n: int) -> Outcome:
    return _outcome(world, world.mean(np.full(len(world.true), n)), np.full(len(world.true), n))


def fused(world: World, n: np.ndarray) -> Outcome:
    return _outcome(world, fuse(world.mean(n), n, world.prior).baseline, n)


def fused_wave(world: World) -> Outcome:
    n = np.full(len(world.true), K_INIT)
    n = n + wave_size(world.mean(n), n, world.prior, marginal_cost=COST, max_rollouts=K_MAX)
    return fused(world, n)


def linear_bayes(world: World, past: World) -> Outcome:
    """One weight for all prompts, the best one on past pairs: what robustness is measured against."""
    mean, past_mean = world.cumulative[:, K_INIT] / K_INIT, past.cumulative[:, K_INIT] / K_INIT
    noise = np.mean((1 - past_mean**2) / (K_INIT - 1))
    bias_sq = max(np.mean((past_mean - past.prior) ** 2) - noise, 0.0)
    weight = bias_sq / (bias_sq + noise)
    return _outcome(world, weight * mean + (1 - weight) * world.prior, np.full(len(mean), K_INIT))


def robust(world: World, model: PriorModel, n: np.ndarray) -> Outcome:
    return _outcome(world, posterior(world.mean(n), n, world.prior, model).mean, n)


def robust_rollouts(world: World, model: PriorModel, mean_rollouts: float) -> np.ndarray:
    """(P,) rollouts by value of information, at the price (found by bisection) that spends ``mean_rollouts``."""

    def at_price(log_cost: float) -> np.ndarray:
        price = {"marginal_cost": float(np.exp(log_cost)), "max_rollouts": K_MAX}
        return run_sequential(world, lambda mean, n, prior: worth_another(mean, n, prior, model, **price))

    cheap, dear = np.log(1e-6), np.log(1.0)
    for _ in range(14):
        middle = (cheap + dear) / 2
        cheap, dear = (middle, dear) if at_price(middle).mean() > mean_rollouts else (cheap, middle)
    return at_price(dear)


def table(prompts: int, error_sd: float, hallucinated: float, seed: int) -> dict[str, Outcome]:
    """Every estimator on one world; the robust ones are fitted on another world's pairs."""
    rng = np.random.default_rng([seed, round(1000 * error_sd), round(1000 * hallucinated)])
    world = make_world(prompts, error_sd, hallucinated, rng)
    past = make_world(PAST_PAIRS, error_sd, hallucinated, rng)
    first = np.full(prompts, K_INIT)
    model = fit_prior_model(past.cumulative[:, K_INIT] / K_INIT, np.full(PAST_PAIRS, K_INIT), past.prior)
    sequential = paper_rollouts(world)
    return {
        **{f"group mean, k = {n}": fixed_mean(world, n) for n in (4, 8, 16)},
        "V0.5 fused, k = 4": fused(world, first),
        "V0.5 fused, sequential": fused(world, sequential),
        "V0.5 fused, one wave": fused_wave(world),
        "linear empirical Bayes, k = 4": linear_bayes(world, past),
        "robust empirical Bayes, k = 4": robust(world, model, first),
        "robust empirical Bayes, value of information, same E[k]": robust(
            world, model, robust_rollouts(world, model, float(sequential.mean()))
        ),
    }


def _outcome(world: World, baseline: np.ndarray, n: np.ndarray) -> Outcome:
    return Outcome(1000 * float(np.mean((baseline - world.true) ** 2)), float(np.mean(n)))


def as_markdown(columns: dict[float, dict[str, Outcome]], title: str) -> str:
    """Rows are estimators, columns the error of the priors."""
    lines = [f"| {title} | " + " | ".join(f"{sd:g}" for sd in columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for name in next(iter(columns.values())):
        cells = [f"{column[name].error:.1f} [{column[name].rollouts:.1f}]" for column in columns.values()]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m v05_verl.lab.simulate", description=__doc__.split("\n")[0])
    parser.add_argument("--prompts", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--hallucinated", type=float, default=0.15, help="share in the second table")
    options = parser.parse_args(arguments)
    print("1000 x mean squared error of the baseline [mean rollouts per prompt], by the sd of the prior's error\n")
    for share in (0.0, options.hallucinated):
        columns = {sd: table(options.prompts, sd, share, options.seed) for sd in ERROR_SDS}
        print(as_markdown(columns, f"{share:.0%} of the priors hallucinated") + "\n")


if __name__ == "__main__":
    main()

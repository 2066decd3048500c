# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Budgets with a hard total: what they spend, and whether the gradient stays unbiased (by exact enumeration)."""

from itertools import product

import numpy as np
import pytest

from v05_verl import method
from v05_verl.config import V05Config
from v05_verl.core.posterior import PriorModel
from v05_verl.step_budget import Allocated, Total

MODEL = PriorModel(strength=3.0, outlier_share=0.2)
TOTAL = {"budget": "total", "baseline": "predictable"}
ROBUST = {"mode": "robust", "baseline": "predictable"}


def test_the_known_optimum_of_a_published_gain_is_what_a_step_gets():
    # Knapsack (arXiv 2509.25849) at p = .5 .1 .9 0, 28 rollouts, 2 to 12 each
    plan = Allocated("knapsack", upper=12, step_rollouts=28)
    assert plan.sizes([0.0, -0.8, 0.8, -1.0], plan.total(4, 7), MODEL).tolist() == [8, 12, 6, 2]


def test_from_two_rollouts_on_variance_is_vip_with_the_expected_coefficient():
    prior = np.random.default_rng(0).uniform(-1, 1, 24)
    sizes = [Allocated(name).sizes(prior, 120, MODEL).tolist() for name in ("variance", "vip_loo")]
    assert sizes[0] == sizes[1] and len(set(sizes[0])) > 2


def test_from_one_rollout_on_every_second_rollout_comes_before_any_third():
    # Steps of A are equal at 0 and 1 and halve at 2: with priors alike, 6 rollouts on 4 prompts are 2 2 1 1.
    assert Allocated("variance", lower=1).sizes(np.zeros(4), 6, MODEL).tolist() == [2, 2, 1, 1]
    sizes = Allocated("variance", lower=1).sizes([0.0, -0.99, 0.0, 0.99], 6, PriorModel(strength=50.0))
    assert sizes.tolist() == [2, 1, 2, 1]


def test_a_prompt_without_a_prior_counts_as_the_mean_of_the_others_and_none_at_all_is_even():
    for name in ("vip_loo", "knapsack", "variance"):
        plan = Allocated(name)
        known = plan.sizes([0.5, -0.5, 0.0], 24, MODEL)
        np.testing.assert_array_equal(plan.sizes([0.5, -0.5, np.nan], 24, MODEL), known)
        assert plan.sizes([np.nan] * 3, 25, MODEL).tolist() == [9, 8, 8]


@pytest.mark.parametrize("name", ["uniform", "vip_mean", "vip_loo", "v0_utility", "v0_greedy", "knapsack", "gvm"])
def test_every_method_spends_exactly_the_step(name):
    prior = np.random.default_rng(1).uniform(-1, 1, 16)
    config = V05Config(budget="allocated", baseline="leave_one_out", step_rollouts=77, allocation={"method": name})
    built = method.build(config).knowing(MODEL)
    wave = built.first_wave(16)
    sizes = built.sizes(prior, wave)
    assert wave.total == sizes.sum() == 77 and sizes.min() >= config.allocation_bounds[0] and sizes.max() <= 16
    assert built.second_wave(prior, sizes, prior, sizes, 77) is None
    assert not built.further(prior, sizes, 1, prior).any()


@pytest.mark.parametrize("mode", ["paper", "robust"])
@pytest.mark.parametrize("objective", ["variance", "baseline"])
def test_a_total_is_spent_to_the_last_rollout_even_after_failures(mode, objective):
    rng = np.random.default_rng(2)
    config = V05Config(**TOTAL, mode=mode, k_init=4, k_max=12, total_objective=objective, step_rollouts=100)
    built = method.build(config).knowing(MODEL)
    n = np.array([4, 4, 3, 0, 1, 4, 4, 2, 4, 4])
    mean, prior = np.where(n > 0, 2 * rng.binomial(n, 0.5) / np.maximum(n, 1) - 1, np.nan), rng.uniform(-1, 1, 10)
    prior[[1, 4]] = np.nan
    asked = np.full(10, 4)
    more = built.second_wave(mean, n, prior, asked, built.first_wave(10).total)
    assert (asked + more).sum() == 100 and (asked + more).max() <= 12 and more.min() >= 0
    assert built.second_wave(mean, n, prior, asked, 120).tolist() == [8] * 10  # prompts x k_max
    assert built.second_wave(mean, n, prior, asked, 40).tolist() == [0] * 10  # prompts x k_init


def test_the_price_is_the_gain_of_the_least_valuable_rollout_bought():
    # 4pq = 1 and 0 at V = 0 and -1; steps from 2 rollouts on: 4pq / (n (n - 1)) = 1/2, 1/6, 1/12, 1/20.
    plan = Allocated("vip_loo", upper=6, coefficient="plugin")
    assert plan.spent([0.0, -1.0], [4, 2], MODEL) == pytest.approx((1 / 6, 0))
    sizes = plan.sizes([0.0, -1.0], 10, MODEL)
    assert sizes.tolist() == [6, 4]  # the last two are bought at gain 0
    assert plan.spent([0.0, -1.0], sizes, MODEL) == pytest.approx((0, 2 / 6))
    assert np.isnan(plan.spent([0.0, -1.0], [2, 2], MODEL)).all()  # nothing beyond the least
    assert np.isnan(plan.spent([np.nan, np.nan], [5, 5], MODEL)).all()


@pytest.mark.parametrize("objective", ["variance", "baseline"])
def test_no_rollout_that_a_total_left_gains_more_than_its_price(objective):
    rng = np.random.default_rng(3)
    built = method.build(V05Config(**TOTAL, mode="robust", k_init=4, k_max=12, total_objective=objective))
    n, prior, mean = np.full(10, 4), rng.uniform(-1, 1, 10), rng.choice([-1, -0.5, 0, 0.5, 1], 10)
    bought = built.second_wave(mean, n, prior, n, 64)
    spent = built.plan.spent(mean, n, prior, n, bought, built.prior_model)
    most = built.second_wave(mean, n, prior, n, 65) - bought  # where the next one would go
    next_price = built.plan.spent(mean, n, prior, n, bought + most, built.prior_model).price
    assert 0 < next_price <= spent.price and spent.idle == 0


def test_without_step_rollouts_a_step_has_the_first_wave_or_twice_that():
    assert method.build(V05Config(budget="allocated", baseline="leave_one_out")).first_wave(8).total == 32
    assert method.build(V05Config(**TOTAL, mode="robust")).first_wave(8).total == 64
    auto = V05Config(**ROBUST, budget="allocated", k_init="auto", allocation={"method": "variance", "lower": 1})
    assert method.build(auto).auto is not None


def test_only_a_weight_per_prompt_moves_the_weights():
    ones = [1.0] * 4, [0.0] * 4, [0, 0, 0, 1]  # rewards, baselines, group
    by_rollout = {"budget": "allocated", "baseline": "leave_one_out"}
    assert method.build(V05Config(**by_rollout)).advantages(*ones).tolist() == [1.0] * 4
    by_prompt = method.build(V05Config(**by_rollout, prompt_weight="prompt")).advantages(*ones)
    np.testing.assert_allclose(by_prompt, [2 / 3] * 3 + [2.0])  # mean n = 2; each prompt's sum is 2


# ---- unbiased: E[sum_i w_i (r_i - b_i) dlogp(r_i)/dp] = E[sum of weights], for each prompt's own p ----

RATES, PRIOR, K_MAX = (0.3, 0.8), np.array([0.6, -0.4]), 6


def gradient(built, total: int, baseline_of=None) -> tuple[np.ndarray, np.ndarray]:
    """Expected gradient by each prompt's p, and expected sum of its weights; every outcome of both prompts.

    Rewards are -1 and 1, so that the mean reward's derivative is 2 per rollout.
    """
    first = built.sizes(PRIOR, built.first_wave(2)._replace(total=total))
    most = first if isinstance(built.plan, Allocated) else np.minimum(total - first[::-1], K_MAX)
    parts, sizes = [], {}
    for bits in product([0, 1], repeat=int(most.sum())):
        right = np.array(bits[: most[0]]), np.array(bits[most[0] :])
        chance = np.prod([np.prod(np.where(row, p, 1 - p)) for row, p in zip(right, RATES, strict=True)])
        successes = tuple(int(row[:k].sum()) for row, k in zip(right, first, strict=True))
        if successes not in sizes:
            more = built.second_wave(2 * np.array(successes) / first - 1, first, PRIOR, first, total)
            sizes[successes] = first if more is None else first + more
        for prompt, (row, k) in enumerate(zip(right, sizes[successes], strict=True)):
            rows = np.arange(k)
            parts.append(
                (np.full(k, len(parts)), np.full(k, prompt), rows >= first[prompt], row[:k], rows * 0 + chance)
            )
        assert sizes[successes].sum() == total
    group, prompt, wave, right, chance = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    rewards, rate = 2.0 * right - 1, np.array(RATES)[prompt]
    baselines = (baseline_of or built).baselines(rewards, group, wave.astype(int), PRIOR[prompt])
    weights = chance * built.advantages(np.ones(len(group)), np.zeros(len(group)), group)
    score = np.where(right, 1 / rate, -1 / (1 - rate))
    return np.bincount(prompt, weights * (rewards - baselines) * score), 2 * np.bincount(prompt, weights)


UNBIASED = [
    ({"budget": "allocated", "baseline": "leave_one_out", "allocation": {"upper": 6}}, 8),
    ({"budget": "allocated", "baseline": "leave_one_out", "prompt_weight": "prompt", "allocation": {"upper": 6}}, 8),
    ({"budget": "allocated", "baseline": "leave_one_out", "allocation": {"method": "v0_greedy", "upper": 6}}, 8),
    ({"budget": "allocated", **ROBUST, "allocation": {"method": "variance", "lower": 1, "upper": 6}}, 7),
    ({**TOTAL, "mode": "robust", "k_init": 2}, 7),
    ({**TOTAL, "mode": "robust", "k_init": 2, "total_objective": "baseline"}, 7),
    ({**TOTAL, "mode": "paper", "k_init": 2}, 7),
    ({**TOTAL, "mode": "paper", "k_init": 2, "total_objective": "baseline"}, 7),
]


@pytest.mark.parametrize(("keys", "total"), UNBIASED)
def test_the_gradient_is_unbiased(keys, total):
    built = method.build(V05Config(**{"k_max": K_MAX, **keys})).knowing(MODEL)
    expected, weight = gradient(built, total)
    np.testing.assert_allclose(expected, weight, rtol=1e-12)


def test_leave_one_out_over_the_whole_group_is_biased_where_a_wave_decides_the_size():
    built = method.build(V05Config(**TOTAL, mode="robust", k_init=2, k_max=K_MAX)).knowing(MODEL)
    assert isinstance(built.plan, Total)
    expected, weight = gradient(built, 7, baseline_of=method.Group(baseline="leave_one_out"))
    assert np.abs(expected / weight - 1).max() > 0.01

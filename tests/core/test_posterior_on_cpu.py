# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import check_grad
from scipy.special import betaln, expit, logit

from v05_verl.core.posterior import (
    PriorModel,
    expected_falls,
    expected_outcome_variance,
    expected_promise,
    posterior,
    posterior_wave_size,
    row_posterior_baselines,
    worth_another,
)
from v05_verl.core.posterior_fit import fit_prior_model, from_vector, negative_log_posterior, rollout_weight, to_vector

TRUSTING = PriorModel(strength=2.0, outlier_share=1e-9)
MODEL = PriorModel(shift=0.3, slope=1.2, strength=6.0, outlier_share=0.2, outlier_a=0.6, outlier_b=0.8)
models = st.builds(
    PriorModel,
    shift=st.floats(-1, 1),
    slope=st.floats(0.5, 2),
    strength=st.floats(0.5, 50),
    outlier_share=st.floats(0.01, 0.9),
    outlier_a=st.floats(0.3, 2),
    outlier_b=st.floats(0.3, 2),
    rollout_weight=st.integers(1, 3),
)


def test_one_component_is_the_beta_binomial_posterior():
    # Beta(1, 1) and 3 of 4: mean 4/6, reward 1/3; variance 4 * 2 / (36 * 7), times 4 on the -1/+1 scale.
    result = posterior(0.5, 4, 0.0, TRUSTING)
    assert result.mean == pytest.approx(1 / 3, abs=1e-6)
    assert result.variance == pytest.approx(4 * 8 / 252, rel=1e-6)
    # After one more: 5/7 with probability 2/3, 4/7 with 1/3; variance of the mean (2/9) (1/7)^2.
    assert result.value_of_information == pytest.approx(4 * (2 / 9) / 49, rel=1e-6)


def test_without_rollouts_the_mean_is_that_of_the_prior():
    assert posterior(np.nan_to_num(np.nan), 0, 0.5, TRUSTING).mean == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("prior", [-0.9, 0.0, 0.7])
@pytest.mark.parametrize("successes", [0, 1, 4])
def test_agrees_with_numerical_integration(prior, successes):
    log_odds = np.linspace(-120, 120, 40_001)  # even steps on the logit scale: the densities may be infinite at 0 and 1
    grid, step = expit(log_odds), expit(log_odds) * expit(-log_odds)
    m = MODEL.recalibrated(np.array((prior + 1) / 2))

    def beta_density(a, b):
        return np.exp((a - 1) * np.log(grid) + (b - 1) * np.log(expit(-log_odds)) - betaln(a, b))

    density = (1 - MODEL.outlier_share) * beta_density(m * MODEL.strength, (1 - m) * MODEL.strength)
    density = density + MODEL.outlier_share * beta_density(MODEL.outlier_a, MODEL.outlier_b)

    def moments(won, lost):
        weight = density * step * grid**won * expit(-log_odds) ** lost
        mean = np.sum(weight * grid) / weight.sum()
        return mean, np.sum(weight * grid**2) / weight.sum() - mean**2

    mean, variance = moments(successes, 4 - successes)
    _, after_success = moments(successes + 1, 4 - successes)
    _, after_failure = moments(successes, 5 - successes)
    result = posterior(successes / 2 - 1, 4, prior, MODEL)
    assert result.mean == pytest.approx(2 * mean - 1, abs=1e-6)
    assert result.variance == pytest.approx(4 * variance, rel=1e-5)
    fall = 4 * (variance - mean * after_success - (1 - mean) * after_failure)
    assert result.value_of_information == pytest.approx(fall, rel=1e-4, abs=1e-8)


@given(model=models, successes=st.integers(0, 8), n=st.integers(8, 16), prior=st.floats(-1, 1))
def test_one_more_rollout_never_costs_information(model, successes, n, prior):
    result = posterior(2 * successes / n - 1, n, prior, model)
    assert -1 < result.mean < 1
    assert -1e-12 <= result.value_of_information <= result.variance + 1e-12


def test_a_contradicted_prior_is_taken_for_an_outlier():
    trusted = posterior(-1.0, 16, 0.9, MODEL._replace(outlier_share=1e-30, strength=50.0)).mean
    robust = posterior(-1.0, 16, 0.9, MODEL._replace(strength=50.0)).mean
    assert trusted > 0.4 and robust < -0.9


def test_many_rollouts_give_the_group_mean():
    assert posterior(0.3, 10**6, -0.8, MODEL).mean == pytest.approx(0.3, abs=1e-4)


def test_worth_another_compares_with_the_price_and_ends_at_the_most():
    price = 4 * (2 / 9) / 49
    for factor, expected in ((0.99, True), (1.01, False)):
        assert worth_another(0.5, 4, 0.0, TRUSTING, marginal_cost=factor * price, max_rollouts=16) == expected
    assert not worth_another(0.5, 4, 0.0, TRUSTING, marginal_cost=1e-9, max_rollouts=4)


def test_wave_of_a_uniform_prior_by_hand():
    # Beta(1, 1): after m rollouts the mean is (1 + S) / (2 + m), S uniform on 0 to m: its variance m / (12 (m + 2)).
    # On the -1/+1 scale m = 1, 2, 3 gain 1/9, 1/6, 1/5; at a price of .05 the second is worth it, the third is not.
    price = {"max_rollouts": 16}
    assert posterior_wave_size(0.0, 0, 0.0, TRUSTING, marginal_cost=0.05, **price) == 2
    assert posterior_wave_size(0.0, 0, 0.0, TRUSTING, marginal_cost=0.03, **price) == 3
    assert posterior_wave_size(0.0, 0, 0.0, TRUSTING, marginal_cost=0.2, **price) == 0
    assert posterior_wave_size(0.0, 0, 0.0, TRUSTING, marginal_cost=1e-6, **price) == 16


def test_a_rollout_of_weight_three_is_three_outcomes_of_its_mean():
    heavy, evidence = MODEL._replace(rollout_weight=3), (np.array([-0.4, 0.7]), np.array([2, 1]), 0.5)
    (mean, n, prior), price = evidence, {"marginal_cost": 0.01, "max_rollouts": 8}
    one, three = posterior(*evidence, heavy), posterior(mean, 3 * n, prior, MODEL)
    np.testing.assert_allclose(one.mean, three.mean, rtol=1e-12)
    np.testing.assert_allclose(one.variance, three.variance, rtol=1e-12)
    falls, outcomes = expected_falls(*evidence, heavy, most=2), expected_falls(mean, 3 * n, prior, MODEL, most=6)
    np.testing.assert_allclose(falls, outcomes[:, [2, 5]], rtol=1e-9)
    np.testing.assert_allclose(one.value_of_information, falls[:, 0], rtol=1e-12)
    spread = expected_outcome_variance(mean, 3 * n, prior, MODEL)
    np.testing.assert_allclose(expected_outcome_variance(*evidence, heavy), spread / 3, rtol=1e-12)
    sizes = posterior_wave_size(*evidence, heavy, **price)
    by_hand = np.argmax(np.column_stack([[0, 0], expected_falls(*evidence, heavy, most=7)]) - 0.01 * np.arange(8), 1)
    np.testing.assert_array_equal(sizes, np.minimum(by_hand, 8 - n))


@given(model=models, prior=st.floats(-1, 1))
def test_expected_promise_is_the_mean_over_success_rates(model, prior):
    rng, m = np.random.default_rng(0), model.recalibrated(np.array((prior + 1) / 2))
    outlying = rng.random(40_000) < model.outlier_share
    around = rng.beta(m * model.strength, (1 - m) * model.strength, 40_000)
    p = np.where(outlying, rng.beta(model.outlier_a, model.outlier_b, 40_000), around)
    assert expected_promise([prior], model) == pytest.approx([np.mean(p * (1 - p) ** 2)], abs=0.002)


def test_the_weight_says_how_much_less_rewards_vary_than_outcomes():
    # .4 and .6: s^2 = .02, and (.5 .5) + .02 / 2 = .26 the most; a hundred such groups: (1 + 26) / (1 + 2) = 9.
    hundred = np.ones(100, dtype=int)
    assert rollout_weight(0.5 * hundred, 2 * hundred, 0.02 * hundred, reward_range=(0, 1)) == 9
    assert rollout_weight(0.5 * hundred, 2 * hundred, 0.0 * hundred, reward_range=(0, 1)) == 16
    assert rollout_weight([0.5], [2], [0.0], reward_range=(0, 1)) == 1  # one group decides nothing
    assert rollout_weight(0.5 * hundred, hundred, np.nan * hundred, reward_range=(0, 1)) == 1  # nor do single rollouts


@given(tests=st.sampled_from([1, 2, 5, 10]), n=st.sampled_from([2, 4]), seed=st.integers(0, 10**6))
@settings(max_examples=20)
def test_a_share_of_independent_tests_weighs_as_many_outcomes(tests, n, seed):
    rng = np.random.default_rng(seed)
    rewards = 2 * rng.binomial(tests, rng.beta(1.0, 1.0, (4000, 1)), (4000, n)) / tests - 1
    weight = rollout_weight(rewards.mean(1), np.full(4000, n), rewards.var(1, ddof=1))
    assert abs(weight - tests) <= tests // 5


@given(model=models, successes=st.integers(0, 4), prior=st.floats(-1, 1), price=st.floats(1e-4, 0.1))
def test_a_wave_is_asked_for_wherever_one_more_is_worth_it(model, successes, prior, price):
    evidence = (successes / 2 - 1, 4, prior, model)
    size = posterior_wave_size(*evidence, marginal_cost=price, max_rollouts=16)
    assert 0 <= size <= 12
    assert size > 0 or not worth_another(*evidence, marginal_cost=price, max_rollouts=16)
    assert posterior_wave_size(*evidence, marginal_cost=price, max_rollouts=4) == 0


@given(seed=st.integers(0, 10**6))
@settings(max_examples=25)
def test_the_reward_scale_does_not_matter(seed):
    rng = np.random.default_rng(seed)
    mean, prior, n = rng.uniform(-1, 1, 5), rng.uniform(-1, 1, 5), rng.integers(1, 9, 5)
    base = posterior(mean, n, prior, MODEL)
    moved = posterior((mean + 1) / 2, n, (prior + 1) / 2, MODEL, reward_range=(0, 1))
    np.testing.assert_allclose(2 * moved.mean - 1, base.mean, atol=1e-9)
    np.testing.assert_allclose(4 * moved.value_of_information, base.value_of_information, atol=1e-9)


def test_predictable_baselines_are_unbiased_under_adaptive_stopping_and_shared_ones_are_not():
    p, prior, k_init, k_max = 0.3, 0.6, 2, 5

    def gradient(kind):
        total, rollouts = 0.0, 0.0
        for bits in product([0, 1], repeat=k_max):
            reward = 2.0 * np.array(bits) - 1
            n, price = k_init, {"marginal_cost": 0.03, "max_rollouts": k_max}
            while worth_another(reward[:n].mean(), n, prior, MODEL, **price):
                n += 1
            chance = np.prod([p if bit else 1 - p for bit in bits])
            wave = np.maximum(np.arange(n) - k_init + 1, 0)
            rows = (reward[:n], np.zeros(n, int), wave, np.full(n, prior))
            score = np.where(reward[:n] > 0, 1 / p, -1 / (1 - p))
            total += chance * np.sum((reward[:n] - row_posterior_baselines(*rows, MODEL, kind=kind)) * score)
            rollouts += chance * n
        return total, rollouts

    total, rollouts = gradient("predictable")
    assert k_init < rollouts < k_max
    assert total == pytest.approx(2 * rollouts, rel=1e-9)
    total, rollouts = gradient("shared")
    assert total < 0.95 * 2 * rollouts


def test_row_baselines_by_hand_and_in_any_order():
    rows = {
        "rewards": [1.0, -1.0, 1.0, 1.0],
        "group": [5, 5, 5, 2],
        "wave": [0, 0, 1, 0],
        "prior": [0.0, 0.0, 0.0, 0.5],
    }
    # Beta(1, 1): shared 3/5 for group 5; others of the first wave 1/3 and 2/3; the later one sees 1 of 2.
    shared = row_posterior_baselines(*rows.values(), TRUSTING, kind="shared")
    np.testing.assert_allclose(shared[:3], 0.2, atol=1e-6)
    predictable = row_posterior_baselines(*rows.values(), TRUSTING, kind="predictable")
    np.testing.assert_allclose(predictable[:3], [-1 / 3, 1 / 3, 0.0], atol=1e-6)
    assert predictable[3] == pytest.approx(posterior(-1.0, 0, 0.5, TRUSTING).mean)
    order = [3, 1, 0, 2]
    shuffled = row_posterior_baselines(*(np.array(v)[order] for v in rows.values()), TRUSTING, kind="predictable")
    np.testing.assert_array_equal(shuffled, predictable[order])
    assert row_posterior_baselines([], np.array([], int), np.array([], int), [], TRUSTING, kind="shared").shape == (0,)


def simulated_pairs(count, model, seed=0):
    rng = np.random.default_rng(seed)
    predicted = rng.uniform(0.02, 0.98, count)
    m = model.recalibrated(predicted)
    rate = rng.beta(m * model.strength, (1 - m) * model.strength)
    outlier = rng.random(count) < model.outlier_share
    rate = np.where(outlier, rng.beta(model.outlier_a, model.outlier_b, count), rate)
    return rng.binomial(8, rate) / 4 - 1, np.full(count, 8), 2 * predicted - 1


def test_fit_recovers_the_parameters_that_made_the_pairs():
    model = PriorModel(shift=0.5, slope=1.6, strength=20.0, outlier_share=0.15)
    fitted = fit_prior_model(*simulated_pairs(8000, model))
    assert fitted.shift == pytest.approx(0.5, abs=0.1)
    assert fitted.slope == pytest.approx(1.6, abs=0.15)
    assert fitted.strength == pytest.approx(20, rel=0.4)
    assert fitted.outlier_share == pytest.approx(0.15, abs=0.06)


def test_fit_without_pairs_is_the_default_and_does_not_run_away_with_few():
    assert fit_prior_model([], [], []) == PriorModel()
    few = fit_prior_model([1.0, 1.0], [4, 4], [0.9, 0.8])
    assert abs(few.shift) < 1 and 0.5 < few.slope < 2


def test_gradient_of_the_likelihood():
    mean, n, prior = simulated_pairs(200, MODEL)
    evidence = ((mean + 1) / 2 * n, (1 - mean) / 2 * n, logit((prior + 1) / 2))
    vector = to_vector(MODEL)
    error = check_grad(
        lambda v: negative_log_posterior(v, *evidence)[0], lambda v: negative_log_posterior(v, *evidence)[1], vector
    )
    assert error < 1e-4 * np.linalg.norm(negative_log_posterior(vector, *evidence)[1])
    assert from_vector(vector) == pytest.approx(MODEL)


@pytest.mark.parametrize(
    ("call", "offender"),
    [
        (lambda: posterior(0.0, -1, 0.0, MODEL), "n"),
        (lambda: posterior(1.5, 4, 0.0, MODEL), "1.5 is outside the reward range"),
        (lambda: posterior(0.0, 4, np.nan, MODEL), "not a finite number"),
        (lambda: posterior(0.0, 4, 0.0, MODEL._replace(outlier_share=0.0)), "outlier_share must lie in"),
        (lambda: posterior(0.0, 4, 0.0, MODEL._replace(strength=-1.0)), "strength must be above 0"),
        (lambda: posterior(0.0, 4, 0.0, MODEL._replace(rollout_weight=0)), "rollout_weight = 0 must be a whole number"),
        (lambda: rollout_weight([0.0, 1.0], [4, 4], [0.0]), "lengths differ"),
        (lambda: worth_another(0.0, 4, 0.0, MODEL, marginal_cost=0.0, max_rollouts=4), "marginal_cost"),
        (lambda: row_posterior_baselines([0.0], [0], [0], [0.0], MODEL, kind="median"), "kind must be one of"),
        (lambda: fit_prior_model([0.0], [0], [0.0]), "n = 0|n\\[0\\] = 0"),
        (lambda: fit_prior_model([0.0, 1.0], [4, 4], [0.0]), "lengths differ"),
    ],
)
def test_invalid_input_is_named(call, offender):
    with pytest.raises(ValueError, match=offender):
        call()

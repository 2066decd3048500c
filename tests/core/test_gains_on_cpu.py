# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from v05_verl.core.gains import baseline_steps, shrinkage_steps, variance_steps
from v05_verl.core.posterior import (
    PriorModel,
    expected_falls,
    expected_outcome_variance,
    posterior,
    posterior_wave_size,
)
from v05_verl.core.spending import spend, spend_in_turn
from v05_verl.core.stopping import should_continue

MODEL = PriorModel(shift=0.3, slope=1.2, strength=6.0, outlier_share=0.2, outlier_a=0.6, outlier_b=0.8)
CERTAIN = PriorModel(strength=2.0, outlier_share=1e-12)
waves = st.lists(st.tuples(st.integers(0, 4), st.floats(-1, 1)), min_size=1, max_size=6)


def evidence(wave):
    successes, prior = (np.array(column, dtype=float) for column in zip(*wave, strict=True))
    return successes / 2 - 1, np.full(len(prior), 4), prior


def test_variance_of_one_outcome():
    # Beta(1, 1) and 3 of 4: Beta(4, 2), E[pq] = 8 / (6 * 7).
    assert expected_outcome_variance(0.5, 4, 0.0, CERTAIN) == pytest.approx(8 / 42)
    # Without a prior: Beta(.6, .8) of the outliers and 1 of 2, E[pq] = 1.6 * 1.8 / (3.4 * 4.4).
    assert expected_outcome_variance(0.0, 2, np.nan, MODEL) == pytest.approx(1.6 * 1.8 / (3.4 * 4.4))


@given(wave=waves)
def test_variance_of_one_outcome_is_what_mean_and_variance_say(wave):
    group_mean, n, prior = evidence(wave)
    result = posterior(group_mean, n, prior, MODEL)
    p = (result.mean + 1) / 2
    expected = p * (1 - p) - result.variance / 4  # E[p] - E[p^2]
    np.testing.assert_allclose(expected_outcome_variance(group_mean, n, prior, MODEL), expected, rtol=1e-9)


def test_variance_steps_by_hand():
    # Beta(4, 2) on the -1/+1 scale: A = 4 * 8/42 = .7619; steps A/12, A/20, and no sixth rollout.
    a = 4 * 8 / 42
    steps = variance_steps([0.5, 0.5], [4, 4], [0.0, 0.0], CERTAIN, [6, 5])
    np.testing.assert_allclose(steps, [[a / 12, a / 20], [a / 12, -np.inf]], rtol=1e-9)
    unit = variance_steps([0.75], [4], [0.5], CERTAIN, 5, reward_range=(0.0, 1.0))
    np.testing.assert_allclose(unit, [[a / 48]], rtol=1e-9)


def test_variance_steps_of_a_single_rollout_and_of_none():
    # One success, Beta(1, 1): Beta(2, 1), A = 4 * 2/12. No rollout: Beta(1, 1), A = 4 * 1/6.
    steps = variance_steps([1.0, 0.0], [1, 0], [0.0, 0.0], CERTAIN, 4)
    np.testing.assert_allclose(steps[0], [2 / 3, 1 / 3, 1 / 9, -np.inf], rtol=1e-9)
    np.testing.assert_allclose(steps[1], [2 / 3, 2 / 3, 1 / 3, 1 / 9], rtol=1e-9)


@given(successes=st.integers(0, 1), prior=st.floats(-1, 1), strength=st.floats(1, 50))
def test_the_priors_risk_at_a_single_rollout_is_below_the_step(successes, prior, strength):
    model = PriorModel(strength=strength, outlier_share=1e-12)
    risk = posterior(2.0 * successes - 1, 1, prior, model).variance
    assert risk <= variance_steps([2.0 * successes - 1], [1], [prior], model, 2)[0, 0]


@given(wave=waves)
def test_baseline_steps_add_up_to_the_fall_of_the_risk(wave):
    group_mean, n, prior = evidence(wave)
    steps = baseline_steps(group_mean, n, prior, MODEL, 12)
    np.testing.assert_allclose(steps[:, 0], posterior(group_mean, n, prior, MODEL).value_of_information, atol=1e-12)
    falls = expected_falls(group_mean, n, prior, MODEL, most=8)
    np.testing.assert_allclose(np.cumsum(steps, axis=1), falls, atol=1e-12)
    size = posterior_wave_size(group_mean, n, prior, MODEL, marginal_cost=0.004, max_rollouts=12)
    net = np.concatenate([np.zeros((len(n), 1)), falls - 0.004 * np.arange(1, 9)], axis=1)
    np.testing.assert_allclose(np.take_along_axis(net, size[:, None], axis=1)[:, 0], net.max(axis=1), atol=1e-12)


def test_a_fall_enumerates_the_outcomes():
    # Beta(1, 1): the mean after two more is 1/4, 2/4, 3/4 with probability 1/3 each: variance 1/24, times 4.
    assert expected_falls(0.0, 0, 0.0, CERTAIN, most=2) == pytest.approx([4 / 36, 4 / 24], rel=1e-6)


def test_baseline_steps_may_rise_and_are_still_spent_at_their_best():
    # A strong prior that the wave contradicts: one outcome more leaves it in doubt, two settle it.
    model = PriorModel(strength=60.0, outlier_share=0.005)
    group_mean, n, prior = np.array([-1.0, 1.0, 0.5]), np.array([4, 4, 4]), np.array([0.4, -0.3, -0.7])
    steps = baseline_steps(group_mean, n, prior, model, 10)
    assert np.all(np.diff(steps, axis=1).max(axis=1) > 1e-3)
    gained = np.concatenate([np.zeros((3, 1)), np.cumsum(steps, axis=1)], axis=1)
    for room in range(19):
        further = spend(steps, n, room)
        best = max(
            gained[0, i] + gained[1, j] + gained[2, room - i - j]
            for i in range(7)
            for j in range(7)
            if 0 <= room - i - j <= 6
        )
        assert gained[[0, 1, 2], further].sum() == pytest.approx(best, rel=1e-12)


def test_shrinkage_steps_by_hand():
    # d = 1 at k = 4: D = 3/4, steps D^2 / (4 * 4.75) and / (4.75 * 5.5). d = .5: accepted, exactly at the limit.
    steps = shrinkage_steps([1.0, 0.5], [4, 4], [0.0, 0.0], 6)
    np.testing.assert_allclose(steps, [[0.5625 / 19, 0.5625 / 26.125], [0.0, 0.0]], rtol=1e-12)
    half = shrinkage_steps([1.0], [4], [0.5], 6, reward_range=(0.0, 1.0))
    np.testing.assert_allclose(half, steps[:1] / 4, rtol=1e-12)


@given(wave=waves, cost=st.floats(1e-3, 0.05))
def test_shrinkage_steps_above_the_price_are_what_the_rule_buys(wave, cost):
    group_mean, n, prior = evidence(wave)
    steps = shrinkage_steps(group_mean, n, prior, 16)
    goes_on = should_continue(group_mean, n, prior, marginal_cost=cost, max_rollouts=16)
    assert ((steps > cost)[:, 0] == goes_on).all()
    assert np.all(np.diff(steps, axis=1) <= 0)


def test_a_prompt_without_prior_or_rollouts():
    group_mean, n, prior = [1.0, 1.0, 1.0], [4, 0, 4], [np.nan, -1.0, -1.0]
    steps = shrinkage_steps(group_mean, n, prior, 6)
    assert np.all(steps[:2] == np.where(np.isfinite(steps[:2]), 0, -np.inf)) and steps[2, 0] > 0
    for function in (variance_steps, baseline_steps):
        steps = function(group_mean, n, prior, MODEL, 6)
        assert steps.shape == (3, 6) and np.isfinite(steps[1]).all()
        known = function(group_mean[2:], n[2:], prior[2:], MODEL, 6)
        np.testing.assert_allclose(steps[2:, :2], known)


def test_the_papers_test_first_and_the_rest_by_variance():
    group_mean, n, prior = np.array([1.0, 0.0, -1.0, 1.0]), np.full(4, 4), np.array([-1.0, 0.0, -1.0, np.nan])
    test, variance = shrinkage_steps(group_mean, n, prior, 16), variance_steps(group_mean, n, prior, MODEL, 16)
    bought = (test > 1 / 256).sum(axis=1)
    assert bought.tolist() == [12, 0, 0, 0]
    further = spend_in_turn(test, 1 / 256, variance, n, 20)
    assert further.sum() == 20 and further[0] == 12 and further[1] >= further[2]


def test_nothing_left_to_ask_for():
    assert variance_steps([0.0, 0.0], [4, 4], [0.0, 0.0], MODEL, 4).shape == (2, 0)
    assert baseline_steps([0.0], [4], [0.0], MODEL, 3).shape == (1, 0)
    assert variance_steps([], [], [], MODEL, 8).shape == (0, 0)
    # Of two prompts one may be at its most.
    assert np.isneginf(variance_steps([0.0, 0.0], [4, 4], [0.0, 0.0], MODEL, [4, 6])[0]).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n": [4.5]}, r"n\[0\] = 4.5 is not a whole number"),
        ({"n": [-1]}, "at least 1"),
        ({"group_mean": [2.0]}, "outside the reward range"),
        ({"prior": [2.0]}, "outside the reward range"),
        ({"most": 6.5}, "most = 6.5 is not a whole number"),
        ({"most": [6, 6]}, "lengths differ: n has 1, most has 2"),
    ],
)
def test_errors(change, message):
    arguments = {"group_mean": [0.5], "n": [4], "prior": [0.0], "most": 8, **change}
    for function in (variance_steps, baseline_steps, shrinkage_steps):
        extra = {} if function is shrinkage_steps else {"model": MODEL}
        if function is shrinkage_steps and change == {"n": [-1]}:
            continue
        with pytest.raises(ValueError, match=message):
            function(**arguments, **extra)

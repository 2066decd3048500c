# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from v05_verl.core.scale import auto_marginal_cost
from v05_verl.core.shrinkage import fuse
from v05_verl.core.stopping import critical_disagreement, next_fall, should_continue, wave_size

PAPER = {"marginal_cost": 1 / 256, "max_rollouts": 16}
rewards = st.floats(-1, 1)

# |v_k - V| above which the discrete rule goes on, -1/+1 scale: where D^2 / ((k D + 1) ((k + 1) D + 1)) = c.
THRESHOLDS = {4: 0.580, 5: 0.543, 6: 0.521, 8: 0.508, 10: 0.531, 12: 0.607, 13: 0.690, 14: 0.857, 15: 1.427}


@pytest.mark.parametrize(("n", "threshold"), THRESHOLDS.items())
def test_thresholds_of_the_discrete_rule(n, threshold):
    below, above = should_continue([threshold - 1e-3, threshold + 1e-3], n, 0.0, **PAPER)
    assert (below, above) == (False, True)


@given(group_mean=rewards, prior=rewards, n=st.integers(1, 20), cost=st.floats(1e-5, 2), noise_scale=st.floats(0.05, 4))
def test_a_rollout_is_worth_it_where_the_risk_falls_by_more_than_its_price(group_mean, prior, n, cost, noise_scale):
    bias = fuse(group_mean, n, prior, noise_scale).prior_bias_sq / noise_scale
    fall = noise_scale * next_fall(bias, n)  # MSE_hat(k) - MSE_hat(k + 1)
    if abs(fall / cost - 1) < 1e-9:
        return  # rounding decides
    keys = {"marginal_cost": cost, "noise_scale": noise_scale}
    assert should_continue(group_mean, n, prior, max_rollouts=99, **keys) == (fall > cost)


def test_no_disagreement_is_enough_at_the_most_rollouts_or_beyond_the_price():
    assert critical_disagreement([15, 16, 17], **PAPER).tolist()[1:] == [np.inf, np.inf]
    assert critical_disagreement(1, marginal_cost=0.5, max_rollouts=9) == np.inf  # 1 / (k (k + 1)) = 1/2


@pytest.mark.parametrize(
    ("successes", "stops", "goes_on"),
    [
        (0, [-1.0, -0.5, -0.43], [-0.41, 0.0, 1.0]),
        (1, [-1.0, 0.0, 0.07], [0.09, 1.0]),
        (2, [-0.57, 0.0, 0.57], [-0.59, 0.59, 1.0]),
        (3, [-0.07, 0.0, 1.0], [-0.09, -1.0]),
        (4, [1.0, 0.5, 0.43], [0.41, 0.0, -1.0]),
    ],
)
def test_decisions_at_four_rollouts(successes, stops, goes_on):
    group_mean = successes / 2 - 1
    assert not should_continue(group_mean, 4, stops, **PAPER).any()
    assert should_continue(group_mean, 4, goes_on, **PAPER).all()


def test_the_papers_price_stops_an_infinitely_wrong_prior_at_sixteen():
    # Gain 1 / (k (k + 1)): 1/240 at k = 15 is above 1/256, 1/272 at k = 16 is below.
    assert should_continue(1e9, 15, 0.0, marginal_cost=1 / 256, max_rollouts=99)
    assert not should_continue(1e9, 16, 0.0, marginal_cost=1 / 256, max_rollouts=99)
    assert auto_marginal_cost((-1, 1), 16) == 1 / 256
    assert auto_marginal_cost((0, 1), 16) == 1 / 1024


def test_the_continuous_rule_stops_at_sixteen_minus_one_over_d():
    # d = 1 at k = 4: D = 3/4, k* = 16 - 4/3 = 14.67. d = .6 at k = 9: D = .36 - 1/9, k* = 16 - 4.018 = 11.98.
    assert should_continue(1.0, 4, 0.0, rule="continuous", **PAPER)
    assert wave_size([1.0, 0.6], [4, 9], 0.0, **PAPER).tolist() == [11, 3]


def test_wave_is_zero_where_the_prior_is_accepted_and_clipped_at_the_most():
    assert wave_size([0.5, 0.0], 4, 0.0, **PAPER).tolist() == [0, 0]
    assert wave_size(1.0, 4, -1.0, marginal_cost=1 / 256, max_rollouts=8) == 4
    assert wave_size(1.0, 16, -1.0, **PAPER) == 0
    assert wave_size(1.0, 20, -1.0, **PAPER) == 0
    assert wave_size(1.0, 4, -1.0, **PAPER).dtype == np.int64


@given(group_mean=rewards, prior=rewards, n=st.integers(1, 20))
def test_a_wave_is_asked_for_exactly_where_the_continuous_rule_goes_on(group_mean, prior, n):
    goes_on = should_continue(group_mean, n, prior, rule="continuous", **PAPER)
    assert goes_on == (wave_size(group_mean, n, prior, **PAPER) > 0)


@given(group_mean=rewards, prior=rewards, n=st.integers(1, 20), lo=st.floats(-5, 5), width=st.floats(0.5, 4))
def test_the_decision_does_not_depend_on_the_reward_scale(group_mean, prior, n, lo, width):
    scale = (width / 2) ** 2

    def moved(x):
        return lo + width * (x + 1) / 2

    def decide(mean, prior, scale):
        cost = {"marginal_cost": scale / 256, "max_rollouts": 16, "noise_scale": scale}
        return bool(should_continue(mean, n, prior, **cost)), int(wave_size(mean, n, prior, **cost))

    # Away from the thresholds, where rounding decides.
    for nudge in (-1e-6, 1e-6):
        if decide(group_mean, prior + nudge, 1.0) != decide(group_mean, prior, 1.0):
            return
    assert decide(moved(group_mean), moved(prior), scale) == decide(group_mean, prior, 1.0)


@pytest.mark.parametrize(
    ("changed", "offender"),
    [
        ({"n": 0}, "n = 0"),
        ({"prior": np.nan}, "prior = nan"),
        ({"marginal_cost": 0.0}, "marginal_cost"),
        ({"max_rollouts": 0}, "max_rollouts"),
        ({"rule": "fuzzy"}, "'discrete' or 'continuous', got 'fuzzy'"),
    ],
)
def test_invalid_input_is_named(changed, offender):
    arguments = {"group_mean": 0.0, "n": 4, "prior": 0.0, **PAPER} | changed
    with pytest.raises(ValueError, match=offender):
        should_continue(**arguments)

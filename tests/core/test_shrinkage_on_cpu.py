# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from v05_verl.core.shrinkage import fuse

rewards = st.floats(-1, 1)
sizes = st.integers(1, 64)


def test_accepts_the_prior_inside_the_radius_and_shrinks_outside_it():
    # k = 4: sigma^2 = 1/4, radius 1/2. d = .5 accepts; d = 1: bias .75, w = .75 / 1 = .75.
    baseline, weight, prior_bias_sq = fuse([0.5, 1.0], 4, 0.0)
    np.testing.assert_allclose(prior_bias_sq, [0.0, 0.75])
    np.testing.assert_allclose(weight, [0.0, 0.75])
    np.testing.assert_allclose(baseline, [0.0, 0.75])


def test_on_the_zero_one_scale_the_noise_is_a_quarter():
    # sigma^2 = .25 / 4 = .0625; d = .5: bias .1875, w = .75: the same decision as d = 1 on the -1/+1 scale.
    fusion = fuse(0.5, 4, 0.0, noise_scale=0.25)
    assert fusion.weight == pytest.approx(0.75)
    assert fusion.baseline == pytest.approx(0.375)


@given(group_mean=rewards, prior=rewards, n=sizes)
def test_is_the_positive_part_james_stein_estimator(group_mean, prior, n):
    d = group_mean - prior
    expected = prior + (max(0.0, 1 - 1 / (n * d**2)) * d if d**2 > 1e-300 else 0.0)
    assert fuse(group_mean, n, prior).baseline == pytest.approx(expected, abs=1e-12)


@given(group_mean=rewards, prior=rewards, n=sizes)
def test_bias_against_the_group_mean_is_at_most_the_radius(group_mean, prior, n):
    assert abs(fuse(group_mean, n, prior).baseline - group_mean) <= 1 / np.sqrt(n) + 1e-12


@given(group_mean=rewards, prior=rewards, n=sizes, lo=st.floats(-10, 10), width=st.floats(0.1, 10))
def test_rescaling_the_rewards_rescales_the_baseline(group_mean, prior, n, lo, width):
    def scaled(x):
        return lo + width * (x + 1) / 2

    moved = fuse(scaled(group_mean), n, scaled(prior), noise_scale=(width / 2) ** 2).baseline
    assert moved == pytest.approx(scaled(fuse(group_mean, n, prior).baseline), abs=1e-6)


def test_many_rollouts_give_the_group_mean():
    assert fuse(0.3, 10**9, -0.4).baseline == pytest.approx(0.3, abs=1e-6)


def test_equal_prior_and_mean_give_the_prior_exactly():
    assert fuse(0.25, 3, 0.25) == (0.25, 0.0, 0.0)


@pytest.mark.parametrize(
    ("arguments", "offender"),
    [
        (([0.1, np.nan], 4, 0.0), r"group_mean\[1\]"),
        ((0.1, 0, 0.0), "n = 0"),
        ((0.1, [4, 2.5], 0.0), r"n\[1\] = 2.5"),
        ((0.1, 4, np.inf), "prior = inf"),
        ((0.1, 4, 0.0, 0.0), "noise_scale"),
        (([0.1, 0.2], [4, 4, 4], 0.0), r"group_mean \(2,\), n \(3,\)"),
    ],
)
def test_invalid_input_is_named(arguments, offender):
    with pytest.raises(ValueError, match=offender):
        fuse(*arguments)

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from v05_verl.core import prior_quality, scale


def test_scales():
    assert scale.noise_scale((-1, 1)) == 1
    assert scale.noise_scale((0, 1)) == 0.25
    np.testing.assert_allclose(scale.to_reward([0, 0.25, 1], (-1, 1)), [-1, -0.5, 1])
    np.testing.assert_allclose(scale.to_success([-1, -0.5, 1], (-1, 1)), [0, 0.25, 1])


def test_values_outside_are_named():
    with pytest.raises(ValueError, match=r"success_rate\[1\] = 1.2"):
        scale.to_reward([0.5, 1.2], (-1, 1))
    with pytest.raises(ValueError, match="reward = 2 is outside"):
        scale.to_success(2, (-1, 1))
    with pytest.raises(ValueError, match="finite lo < hi"):
        scale.noise_scale((1, 1))


def test_prior_error_is_free_of_sampling_noise():
    rng = np.random.default_rng(0)
    p = rng.beta(0.5, 0.5, 20_000)
    mu = 2 * p - 1
    prior = np.clip(mu + rng.normal(0, 0.3, len(p)), -1, 1)
    rewards = 2.0 * (rng.random((len(p), 4)) < p[:, None]) - 1
    estimate = prior_quality.mean_squared_error(prior, rewards.mean(1), rewards.var(1, ddof=1), np.full(len(p), 4))
    assert estimate == pytest.approx(np.mean((prior - mu) ** 2), abs=0.005)


def test_area_under_curve_by_hand():
    # Pairs (solved, unsolved): .9 > .1, .9 > .5, .5 > .1, .5 = .5: (3 + 1/2) / 4.
    assert prior_quality.area_under_curve([0.9, 0.5, 0.1, 0.5], [True, True, False, False]) == 3.5 / 4
    assert np.isnan(prior_quality.area_under_curve([0.1, 0.2], [True, True]))


def test_priors_by_visit_by_hand():
    visit, prior, mean = [1, 1, 2, 3, 5, 6], [0.5, -0.5, 1, 0, 0, 1], [1, -1, 1, 0.5, 0, -1]
    values = prior_quality.by_visit(visit, prior, mean, [0.4, 0.0, 0, 0.2, 0.2, np.nan], [4, 4, 2, 2, 2, 1], 0.0)
    assert values.pop("mse/first") == pytest.approx((0.25 + 0.25 - 0.1) / 2)
    assert values.pop("mse/third_to_fifth") == pytest.approx((0.25 - 0.1 - 0.1) / 2)
    assert values.pop("mse/second") == 0 and values.pop("auc/first") == 1
    undecided = ("mse/later", "auc/second", "auc/third_to_fifth", "auc/later")  # one rollout; all solved or none
    assert all(np.isnan(values.pop(name)) for name in undecided)
    assert values == {"prompts/first": 2, "prompts/second": 1, "prompts/third_to_fifth": 2, "prompts/later": 1}


def test_a_visit_is_counted_from_one():
    with pytest.raises(ValueError, match="visit.0. = 0 must be a whole number"):
        prior_quality.by_visit([0], [0.5], [1], [0], [2], 0.0)


def test_calibration_slope_by_hand():
    assert prior_quality.calibration_slope([-0.5, 0.5], [-1.0, 1.0]) == 2.0
    assert np.isnan(prior_quality.calibration_slope([0.3, 0.3], [-1.0, 1.0]))
    assert prior_quality.calibration_slope([-0.02, 0.02], [-1.0, 1.0]) == pytest.approx(50)
    assert np.isnan(prior_quality.calibration_slope([0.1 - 5e-6, 0.1 + 5e-6], [-1.0, 1.0]))
    assert prior_quality.calibration_slope([0.1, 0.2], [1.0, 1.0]) == pytest.approx(0)
    assert np.isnan(prior_quality.mean_squared_error([0.1], [1.0], [np.nan], [1]))

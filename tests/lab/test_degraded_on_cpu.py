# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from scipy.special import expit

from v05_verl.core.prior_quality import area_under_curve, calibration_slope
from v05_verl.lab.degraded import Degraded

RATES = expit(np.random.default_rng(0).normal(0, 3, 1024))
PROMPTS = [f"prompt {i}" for i in range(1024)]


@pytest.mark.parametrize("auc", [0.6, 0.71, 0.92])
def test_the_prior_is_as_bad_as_asked_and_calibrated(auc):
    prior = Degraded(auc, seed=1)(PROMPTS, RATES, RATES)
    assert area_under_curve(prior, RATES >= 0.5) == pytest.approx(auc, abs=0.01)
    assert calibration_slope(prior, RATES) == pytest.approx(1, abs=0.25)
    assert np.all((prior > 0) & (prior < 1))


def test_a_prompt_keeps_its_noise_and_another_seed_has_other_noise():
    degraded = Degraded(0.7, seed=1)
    first, second = degraded(PROMPTS, RATES, RATES), degraded(PROMPTS, RATES, RATES)
    np.testing.assert_array_equal(first, second)
    assert not np.allclose(first, Degraded(0.7, seed=2)(PROMPTS, RATES, RATES))


def test_a_prior_that_is_worse_than_asked_is_only_recalibrated():
    useless = np.full(1024, 0.5)
    assert np.ptp(Degraded(0.9, seed=1)(PROMPTS, useless, RATES)) < 1e-12


def test_an_impossible_auc_is_refused():
    with pytest.raises(ValueError, match="between .5 and 1, got 0.4"):
        Degraded(0.4, seed=0)

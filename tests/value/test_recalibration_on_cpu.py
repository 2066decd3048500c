# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.special import expit, logit

from v05_verl.core.recalibration import LOG_SLOPE_SD, SHIFT_SD, Recalibration, fit_recalibration
from v05_verl.value import build


def test_default_leaves_predictions_alone_and_formula_by_hand():
    np.testing.assert_allclose(Recalibration()([0.2, 0.5, 0.9]), [0.2, 0.5, 0.9])
    # logit(.8) = log 4; slope 2 gives log 16, shift -log 4 gives log 4 again.
    assert Recalibration(slope=2.0, shift=-np.log(4))(0.8) == pytest.approx(0.8)


@pytest.mark.parametrize(("slope", "shift"), [(0.3, 0.0), (0.5, 0.0), (1.0, 0.7), (2.0, -0.5)])
def test_inverts_a_known_distortion(slope, shift):
    rng = np.random.default_rng(0)
    truth = rng.beta(1, 1, 4000)
    distorted = expit(slope * logit(truth) + shift)
    fit = fit_recalibration(distorted, rng.binomial(8, truth), np.full(4000, 8))
    assert fit.slope == pytest.approx(1 / slope, rel=0.1)
    assert fit.shift == pytest.approx(-shift / slope, abs=0.1)


def test_no_pairs_and_few_pairs_change_little():
    assert fit_recalibration([], [], []) == Recalibration()
    assert fit_recalibration([0.5], [1], [1]).shift == pytest.approx(0.4, abs=0.1)  # x = 1 - sigmoid(x)


@given(seed=st.integers(0, 10**6), n=st.integers(1, 60))
@example(seed=1661, n=36)
def test_is_a_maximum_of_the_penalised_likelihood(seed, n):
    rng = np.random.default_rng(seed)
    p, trials = rng.uniform(0.001, 0.999, n), rng.integers(1, 9, n)
    won = rng.binomial(trials, rng.uniform(size=n))
    fit = fit_recalibration(p, won, trials, correlation=0.0)

    def objective(log_slope, shift):
        z = np.exp(log_slope) * logit(p) + shift
        likelihood = np.sum(won * z - trials * np.logaddexp(0, z))
        return likelihood - 0.5 * (log_slope / LOG_SLOPE_SD) ** 2 - 0.5 * (shift / SHIFT_SD) ** 2

    best = objective(np.log(fit.slope), fit.shift)
    for move in rng.normal(scale=0.05, size=(10, 2)):
        assert objective(np.log(fit.slope) + move[0], fit.shift + move[1]) <= best + 1e-6


@pytest.mark.parametrize(
    ("arguments", "offender"),
    [
        (([1.5], [1], [1]), r"p\[0\] = 1.5"),
        (([0.5], [2], [1]), "successes in"),
        (([0.5], [0], [0]), "trials must be above 0"),
        (([0.5, 0.5], [0], [1]), "lengths differ"),
    ],
)
def test_invalid_pairs_are_named(arguments, offender):
    with pytest.raises(ValueError, match=offender):
        fit_recalibration(*arguments)


def test_wrapped_model_is_repaired():
    rng = np.random.default_rng(0)
    model = build("recalibrated", of="constant", p=0.5)
    for step in range(20):
        model.observe([f"{step} {i}" for i in range(32)], rng.binomial(4, 0.8, 32), np.full(32, 4), step)
    assert model.predict(["new"], 20)[0] == pytest.approx(0.8, abs=0.03)
    assert model.recalibration.slope == pytest.approx(1.0)  # a constant says nothing about the slope

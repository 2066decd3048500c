# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from v05_verl.core.group_size import baseline_risks, first_wave_sizes, group_size
from v05_verl.core.posterior import PriorModel, posterior

CERTAIN = 1e-9


def beta(strength):
    """Success rates that are Beta(m s, (1 - m) s) around the prior, without outliers."""
    return PriorModel(strength=strength, outlier_share=CERTAIN)


def test_risks_of_one_beta_are_those_of_its_posteriors():
    # Var Beta(1, 1) = 1/12, on the -1/+1 scale 1/3. After j outcomes E[Var] = 1/(6 (j + 2)), times 4.
    risks = baseline_risks([0.0], beta(2.0), 4)
    np.testing.assert_allclose(risks, [[1 / 3, 2 / 9, 1 / 6, 2 / 15]], rtol=1e-6)


def test_a_prior_worth_s_rollouts_has_the_risk_of_a_mean_of_s():
    # Beta(m s, (1 - m) s): Var[p] = m (1 - m) / (s + 1) and E[p q] = m (1 - m) s / (s + 1), whatever m.
    for strength in (0.5, 2.0, 7.0):
        choice = group_size([-0.4, 0.0, 0.6], beta(strength))
        assert choice.prior_rollouts == pytest.approx(strength, rel=1e-6)


@pytest.mark.parametrize(("strength", "k"), [(3.1, 1), (2.9, 2), (2.1, 2), (1.9, 3), (1.1, 3), (0.9, 4), (0.1, 4)])
def test_prior_and_others_together_must_be_worth_three_rollouts(strength, k):
    # Leave one out among four has the error of three rollouts; s + (k - 1) >= 3 is needed.
    assert group_size([0.2, -0.7], beta(strength)).k == k


def test_slack_and_overconfidence_move_the_bound():
    assert group_size([0.0], beta(2.1), slack=1.5).k == 1  # 3 / 1.5 = 2
    assert group_size([0.0], beta(3.1), overconfidence=1.5).k == 3  # 3.1 / 1.5 = 2.07, and risk(2) 1.5 / 4.1 > 1/3
    assert group_size([0.0], beta(0.1), reference_n=8).k == 8
    # Rewards that were measured to vary half as much as the model says: the reference is better by as much.
    usual, measured = group_size([0.0], beta(3.1)), group_size([0.0], beta(3.1), most_noise=0.5 * 3.1 / 4.1)
    assert measured.reference_risk == pytest.approx(usual.reference_risk / 2) and measured.k > usual.k


def test_zero_one_rewards_give_the_same_size_and_a_quarter_of_the_risk():
    usual, moved = group_size([0.4, -0.6], beta(1.5)), group_size([0.7, 0.2], beta(1.5), reward_range=(0, 1))
    assert moved.k == usual.k and moved.prior_rollouts == pytest.approx(usual.prior_rollouts)
    assert moved.risk == pytest.approx(usual.risk / 4) and moved.reference_risk == pytest.approx(
        usual.reference_risk / 4
    )


def test_without_any_prior_the_outliers_decide():
    uniform = PriorModel(outlier_a=1.0, outlier_b=1.0)  # worth two rollouts
    assert group_size([np.nan] * 3, uniform).k == 2
    assert group_size([np.nan], uniform).prior_rollouts == pytest.approx(2.0)


@given(
    st.lists(st.floats(-1, 1), min_size=1, max_size=5),
    st.builds(
        PriorModel,
        *(st.floats(*ends) for ends in [(-1, 1), (0.5, 2), (0.2, 40), (0.01, 0.9), (0.3, 2), (0.3, 2)]),
        rollout_weight=st.integers(1, 3),
    ),
    st.floats(0.5, 3),
)
@settings(max_examples=60)
def test_the_chosen_size_is_the_smallest_that_is_good_enough(prior, model, slack):
    choice = group_size(prior, model, slack=slack)
    risks = baseline_risks(prior, model, 4).mean(axis=0)
    assert np.all(np.diff(risks) <= 1e-12)
    assert risks[0] == pytest.approx(posterior(-1, 0, prior, model).variance.mean())
    bound = slack * choice.reference_risk
    assert choice.risk == pytest.approx(risks[choice.k - 1])
    assert np.all(risks[: choice.k - 1] > bound)
    assert risks[choice.k - 1] <= bound or choice.k == 4


def test_the_risk_is_the_squared_error_of_baselines_drawn_from_the_model():
    rng, model = np.random.default_rng(0), PriorModel(strength=2.5, outlier_share=0.3)
    prior = rng.uniform(-0.9, 0.9, 20_000)
    m = model.recalibrated((prior + 1) / 2)
    p = np.where(rng.random(prior.size) < 0.3, rng.beta(0.5, 0.5, prior.size), rng.beta(m * 2.5, (1 - m) * 2.5))
    for k in (1, 2, 4):
        others = rng.binomial(k - 1, p)
        baseline = posterior(2 * others / max(k - 1, 1) - 1, k - 1, prior, model).mean
        measured = np.mean((baseline - (2 * p - 1)) ** 2)
        assert measured == pytest.approx(baseline_risks(prior, model, 4)[:, k - 1].mean(), rel=0.04)


def test_a_step_spends_its_rollouts():
    assert first_wave_sizes(128, 4, probe_n=4, probe_share=0.125).tolist() == [4] * 32
    assert first_wave_sizes(128, 3, probe_n=4, probe_share=0.125).tolist() == [3] * 42
    assert first_wave_sizes(128, 1, probe_n=4, probe_share=0.125).tolist() == [4] * 4 + [1] * 112
    assert first_wave_sizes(128, 1, probe_n=4, probe_share=0.0).tolist() == [1] * 128
    assert first_wave_sizes(8, 1, probe_n=4, probe_share=0.01).tolist() == [4, 1, 1, 1, 1]
    assert first_wave_sizes(4, 1, probe_n=4, probe_share=0.5).tolist() == [1] * 4


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: group_size([], beta(1)), "at least one prompt"),
        (lambda: group_size([0.0], beta(1), reference_n=1), "reference_n must be at least 2"),
        (lambda: group_size([0.0], beta(1), slack=0), "slack"),
        (lambda: group_size([2.0], beta(1)), "2 is outside the reward range"),
        (lambda: group_size([0.0], beta(-1)), "strength"),
        (lambda: first_wave_sizes(3, 4, probe_n=4, probe_share=0), "3 rollouts have no group of 4"),
    ],
)
def test_errors_name_the_argument(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()

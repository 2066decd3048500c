# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from v05_verl import method
from v05_verl.budget import Budget
from v05_verl.config import V05Config
from v05_verl.core.posterior import PriorModel
from v05_verl.method import Group, Paper, Robust
from v05_verl.prior_record import PriorRecord


def further(budget, rewards, prior, *, asked=None, waves=1, prior_model=None, **config):
    built = method.build(V05Config(budget=budget, **config)).knowing(prior_model)
    mean = float(np.mean(rewards)) if rewards else 0.0
    return built.further(mean, len(rewards), waves, prior, asked or len(rewards)).item()


def test_fixed_never_asks_again():
    assert further("fixed", [1, 1, 1, 1], -1.0) == 0


def test_sequential_asks_for_one_where_the_prior_is_rejected():
    assert further("sequential", [1, 1, 1, 1], -1.0) == 1
    assert further("sequential", [1, 1, 1, 1], 0.8) == 0


def test_wave_asks_for_all_at_once_and_only_as_many_waves_as_allowed():
    # d = 2, D = 3.75: k* = 16 - 1/3.75 = 15.73, so 16 in all.
    assert further("wave", [1, 1, 1, 1], -1.0) == 12
    assert further("wave", [1, 1, 1, 1], -1.0, waves=2) == 0
    assert further("wave", [1, 1, 1, 1], -1.0, waves=2, max_waves=3) == 12


def test_the_robust_mode_buys_what_the_posterior_is_worth():
    # Beta(1, 1) after one of each is Beta(2, 2): one more moves the mean by 1/5 in all, a variance of .01, .04 on the
    # -1/+1 scale; m more gain m / (5 (m + 4)): .04, .0667, .0857; at a price of .025 two pay best.
    robust = {"mode": "robust", "prior_model": PriorModel(strength=2.0, outlier_share=1e-9), "k_init": 2}
    assert further("sequential", [1, -1], 0.0, **robust, marginal_cost=0.039) == 1
    assert further("sequential", [1, -1], 0.0, **robust, marginal_cost=0.041) == 0
    assert further("wave", [1, -1], 0.0, **robust, marginal_cost=0.025) == 2
    assert further("wave", [1, -1], 0.0, **robust, marginal_cost=0.025, waves=2) == 0
    assert further("fixed", [1, -1], 0.0, **robust) == 0
    assert further("wave", [1, 0], 0.5, **robust, marginal_cost=0.025 / 4, reward_range=(0, 1)) == 2


def test_failed_rollouts_count_against_the_most_but_not_as_evidence():
    assert further("wave", [1, 1, 1], -1.0, asked=10) == 6
    assert further("sequential", [1, 1, 1], -1.0, asked=16) == 0
    assert further("sequential", [], -1.0, asked=4) == 0


@pytest.mark.parametrize("budget", ["sequential", "wave"])
@pytest.mark.parametrize("mode", ["paper", "robust"])
def test_without_a_prior_the_first_wave_is_all(budget, mode):
    assert further(budget, [1, -1, 1, -1], float("nan"), mode=mode) == 0


def test_zero_one_rewards_decide_as_their_images_on_the_papers_scale():
    for budget in ("sequential", "wave"):
        for prior in (-0.9, -0.3, 0.0, 0.4, 1.0):
            here = further(budget, [1, 1, 0, 1], (prior + 1) / 2, reward_range=(0, 1))
            assert here == further(budget, [1, 1, -1, 1], prior)


@pytest.mark.parametrize("built", [Paper(), Paper(budget=Budget("wave")), Robust(budget=Budget("wave"))])
def test_prompts_are_decided_together_as_they_are_alone(built):
    rng = np.random.default_rng(0)
    n = rng.integers(0, 17, 40)
    mean = np.where(n > 0, rng.choice([-1.0, -0.5, 0.0, 0.5, 1.0], 40), 0.0)
    waves, prior = rng.integers(1, 4, 40), np.where(rng.random(40) < 0.1, np.nan, rng.uniform(-1, 1, 40))
    together = built.further(mean, n, waves, prior)
    assert together.dtype == np.int64
    alone = [built.further(mean[i], n[i], waves[i], prior[i]).item() for i in range(40)]
    assert together.tolist() == alone
    assert together.any()
    assert not together[(n == 0) | np.isnan(prior)].any()


def test_a_missing_prior_leaves_the_group_mean_and_changes_no_other_prompt():
    rewards, group = np.array([1, -1, 1, 1, 1, -1.0]), np.array([0, 0, 0, 1, 1, 1])
    wave, prior = np.zeros(6, dtype=int), np.array([np.nan] * 3 + [0.2] * 3)
    for built in (Paper(), Robust()):
        baselines = built.baselines(rewards, group, wave, prior)
        np.testing.assert_allclose(baselines[:3], 1 / 3)
        np.testing.assert_array_equal(baselines[3:], built.baselines(rewards[3:], group[3:], wave[3:], prior[3:]))


def test_without_a_prior_the_group_is_its_own_baseline():
    rewards, group, wave = np.array([1, -1, 1, 1.0]), np.array([0, 0, 0, 0]), np.zeros(4, dtype=int)
    nothing = np.full(4, np.nan)
    assert Group(4).baselines(rewards, group, wave, nothing).tolist() == [0.5] * 4
    np.testing.assert_allclose(
        Group(4, "leave_one_out").baselines(rewards, group, wave, nothing), [1 / 3, 1, 1 / 3, 1 / 3]
    )
    assert Group(4).further(0.5, 4, 1, np.nan).tolist() == [0]


def test_what_is_built_is_what_is_configured():
    paper = method.build(V05Config(rule="continuous", marginal_cost=0.01))
    assert paper == Paper(4, Budget("sequential", 16, 0.01, 2), "continuous", "fused", (-1.0, 1.0))
    robust = method.build(V05Config(mode="robust", budget="fixed", k_init=1, baseline="predictable"))
    assert robust == Robust(1, Budget("fixed", 16, 1 / 256, 2), "predictable", (-1.0, 1.0))
    model = PriorModel(strength=3.0)
    assert robust.knowing(model).prior_model == model and robust.knowing(None) is robust
    assert paper.knowing(model) is paper


AUTO = {"mode": "robust", "budget": "fixed", "baseline": "predictable", "k_init": "auto"}


def record_of(n_pairs: int, prior_is_good: bool) -> PriorRecord:
    rng, record = np.random.default_rng(0), PriorRecord(refit_every=1)
    rate = rng.uniform(0.02, 0.98, n_pairs)
    truth = rate if prior_is_good else rng.integers(0, 2, n_pairs)
    mean = 2 * rng.binomial(4, truth) / 4 - 1
    record.add(mean, np.full(n_pairs, 4), 2 * rate - 1, (1 - mean**2) * 4 / 3)
    return record


def test_auto_takes_one_rollout_where_priors_are_good_and_four_where_they_are_not():
    auto = method.build(V05Config(**AUTO))
    assert auto.first_wave(32, record_of(512, True)).sizes.tolist() == [4] * 4 + [1] * 112
    assert auto.first_wave(32, record_of(512, False)).sizes.tolist() == [4] * 32


def test_auto_waits_for_enough_pairs():
    auto = method.build(V05Config(**AUTO))
    assert auto.first_wave(32, record_of(255, True)).choice is None
    assert auto.first_wave(32, record_of(255, True)).sizes.tolist() == [4] * 32
    assert auto.first_wave(32, record_of(256, True)).choice.k == 1


def test_auto_spends_what_the_step_has():
    auto = method.build(V05Config(**AUTO, step_rollouts=60, auto={"reference_n": 6}))
    assert auto.first_wave(32, PriorRecord()).sizes.tolist() == [6] * 10
    with pytest.raises(ValueError, match="there is none"):
        auto.first_wave(32, None)


def test_other_methods_have_groups_of_one_size():
    for built in (Group(16), Paper(4), Robust(2)):
        wave = built.first_wave(3)
        assert wave.sizes.tolist() == [built.k_init] * 3 and wave.choice is None

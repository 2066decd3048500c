# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import pytest

from v05_verl.config import V05Config
from v05_verl.core.posterior import PriorModel
from v05_verl.rollout.budget import Budget
from v05_verl.rollout.prompt_text import prompt_text


def further(budget, rewards, prior, *, asked=None, waves=1, prior_model=None, **config):
    policy = Budget(V05Config(budget=budget, **config))
    return policy.further_rollouts(
        rewards, asked=asked or len(rewards), waves=waves, prior=prior, prior_model=prior_model
    )


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
    model = PriorModel(strength=2.0, outlier_share=1e-9)
    robust = {"mode": "robust", "prior_model": model, "k_init": 2}
    assert further("sequential", [1, -1], 0.0, **robust, marginal_cost=0.039) == 1
    assert further("sequential", [1, -1], 0.0, **robust, marginal_cost=0.041) == 0
    assert further("wave", [1, -1], 0.0, **robust, marginal_cost=0.025) == 2
    assert further("wave", [1, -1], 0.0, **robust, marginal_cost=0.025, waves=2) == 0
    assert further("fixed", [1, -1], 0.0, **robust, marginal_cost=0.025) == 0
    assert further("wave", [1, 0], 0.5, **robust, marginal_cost=0.025 / 4, reward_range=(0, 1)) == 2


def test_failed_rollouts_count_against_the_most_but_not_as_evidence():
    assert further("wave", [1, 1, 1], -1.0, asked=10) == 6
    assert further("sequential", [1, 1, 1], -1.0, asked=16) == 0
    assert further("sequential", [], -1.0, asked=4) == 0


@pytest.mark.parametrize("budget", ["sequential", "wave"])
def test_without_a_prior_the_first_wave_is_all(budget):
    assert further(budget, [1, -1, 1, -1], None) == 0


def test_zero_one_rewards_decide_as_their_images_on_the_papers_scale():
    for budget in ("sequential", "wave"):
        for prior in (-0.9, -0.3, 0.0, 0.4, 1.0):
            here = further(budget, [1, 1, 0, 1], (prior + 1) / 2, reward_range=(0, 1))
            assert here == further(budget, [1, 1, -1, 1], prior)


def test_prompt_text_is_the_users():
    chat = [{"role": "system", "content": "s"}, {"role": "user", "content": "a"}, {"role": "user", "content": "b"}]
    assert prompt_text(chat) == "a\n\nb"
    assert prompt_text([{"role": "system", "content": "s"}]) == "s"
    parts = [{"type": "image"}, {"type": "text", "text": "what is this?"}]
    assert prompt_text([{"role": "user", "content": parts}]) == "what is this?"

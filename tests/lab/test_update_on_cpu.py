# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Advantages and loss of the light loop against the installed verl's."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from verl.trainer.ppo import core_algos
from verl.workers.config import FSDPActorConfig

from v05_verl import arms
from v05_verl.lab.advantages import advantages
from v05_verl.lab.arms import find_arm
from v05_verl.lab.policy_gradient import Optimization, Updater, clipped_loss
from v05_verl.lab.rollouts import Rollouts
from v05_verl.lab.tiny_lm import Shape, TinyLM


def some_rollouts(groups=6, k=4, seed=0):
    rng = np.random.default_rng(seed)
    n = groups * k
    lengths = rng.integers(1, 5, n)
    tokens = np.where(np.arange(5) < lengths[:, None], rng.integers(2, 9, (n, 5)), -1)
    log_probs = np.where(tokens >= 0, rng.normal(-1, 0.3, (n, 5)), 0.0)
    rewards = rng.choice([-1.0, 1.0], n)
    rewards[:k] = 1.0  # an all-same group
    return Rollouts(np.repeat(np.arange(groups), k), np.zeros(n, int), rewards, tokens, log_probs)


@pytest.mark.parametrize(
    ("arm", "estimator"),
    [
        ("grpo_n4", core_algos.compute_grpo_outcome_advantage),
        ("rloo_n4", core_algos.compute_rloo_outcome_advantage),
    ],
)
def test_advantages_equal_verls(arm, estimator):
    rollouts = some_rollouts()
    ours = advantages(rollouts, np.zeros(6), find_arm(arm), find_arm(arm).method).values
    token_rewards = torch.zeros(rollouts.tokens.shape)
    token_rewards[:, 0] = torch.from_numpy(rollouts.rewards)
    mask = torch.ones_like(token_rewards)
    theirs, _ = estimator(token_rewards, mask, rollouts.group)
    np.testing.assert_allclose(ours, theirs[:, 0], atol=1e-5)


@pytest.mark.parametrize("clip_high", [0.2, 0.28])
def test_loss_equals_verls(clip_high):
    rollouts = some_rollouts(seed=1)
    generator = torch.Generator().manual_seed(0)
    log_probs = torch.from_numpy(rollouts.log_probs) + torch.randn(rollouts.tokens.shape, generator=generator)
    values = np.random.default_rng(2).normal(size=len(rollouts))
    mask = torch.from_numpy(rollouts.tokens >= 0).double()
    config = FSDPActorConfig(
        strategy="fsdp", rollout_n=4, ppo_micro_batch_size_per_gpu=1, clip_ratio_low=0.2, clip_ratio_high=clip_high
    )
    config.global_batch_info.update({"dp_size": 1, "batch_num_tokens": None})
    theirs, _ = core_algos.compute_policy_loss_vanilla(
        old_log_prob=torch.from_numpy(rollouts.log_probs),
        log_prob=log_probs,
        advantages=torch.from_numpy(values)[:, None].expand_as(log_probs),
        response_mask=mask,
        loss_agg_mode="token-mean",
        config=config,
    )
    ours = clipped_loss(log_probs, rollouts, values, 0.2, clip_high) / mask.sum()
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-6)


def test_rollouts_without_advantage_change_nothing_but_the_token_count():
    rollouts = some_rollouts(seed=3)
    prompts = [[2, 3], [4], [5, 6, 7], [2], [3, 3], [8]]
    values = np.random.default_rng(4).normal(size=len(rollouts)) * (rollouts.group % 2)
    weights = []
    for rows in (np.arange(len(rollouts)), np.flatnonzero(values)):
        torch.manual_seed(0)
        model = TinyLM(Shape(vocabulary=9))
        updater = Updater(model, Optimization(learning_rate=1e-3, warmup_steps=1, max_grad_norm=1e-3))
        updater.update(1, prompts, rollouts.rows(rows), values[rows], 0.2, np.random.default_rng(0))
        weights.append(torch.cat([parameter.detach().flatten() for parameter in model.parameters()]))
    torch.testing.assert_close(*weights, atol=2e-5, rtol=0)  # the gradient is clipped, so its scale does not matter


def test_mini_batches_keep_groups_together_and_use_every_rollout():
    from v05_verl.lab.policy_gradient import _split

    group = some_rollouts(groups=10).group
    parts = _split(group, 4, np.random.default_rng(0))
    assert sorted(np.concatenate(parts)) == list(range(40))
    owners = [set(group[part]) for part in parts]
    assert sum(map(len, owners)) == 10 and max(map(len, owners)) <= 3


def test_every_arm_runs_in_the_light_loop_too_and_unknown_ones_are_named():
    for name in arms.names():
        arm = find_arm(name)
        assert arm.name == name
        # 128 rollouts a step in arms of small groups, as through verl; groups of 8 and 16 without a prior take more.
        assert arm.prompts * arm.method.k_init in (64, 128, 160, 256, 512)
    with pytest.raises(ValueError, match="unknown arm 'ppo'; there are grpo_n16"):
        find_arm("ppo")


def test_an_arm_is_what_its_file_says():
    best = find_arm("v05_fixed1_robust_pool4")
    assert (best.prompts, best.pool, best.k_max, best.prior) == (128, 4, None, "gp")
    assert best.method.baseline == "predictable"
    dapo = find_arm("dapo_n16")
    assert (dapo.clip_high, dapo.drop_all_same, dapo.divides_by_std, dapo.prior) == (0.28, True, True, None)
    assert find_arm("grpo_n16_p8").prompts == 8 and not find_arm("grpo_n16_no_std").divides_by_std
    assert find_arm("v05_oracle").prior == "oracle"


def test_adaptive_rollouts_ask_in_turn():
    from v05_verl.lab.rollouts import collect
    from v05_verl.lab.sampling import Samples

    answers = np.array([[5, 1], [6, 1]])
    asked = []

    def draw(indices, counts):
        group = np.repeat(np.arange(len(indices)), counts)
        tokens = np.array([[5, 1]] * len(group))  # right for the first prompt, wrong for the second
        return Samples(group, tokens, np.zeros(tokens.shape))

    def ask(group_mean, n, waves, indices):
        asked.append(SimpleNamespace(mean=group_mean.tolist(), n=n.tolist(), prompts=indices.tolist(), waves=waves[0]))
        return np.where((indices == 1) & (n < 4), 1, 0)

    rollouts = collect(draw, answers, np.array([2, 2]), k_max=5, ask=ask)
    assert rollouts.counts(2).tolist() == [2, 4]
    assert rollouts.wave[rollouts.group == 1].tolist() == [0, 0, 1, 2]
    assert rollouts.successes(2).tolist() == [2, 0]
    assert [(a.prompts, a.n, a.mean, a.waves) for a in asked] == [
        ([0, 1], [2, 2], [1.0, -1.0], 1),
        ([1], [3], [-1.0], 2),
        ([1], [4], [-1.0], 3),
    ]


def test_a_wave_is_revealed_at_once_and_never_beyond_the_most():
    from v05_verl.lab.rollouts import collect
    from v05_verl.lab.sampling import Samples

    def draw(indices, counts):
        group = np.repeat(np.arange(len(indices)), counts)
        return Samples(group, np.full((len(group), 2), 5), np.zeros((len(group), 2)))

    rollouts = collect(draw, np.array([[5, 1]]), np.array([1]), k_max=4, ask=lambda mean, n, *_: np.full(len(n), 9))
    assert rollouts.wave.tolist() == [0, 1, 1, 1]

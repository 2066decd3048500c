# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Two arms of the comparison differ in what their method changes, and in nothing else; ``pytest -s`` prints it."""

import pytest
from omegaconf import OmegaConf

from v05_verl.arms import load, overrides
from v05_verl.plugin import launch

from .conftest import ARMS, dry_run, flat

pytestmark = pytest.mark.xdist_group("recipes")  # one worker composes each configuration once

# Names and the translation of the budget in rollouts to steps.
NAMES = {"trainer.experiment_name", "trainer.default_local_dir", "arm.label", "arm.place"}
BUDGET = {"trainer.total_training_steps", "trainer.test_freq", "arm.rollouts_per_prompt"}
N = "actor_rollout_ref.rollout.n"
ESTIMATOR = "algorithm.adv_estimator"
DAPO = {
    "algorithm.filter_groups.enable",
    "algorithm.filter_groups.metric",
    "actor_rollout_ref.actor.clip_ratio_high",
    "reward.reward_manager.name",
    "reward.reward_kwargs.max_resp_len",
    "reward.reward_kwargs.overlong_buffer_cfg.enable",
    "reward.reward_kwargs.overlong_buffer_cfg.len",
    "reward.reward_kwargs.overlong_buffer_cfg.penalty_factor",
    "reward.reward_kwargs.overlong_buffer_cfg.log",
}
V05 = {
    "trainer.v1.trainer_mode",
    "trainer.v1.sampler.max_off_policy_strategy",  # the synchronous mode, which all arms run in, does not read it
    "actor_rollout_ref.rollout.agent.agent_loop_manager_class",
}

PAIRS = [
    ("grpo_n16", "rloo_n4", {ESTIMATOR, N} | BUDGET),
    ("grpo_n16", "dapo_n16", DAPO),
    ("rloo_n4", "v05", {ESTIMATOR, N} | V05),
    ("grpo_n16", "v05", {ESTIMATOR, N} | V05 | BUDGET),
    ("v05", "v05_wave", {"v05.budget"}),
    ("v05", "v05_fixed4", {"v05.budget"}),
]


def difference(left, right):
    """{key: (left, right)} where two composed configurations differ; None where one lacks the key."""
    left, right = flat(left), flat(right)
    return {key: (left.get(key), right.get(key)) for key in sorted(left | right) if left.get(key) != right.get(key)}


@pytest.mark.parametrize("machine", [{}, {"SMOKE": "1"}], ids=["gpu", "smoke"])
@pytest.mark.parametrize(("left", "right", "expected"), PAIRS, ids=[f"{left}-{right}" for left, right, _ in PAIRS])
def test_only_the_method_differs(left, right, expected, machine):
    configs = [dry_run(ARMS[arm], **machine)[0].config for arm in (left, right)]
    found = difference(*configs)
    print(f"\n{left} -> {right} {machine or ''}")
    for key, (before, after) in found.items():
        print(f"  {key}: {before} -> {after}")
    one_has_v05 = ("v05" in configs[0]) != ("v05" in configs[1])
    keys = {key for key in found if not (one_has_v05 and key.startswith("v05."))}
    assert keys == expected | NAMES


def test_a_setting_that_sneaks_in_is_found():
    honest, other = dry_run(ARMS["grpo_n16"])[0], dry_run(ARMS["rloo_n4"], "actor_rollout_ref.actor.optim.lr=2e-6")[0]
    assert difference(honest.config, other.config)["actor_rollout_ref.actor.optim.lr"] == (1e-6, 2e-6)


def test_setups_and_engines_change_speed_only():
    paper, node = (dry_run(ARMS["v05"], SETUP=setup)[0].config for setup in ("paper", "node"))
    assert set(difference(paper, node)) == {"trainer.nnodes"}
    vllm, sglang = (dry_run(ARMS["v05"], ENGINE=engine)[0].config for engine in ("vllm", "sglang"))
    assert set(difference(vllm, sglang)) == {"actor_rollout_ref.rollout.name"}


def test_every_arm_gets_the_same_number_of_rollouts(arms):
    for arm, config in arms.items():
        steps, prompts = config.trainer.total_training_steps, config.data.train_batch_size
        smallest = config.v05.k_init if "v05" in config else config.actor_rollout_ref.rollout.n
        assert steps * prompts * smallest == 1228800, arm
        assert "v05" not in config or config.v05.total_rollouts == 1228800
    # 1228800 / (512 * 16) and / (512 * 4)
    assert arms["grpo_n16"].trainer.total_training_steps == arms["dapo_n16"].trainer.total_training_steps == 150
    assert arms["rloo_n4"].trainer.total_training_steps == arms["v05"].trainer.total_training_steps == 600
    # 11 validations: before training and ten times after it, at the same numbers of rollouts
    assert (arms["grpo_n16"].trainer.test_freq, arms["rloo_n4"].trainer.test_freq) == (15, 60)


def test_the_budget_follows_group_sizes_given_on_the_command_line():
    (command,) = dry_run(ARMS["grpo_n16"], "actor_rollout_ref.rollout.n=8")
    assert command.config.trainer.total_training_steps == 300
    (command,) = dry_run(ARMS["grpo_n16"], N="4")
    assert command.arm == "grpo_n4" and command.config.trainer.total_training_steps == 600


@pytest.mark.slow
def test_fixed_k_has_the_same_rollouts_per_step_and_optimizer_steps():
    for machine in ({}, {"SMOKE": "1"}, {"PROMPTS": "128"}):
        only = "v05_fixed1 v05_fixed1_robust_pool4 v05_fixed2_robust v05_fixed16"
        commands = dry_run("ablations.sh", ONLY=only, **machine)
        configs = [command.config for command in commands]
        sizes = {(c.data.train_batch_size * c.v05.k_init, c.trainer.total_training_steps) for c in configs}
        assert len(sizes) == 1
        actors = [c.actor_rollout_ref.actor.ppo_mini_batch_size for c in configs]
        assert [c.data.train_batch_size // size for c, size in zip(configs, actors, strict=True)] == [4] * 4


def test_the_reward_range_is_the_same_in_all_arms(arms):
    for config in arms.values():
        assert list(config.reward.custom_reward_function.reward_kwargs.reward_range) == [-1, 1]
        launch.check(config)
        assert "v05" not in config or list(config.v05.reward_range) == [-1, 1]


SPO = {f"v05.{key}" for key in ("baseline", "value.name", "advantage_scale", "prompt_pool", "prompt_choice")} | {
    "actor_rollout_ref.actor.clip_ratio_high"
}
NEIGHBOURS = [
    ("rloo_n4_pool4", "vip_expected", {"v05.budget", "v05.prompt_pool"}),
    ("vip_paper", "vip_code", {"v05.prompt_weight"}),
    ("vip_code", "vip_expected", {"v05.allocation.coefficient"}),
    ("vip_expected", "knapsack_prior", {"v05.allocation.method"}),
    ("vip_expected", "gvm_equal_norms", {"v05.allocation.method"}),
    ("vip_expected", "v0_greedy", {"v05.allocation.method"}),
    ("v05_fixed1", "spo_tracker", SPO),
    ("rloo_n4_pool4", "mopps_rloo_n4", {"v05.prompt_pool", "v05.prompt_choice", "v05.value.name"}),
    ("v05_fixed16", "bnpo_n16", {"v05.baseline", "v05.advantage_scale", "v05.value.name"}),
    ("v05_fixed2_robust", "v05_total", {"v05.budget"}),
    ("v05_auto", "v05_auto_total", {"v05.budget", "v05.allocation.method", "v05.allocation.lower"}),
]


@pytest.mark.parametrize(("left", "right", "expected"), NEIGHBOURS, ids=[f"{a}-{b}" for a, b, _ in NEIGHBOURS])
def test_an_arm_of_a_neighbour_differs_by_its_method_alone(left, right, expected):
    configs = [OmegaConf.create(load(arm).config) for arm in (left, right)]
    assert set(difference(*configs)) == expected
    if right not in ("v05_total", "bnpo_n16"):  # twice its first wave; as many prompts as GRPO n=16
        plans = [overrides(load(arm), prompts=512, rollouts=1228800)[1:] for arm in (left, right)]
        assert plans[0] == plans[1]

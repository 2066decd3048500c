# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import inspect
import subprocess
import sys

import pytest
from hydra.errors import ConfigCompositionException
from omegaconf import open_dict

from v05_verl.plugin import launch
from v05_verl.plugin.cluster import CPUS_OF_REPLICA, CPUS_OF_TRAINING, taken_by_verl

GROUP = "+v05=default"
TOY_REWARD = "reward.custom_reward_function.path=pkg://v05_verl.lab.toy_reward"
GRADER = "reward.custom_reward_function.path=pkg://v05_verl.grading"
ESTIMATOR = "algorithm.adv_estimator=v05"


def test_the_group_and_the_estimator_are_all_that_it_takes(compose_verl):
    config = compose_verl(GROUP, ESTIMATOR, TOY_REWARD)
    launch.check(config)
    assert config.trainer.v1.trainer_mode == "v05_sync"
    assert config.actor_rollout_ref.rollout.agent.agent_loop_manager_class == launch.MANAGER


def test_runs_of_other_methods_are_left_alone(compose_verl):
    launch.check(compose_verl("algorithm.adv_estimator=grpo"))


def test_the_estimator_without_the_group_names_every_missing_key(compose_verl):
    with pytest.raises(ValueError) as error:
        launch.check(compose_verl(ESTIMATOR))
    for missing in ("v05.*", "trainer.v1.trainer_mode", "agent_loop_manager_class", "+v05=default"):
        assert missing in str(error.value)


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("algorithm.adv_estimator=grpo", "the group v05 is loaded but algorithm.adv_estimator is 'grpo'"),
        (
            "trainer.v1.trainer_mode=sync",
            "trainer.v1.trainer_mode must be v05_sync, v05_colocate_async or .*, not sync",
        ),
        ("trainer.use_v1=False", "trainer.use_v1 must be True"),
        ("algorithm.filter_groups.enable=True", "algorithm.filter_groups.enable"),
        ("critic.enable=True", "critic.enable"),
        ("reward.reward_model.enable=True", "enable_resource_pool"),
        ("v05.budget=greedy", "v05.budget = 'greedy'"),
        ("v05.k_init=20", "v05.k_init = 20 is above v05.k_max = 16"),
        ("v05.step_rollouts=64", "does not read v05.step_rollouts"),
        ("v05.k_init=0", "v05.k_init = 0: input should be greater than or equal to 1"),
    ],
)
def test_what_cannot_work_stops_the_launch(compose_verl, override, sentence):
    with pytest.raises(ValueError, match=sentence):
        launch.check(compose_verl(GROUP, ESTIMATOR, TOY_REWARD, override))


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ([TOY_REWARD], [-1, 1]),
        ([GRADER], [-1, 1]),
        ([GRADER, "+reward.custom_reward_function.reward_kwargs.reward_range=[0,1]"], [0, 1]),
        (["v05.reward_range=[0,1]"], [0, 1]),
        ([TOY_REWARD, "v05.reward_range=[-1.0,1.0]"], [-1, 1]),
    ],
)
def test_the_reward_range_is_the_reward_functions_own_or_the_users(compose_verl, overrides, expected):
    config = compose_verl(GROUP, ESTIMATOR, *overrides)
    launch.check(config)
    assert list(config.v05.reward_range) == expected


def test_a_reward_function_without_a_range_needs_the_key(compose_verl, tmp_path):
    with pytest.raises(ValueError, match=r"v05.reward_range is not set .* for example \[0,1\]"):
        launch.check(compose_verl(GROUP, ESTIMATOR))
    silent = tmp_path / "silent.py"
    silent.write_text("def compute_score(data_source, solution_str, ground_truth, extra_info=None):\n    return 0.0\n")
    path = f"reward.custom_reward_function.path={silent}"
    with pytest.raises(ValueError, match="v05.reward_range is not set"):
        launch.check(compose_verl(GROUP, ESTIMATOR, path))
    launch.check(compose_verl(GROUP, ESTIMATOR, path, "v05.reward_range=[0,1]"))


def test_two_ranges_that_differ_stop_the_launch(compose_verl):
    with pytest.raises(ValueError, match=r"v05.reward_range is \[0.0, 1.0\], but the reward function declares"):
        launch.check(compose_verl(GROUP, ESTIMATOR, TOY_REWARD, "v05.reward_range=[0,1]"))


def test_a_misspelt_key_stops_the_launch(compose_verl):
    with pytest.raises(ConfigCompositionException, match="k_inti"):
        compose_verl(GROUP, ESTIMATOR, "v05.k_inti=4")
    config = compose_verl(GROUP, ESTIMATOR, TOY_REWARD, "+v05.k_inti=4")
    with pytest.raises(ValueError, match="v05 has no key k_inti"):
        launch.check(config)


def test_the_rollouts_of_a_step_must_fit_its_prompts(compose_verl):
    total = (GROUP, ESTIMATOR, TOY_REWARD, "v05.budget=total", "v05.baseline=predictable", "data.train_batch_size=16")
    launch.check(compose_verl(*total, "v05.step_rollouts=64"))
    with pytest.raises(ValueError, match="v05.step_rollouts = 60 with v05.budget=total must be from 64 to 256: 16"):
        launch.check(compose_verl(*total, "v05.step_rollouts=60"))


def test_verl_checks_its_configuration_where_the_wrapper_expects_it():
    """The wrapped function is the one that main_ppo.main calls; fails when verl moves that call."""
    from verl.trainer import main_ppo

    assert "from verl.utils.config import validate_config" in inspect.getsource(main_ppo)
    assert "validate_config(" in inspect.getsource(main_ppo.main.__wrapped__)
    assert main_ppo.validate_config.checks_v05


@pytest.mark.slow
def test_verl_itself_refuses_the_estimator_without_the_group():
    """In a fresh process, through the entry point alone, before Ray starts."""
    run = subprocess.run(
        [sys.executable, "-m", "verl.trainer.main_ppo", "algorithm.adv_estimator=v05", "trainer.device=cpu"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode != 0
    assert "v05 cannot start" in run.stderr and "+v05=default" in run.stderr


def test_the_check_is_repeated_for_entry_points_of_ones_own(compose_verl):
    from v05_verl.plugin.trainer import V05TrainerSync

    config = compose_verl(GROUP, ESTIMATOR)
    with open_dict(config):
        config.trainer.v1.trainer_mode = "sync"
    with pytest.raises(ValueError, match="trainer_mode must be v05_sync"):
        V05TrainerSync(config)


ACTOR, ROLLOUT = "actor_rollout_ref.actor", "actor_rollout_ref.rollout"
COLOCATE = "trainer.v1.trainer_mode=v05_colocate_async"
SEPARATE = (
    "trainer.v1.trainer_mode=v05_separate_async",
    f"{ROLLOUT}.nnodes=1",
    f"{ROLLOUT}.n_gpus_per_node=4",
    f"{ROLLOUT}.tensor_model_parallel_size=1",
    f"{ROLLOUT}.checkpoint_engine.backend=nccl",
    "data.train_batch_size=1024",
    f"{ACTOR}.ppo_mini_batch_size=256",
)


@pytest.mark.parametrize("overrides", [[COLOCATE, "data.train_batch_size=64"], SEPARATE])
def test_asynchronous_modes_start_with_the_same_group(compose_verl, overrides):
    launch.check(compose_verl(GROUP, ESTIMATOR, TOY_REWARD, f"{ROLLOUT}.max_num_seqs=4096", *overrides))


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ([COLOCATE, "trainer.v1.sampler.max_off_policy_strategy=drop"], "max_off_policy_strategy=wait"),
        ([COLOCATE, "+trainer.v1.colocate_async.parameter_sync_step=2"], "leave the key out"),
        ([COLOCATE, "actor_rollout_ref.hybrid_engine=False"], "without a rollout replica"),
        # (1 + 1) x 1,024 x 4 requests for the 8 / 2 replicas of one node
        (
            [COLOCATE, "trainer.n_gpus_per_node=8", f"{ROLLOUT}.tensor_model_parallel_size=2"],
            "2048 requ",
        ),
        # (1 + 1) x 1,024 x (16 - 4) for 8 replicas: a second wave asks for twelve at once
        (
            [COLOCATE, "trainer.n_gpus_per_node=8", f"{ROLLOUT}.tensor_model_parallel_size=1", "v05.budget=wave"],
            r"3072 requ.* x \(v05.k_max - v05.k_init\) / repl.*max_num_seqs=3072",
        ),
        (
            [
                *SEPARATE,
                f"{ROLLOUT}.max_num_seqs=4096",
                "trainer.v1.separate_async.hybrid_rollout.enable_switch=True",
                "v05.mode=robust",
                "v05.budget=fixed",
                "v05.baseline=predictable",
                "v05.k_init=auto",
            ],
            "enable_switch=True with v05.k_init=auto",
        ),
        ([*SEPARATE, f"{ROLLOUT}.nnodes=0"], "rollout.nnodes"),
        ([*SEPARATE, f"{ROLLOUT}.checkpoint_engine.backend=naive"], "backend=naive"),
        ([*SEPARATE, "data.train_batch_size=512"], "512 must be .* = 4 x 256"),
        ([*SEPARATE, "trainer.device=cpu"], "bypass_mode=True"),
        (
            [
                *SEPARATE,
                "actor_rollout_ref.actor.strategy=fsdp2",
                "actor_rollout_ref.actor.fsdp_config.param_offload=True",
            ],
            "param_offload=False",
        ),
        ([*SEPARATE, "actor_rollout_ref.hybrid_engine=False"], "VERL_LOGGING_LEVEL=WARNING"),
    ],
)
def test_what_would_hang_or_bias_an_asynchronous_run_stops_its_launch(compose_verl, monkeypatch, overrides, sentence):
    monkeypatch.delenv("VERL_LOGGING_LEVEL", raising=False)
    with pytest.raises(ValueError, match=sentence):
        launch.check(compose_verl(GROUP, ESTIMATOR, TOY_REWARD, *overrides))


@pytest.mark.parametrize(
    ("overrides", "cpus", "gpus"),
    [
        (["trainer.nnodes=2", "trainer.n_gpus_per_node=8"], 3 * 16 + 1, 16),
        ([*SEPARATE, "trainer.n_gpus_per_node=8"], 3 * 8 + 2 * 4 + 1, 12),
        (["trainer.n_gpus_per_node=2", "trainer.device=cpu"], 7, 0),
        (
            [
                "trainer.n_gpus_per_node=8",
                "reward.reward_model.enable=True",
                "reward.reward_model.enable_resource_pool=True",
                "reward.reward_model.nnodes=1",
                "reward.reward_model.n_gpus_per_node=4",
            ],
            37,
            12,
        ),
    ],
)
def test_what_verl_takes_of_the_cluster(compose_verl, overrides, cpus, gpus):
    assert taken_by_verl(compose_verl(GROUP, ESTIMATOR, *overrides)) == {"CPU": cpus, "GPU": gpus}


def test_verl_reserves_what_is_counted_here():
    from verl.single_controller.ray.base import ResourcePoolManager
    from verl.workers.rollout.replica import RolloutReplica

    assert ResourcePoolManager({}, {}).max_colocate_count == CPUS_OF_TRAINING
    assert f"max_colocate_count={CPUS_OF_REPLICA}," in inspect.getsource(RolloutReplica.init_standalone)


def test_drops_are_the_users_choice_where_no_group_waits_for_its_rewards(compose_verl):
    drop = ["trainer.v1.sampler.max_off_policy_strategy=drop", "v05.budget=fixed", "data.train_batch_size=64"]
    launch.check(compose_verl(GROUP, ESTIMATOR, TOY_REWARD, COLOCATE, *drop))


def test_settings_that_nothing_reads_are_told(compose_verl):
    assert launch.unread(compose_verl(GROUP, ESTIMATOR, TOY_REWARD)) == []
    bypass = ["algorithm.rollout_correction.bypass_mode=True", "algorithm.rollout_correction.rollout_is=token"]
    notes = launch.unread(compose_verl(GROUP, ESTIMATOR, TOY_REWARD, "algorithm.lam=0.9", *bypass))
    assert len(notes) == 2 and "algorithm.lam" in notes[0] and "rollout_is" in notes[1]

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import os
import signal

import psutil
import pytest

from v05_verl import state_file

pytestmark = pytest.mark.slow

RANGE = "v05.reward_range=[-1,1]"
V05 = ("+v05=default", "algorithm.adv_estimator=v05", "v05.poll_interval_s=0.1")


# verl's own GRPO example settings (examples/grpo_trainer) but the KL loss, whose reference model verl cannot load on
# a CPU; what is not said is verl's default.
DYNAMIC = (
    "actor_rollout_ref.actor.use_dynamic_bsz=True",
    "actor_rollout_ref.rollout.log_prob_use_dynamic_bsz=True",
)
FIXED = (
    "actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu=3",
    "actor_rollout_ref.rollout.log_prob_micro_batch_size_per_gpu=5",
    "actor_rollout_ref.ref.log_prob_micro_batch_size_per_gpu=2",
    "actor_rollout_ref.actor.use_dynamic_bsz=False",
    "actor_rollout_ref.rollout.log_prob_use_dynamic_bsz=False",
)
# Each rank takes 3 of Ray's CPUs and one of its GPUs, which are not there.
TWO_RANKS = ("trainer.n_gpus_per_node=2", "ray_kwargs.ray_init.num_cpus=9", "ray_kwargs.ray_init.num_gpus=2")
VERLS_GRPO = (
    "actor_rollout_ref.actor.entropy_coeff=0",
    "actor_rollout_ref.rollout.n=5",
    "algorithm.use_kl_in_reward=False",
    "trainer.critic_warmup=0",
)


def test_three_lines_with_dynamic_micro_batches_and_a_killed_value_model_which_costs_priors_not_the_run(launch):
    run = launch(*VERLS_GRPO, *DYNAMIC, *V05, "trainer.total_training_steps=12", "v05.budget=wave")
    run.wait_for(lambda: len(run.metrics) >= 3)
    family = psutil.Process(run.process.pid).children(recursive=True)
    services = [process for process in family if "ValueService" in " ".join(process.cmdline())]
    assert len(services) == 1
    os.kill(services[0].pid, signal.SIGKILL)
    assert run.wait() == 0, run.log[-5000:]
    missing = [step["v05/prior/missing_frac"] for step in run.metrics]
    assert len(missing) == 12
    assert max(missing[3:]) == 1.0 and missing[-1] == 0.0
    without = next(step for step in run.metrics if step["v05/prior/missing_frac"] == 1.0)
    assert without["v05/rollouts/per_prompt/max"] == 4
    assert "have no prior" in run.log and "restarts from its last state" in run.log
    # Two mini-batches.
    assert all((step["v05/batch/rows"] + step["v05/batch/padding_rows"]) % 2 == 0 for step in run.metrics)
    # The restarted model still knows the policy.
    assert run.metrics[-1]["v05/prior/auc"] > 0.5


@pytest.mark.vllm
def test_the_robust_mode_with_prompts_chosen_by_their_priors_on_the_second_engine(launch, tmp_path):
    robust = ("v05.mode=robust", "v05.baseline=predictable", "v05.budget=wave", "v05.k_init=2", "v05.prompt_pool=2")
    run = launch(*V05, *robust, "trainer.total_training_steps=6", "trainer.save_freq=6", engine="vllm")
    assert run.wait() == 0, run.log[-5000:]
    assert [step["v05/prior/missing_frac"] for step in run.metrics] == [0.0] * 6
    assert all(step["v05/rollouts/per_prompt/min"] >= 2 for step in run.metrics)
    assert any(step["v05/rollouts/per_prompt/min"] < step["v05/rollouts/per_prompt/max"] for step in run.metrics)
    # The first five steps know nothing of their priors; the sixth has a model fitted on them, which is saved.
    believed = [step["v05/robust/strength"] for step in run.metrics]
    assert believed[:5] == [8.0] * 5 and believed[5] != 8.0
    saved = state_file.load(tmp_path / "checkpoints" / "global_step_6" / "v05.safetensors")["prior_record"]
    assert saved["steps"] == 6 and saved["pairs"].shape == (6 * 16, 5)
    assert saved["model"]["strength"] == pytest.approx(believed[5])
    # The weights that generate are the weights that are trained.
    assert all(step["training/rollout_probs_diff_mean"] < 1e-4 for step in run.metrics)


# Prompts of seven and more characters cannot be graded at all; from the third step on those of five get no number.
REWARD = """
calls = 0

def compute_score(data_source, solution_str, ground_truth, extra_info=None, **kwargs):
    global calls
    calls += 1
    if len(ground_truth) >= 7:
        raise ValueError("cannot grade this")
    return {"score": float("nan") if len(ground_truth) == 5 and calls > 128 else 1.0, "acc": 1.0}
"""


def test_failing_prompts_count_towards_a_total_and_a_reward_that_is_no_number_stops_the_run(launch, tmp_path):
    (tmp_path / "reward.py").write_text(REWARD)
    reward = f"reward.custom_reward_function.path={tmp_path}/reward.py"
    total = ("v05.mode=robust", "v05.baseline=predictable", "v05.budget=total", "v05.k_init=2")
    run = launch(*V05, *total, reward, RANGE, "trainer.total_training_steps=6")
    assert run.wait() != 0
    assert len(run.metrics) >= 2
    for step in run.metrics:
        assert step["v05/rollouts/step"] == 64  # those that fail were asked for, and nothing replaces them
        failed = step["v05/rollouts/failed_prompts"]
        assert failed > 0
        assert step["v05/rollouts/failed"] >= 2 * failed
        assert step["v05/batch/rows"] == step["v05/rollouts/step"] - step["v05/rollouts/failed"]
    assert "cannot grade this" in run.log
    assert "v05: reward nan of prompt '" in run.log and "outside v05.reward_range [-1, 1]" in run.log


def test_three_lines_turn_verls_grpo_settings_with_fixed_micro_batches_and_two_ranks_into_v05(launch):
    run = launch(*VERLS_GRPO, *FIXED, *TWO_RANKS, "trainer.total_training_steps=2", "+v05=default", V05[1])
    assert run.wait() == 0, run.log[-5000:]
    steps = [step for step in run.metrics if "v05/batch/rows" in step]
    assert len(steps) == 2
    # 2 ranks x the lcm of 2 mini-batches x 3 rows, of 5 and of 2
    assert all((step["v05/batch/rows"] + step["v05/batch/padding_rows"]) % 60 == 0 for step in steps)
    assert all(step["v05/batch/padding_rows"] < 60 for step in steps)

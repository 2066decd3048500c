# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Fixed micro batches, two ranks, a KL penalty in the rewards, rollouts that fail, and a strict run that ends."""

import pytest

from .conftest import FIXED, VERLS_GRPO

pytestmark = pytest.mark.slow

# Each rank takes 3 of Ray's CPUs and one of its GPUs, which are not there.
TWO_RANKS = ("trainer.n_gpus_per_node=2", "ray_kwargs.ray_init.num_cpus=9", "ray_kwargs.ray_init.num_gpus=2")
# In place of the loss's. A reward of -1 that is penalised is outside the reward range.
PENALTY = (
    "actor_rollout_ref.actor.use_kl_loss=False",
    "algorithm.use_kl_in_reward=True",
    "algorithm.kl_penalty=low_var_kl",
    "algorithm.kl_ctrl.kl_coef=0.5",
)

SOUND, STEPS = 6, 8
REFUSING = f"""
from v05_verl.value.tracker import Tracker

class Refusing(Tracker):
    def predict(self, prompts, step):
        if step > {STEPS}:
            raise RuntimeError("no answer today")
        return super().predict(prompts, step)
"""
# Prompts of seven and more characters cannot be graded after the first steps.
REWARD = f"""
from v05_verl.lab import toy_reward

calls = 0

def compute_score(**kwargs):
    global calls
    calls += 1
    if calls > {SOUND * 64} and len(kwargs["ground_truth"]) >= 7:
        raise ValueError("cannot grade this")
    return toy_reward.compute_score(**kwargs)
"""


def test_every_step_asks_for_exactly_its_rollouts_until_a_strict_run_gets_no_priors(launch, tmp_path):
    (tmp_path / "refusing.py").write_text(REFUSING)
    (tmp_path / "reward.py").write_text(REWARD)
    model = ("v05.value.name=refusing:Refusing", "v05.value.on_failure=stop", "v05.poll_interval_s=0.1")
    reward = (f"reward.custom_reward_function.path={tmp_path}/reward.py", "v05.reward_range=[-1,1]")
    verls = (*VERLS_GRPO, *FIXED, *TWO_RANKS, *PENALTY)
    run = launch(*verls, "+arm=v05_total", *model, *reward, "trainer.total_training_steps=11", path=tmp_path)
    assert run.wait() != 0
    assert "no answer today" in run.log and "on_failure=stop" in run.log
    assert "cannot grade this" in run.log
    assert len(run.metrics) == STEPS
    for step in run.metrics:
        assert step["v05/rollouts/step"] == 64  # 16 prompts, 4 each on average; those that fail are not replaced
        assert step["v05/prior/missing_frac"] == 0
        assert step["v05/allocation/price"] > 0 and step["v05/allocation/lower_frac"] < 1
        assert step["critic/rewards/mean"] < step["critic/score/mean"]
        failed, prompts = step["v05/rollouts/failed"], step["v05/rollouts/failed_prompts"]
        assert failed >= 2 * prompts
        assert step["v05/batch/rows"] == 64 - failed
        # 2 ranks x the lcm of 2 mini-batches x 3 rows, of 5 and of 2
        assert (step["v05/batch/rows"] + step["v05/batch/padding_rows"]) % 60 == 0
        assert step["v05/batch/padding_rows"] < 60
    assert all(step["v05/rollouts/failed"] == 0 for step in run.metrics[:SOUND])
    assert sum(step["v05/rollouts/failed_prompts"] for step in run.metrics[SOUND:]) > 0
    sizes = [(step["v05/rollouts/per_prompt/min"], step["v05/rollouts/per_prompt/max"]) for step in run.metrics]
    assert all(least >= 2 for least, _ in sizes) and max(most for _, most in sizes) > 4  # more than the mean

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import pytest

from v05_verl import state_file
from v05_verl.prior_record import COLUMNS

from .conftest import DYNAMIC, VERLS_GRPO

pytestmark = pytest.mark.slow

V05 = ("+v05=default", "algorithm.adv_estimator=v05", "v05.poll_interval_s=0.1")


def test_three_lines_turn_verls_grpo_settings_into_v05_and_a_killed_value_model_costs_priors_not_the_run(launch):
    run = launch(*VERLS_GRPO, *DYNAMIC, *V05, "trainer.total_training_steps=12")
    run.wait_for(lambda: len(run.metrics) >= 3)
    (service,) = run.processes("ValueService")
    service.kill()
    assert run.wait() == 0, run.log[-5000:]
    missing = [step["v05/prior/missing_frac"] for step in run.metrics]
    assert len(missing) == 12
    assert max(missing[3:]) == 1.0 and missing[-1] == 0.0
    without = next(step for step in run.metrics if step["v05/prior/missing_frac"] == 1.0)
    assert without["v05/rollouts/per_prompt/max"] == 4
    assert "have no prior" in run.log and "restarts from its last state" in run.log
    # The sequential budget: groups differ in size, the first steps have poor priors.
    assert all(step["v05/rollouts/per_prompt/min"] == 4 for step in run.metrics)
    assert max(step["v05/rollouts/per_prompt/max"] for step in run.metrics[:3]) > 4
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
    # The first step knows nothing of its priors; each other has a model fitted on all before, which is saved.
    believed = [step["v05/robust/strength"] for step in run.metrics]
    assert believed[0] == 1.0 and 1.0 not in believed[1:] and len(set(believed)) == 6
    saved = state_file.load(tmp_path / "checkpoints" / "global_step_6" / "v05.safetensors")["prior_record"]
    assert saved["steps"] == 6 and saved["pairs"].shape == (6 * 16, len(COLUMNS))
    assert saved["model"]["strength"] == pytest.approx(believed[5])
    # The weights that generate are the weights that are trained.
    assert all(step["training/rollout_probs_diff_mean"] < 1e-4 for step in run.metrics)

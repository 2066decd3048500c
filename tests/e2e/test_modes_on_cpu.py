# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""verl's asynchronous trainers: each trains, is killed and resumes, and no rollout is lost or counted twice."""

import itertools

import pytest
import torch

pytestmark = pytest.mark.slow

V05 = ("+v05=default", "algorithm.adv_estimator=v05", "v05.poll_interval_s=0.1", "v05.budget=wave")
MODES = {
    "colocate_async": ("hf", []),
    "separate_async": ("hf_separate", ["trainer.v1.separate_async.parameter_sync_step=2"]),
}


def states(folder, step):
    return torch.load(folder / "checkpoints" / f"global_step_{step}" / "v05.pt", weights_only=False)


@pytest.mark.parametrize("mode", MODES)
def test_each_mode_trains_is_killed_and_resumes(launch, tmp_path, mode):
    engine, extra = MODES[mode]
    arguments = [*V05, *extra, f"trainer.v1.trainer_mode=v05_{mode}", "trainer.total_training_steps=5"]
    first = launch(*arguments, "trainer.save_freq=2", engine=engine)
    first.wait_for(lambda: len(first.metrics) >= 3)
    first.kill()
    saved = states(tmp_path, 2)
    second = launch(*arguments, "trainer.save_freq=2", engine=engine)
    assert second.wait() == 0, second.log[-5000:]

    assert [step["training/global_step"] for step in second.metrics] == [3, 4, 5]
    spent = saved["ledger"]["asked"]
    for step in [*first.metrics, *second.metrics]:
        assert step["v05/rollouts/unaccounted"] == 0
        assert step["v05/prior/missing_frac"] == 0
        assert step["v05/value/restarts"] == step["v05/value/dropped_outcomes"] == 0
        assert step["v05/batch/rows"] >= 16 * 4
    assert second.metrics[0]["v05/spent/rollouts"] >= spent + second.metrics[0]["v05/rollouts/step"]
    for before, after in itertools.pairwise(second.metrics):
        assert after["v05/spent/rollouts"] == before["v05/spent/rollouts"] + after["v05/rollouts/step"]
    # Optimizer steps: two mini-batches of 8 prompts in each step, whatever the mode and the number of rows.
    assert "2 optimizer steps per training step" in second.log
    # What the value model has learned by the end is what was trained on.
    final = states(tmp_path, 4)
    assert final["value_model"]["state"]["kind"] == "gp" and final["value_model"]["told"] == []
    staleness = max(step["v05/staleness/max"] for step in [*first.metrics, *second.metrics])
    assert 1 <= staleness <= 3

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import pytest

pytestmark = pytest.mark.slow

AUTO = ("+arm=v05_auto", "v05.poll_interval_s=0.1", "v05.auto.min_pairs=48", "trainer.save_freq=6")
DECISION = ("v05/auto/k", "v05/auto/risk", "v05/auto/reference_risk", "v05/auto/prior_rollouts")


def test_auto_needs_fewer_rollouts_per_prompt_as_the_prior_learns_and_goes_on_alike_after_a_kill(launch):
    run = launch(*AUTO, "trainer.total_training_steps=14")
    run.wait_for(lambda: len(run.metrics) >= 10)
    run.kill()
    killed = run.metrics
    assert [step["v05/auto/k"] for step in killed[:3]] == [4.0] * 3
    assert killed[-1]["v05/auto/k"] < 4
    for step in killed:
        assert 64 - step["v05/auto/k"] < step["v05/rollouts/step"] <= 64
        assert step["v05/rollouts/per_prompt/min"] == min(step["v05/auto/k"], step["v05/rollouts/per_prompt/max"])
        assert step["v05/prior/missing_frac"] == 0

    resumed = launch(*AUTO, "trainer.total_training_steps=14")
    assert resumed.wait() == 0, resumed.log[-5000:]
    assert len(resumed.metrics) == 14 - 6
    for name in DECISION:  # the seventh step, decided by what the checkpoint of the sixth holds
        assert resumed.metrics[0][name] == killed[6][name], name
    assert resumed.metrics[-1]["v05/spent/rollouts"] > 13 * 60

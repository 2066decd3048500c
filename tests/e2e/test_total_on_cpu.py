# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import pytest

pytestmark = pytest.mark.slow

STEPS = 8


@pytest.mark.parametrize("arm", ["v05_total", "vip_expected"])
def test_every_step_has_exactly_its_rollouts(launch, arm):
    run = launch(f"+arm={arm}", "v05.poll_interval_s=0.1", f"trainer.total_training_steps={STEPS}")
    assert run.wait() == 0, run.log[-5000:]
    assert len(run.metrics) == STEPS
    for step in run.metrics:
        assert step["v05/rollouts/step"] == 64  # 16 prompts, 4 each on average
        assert step["v05/rollouts/per_prompt/min"] >= 2
        assert step["v05/prior/missing_frac"] == 0
    assert max(step["v05/rollouts/per_prompt/max"] for step in run.metrics) > 4  # somebody got more than the mean

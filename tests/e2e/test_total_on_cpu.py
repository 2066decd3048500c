# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import pytest

pytestmark = pytest.mark.slow

STEPS = 6
REFUSING = f"""
from v05_verl.value.tracker import Tracker

class Refusing(Tracker):
    def predict(self, prompts, step):
        if step > {STEPS}:
            raise RuntimeError("no answer today")
        return super().predict(prompts, step)
"""


def test_every_step_has_exactly_its_rollouts_until_a_strict_run_gets_no_priors(launch, tmp_path):
    (tmp_path / "refusing.py").write_text(REFUSING)
    model = ("v05.value.name=refusing:Refusing", "v05.value.on_failure=stop")
    run = launch("+arm=v05_total", *model, "v05.poll_interval_s=0.1", "trainer.total_training_steps=9", path=tmp_path)
    assert run.wait() != 0
    assert "no answer today" in run.log and "on_failure=stop" in run.log
    assert len(run.metrics) == STEPS
    for step in run.metrics:
        assert step["v05/rollouts/step"] == 64  # 16 prompts, 4 each on average
        assert step["v05/rollouts/per_prompt/min"] >= 2
        assert step["v05/prior/missing_frac"] == 0
        assert step["v05/allocation/price"] > 0 and step["v05/allocation/lower_frac"] < 1
    assert max(step["v05/rollouts/per_prompt/max"] for step in run.metrics) > 4  # somebody got more than the mean

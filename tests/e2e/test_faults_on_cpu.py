# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import re

import pytest

pytestmark = pytest.mark.slow


def test_a_reward_function_that_always_fails_is_named(launch, tmp_path):
    """verl's asynchronous trainers ask for new prompts in place of failed ones, without an end."""
    reward = tmp_path / "reward.py"
    reward.write_text("def compute_score(**kwargs):\n    raise KeyError('no such answer')\n")
    path = f"reward.custom_reward_function.path={reward}"
    v05 = ("+v05=default", "algorithm.adv_estimator=v05", "v05.reward_range=[-1,1]", "v05.poll_interval_s=0.1")
    run = launch(*v05, path, "trainer.v1.trainer_mode=v05_colocate_async", "trainer.total_training_steps=3")
    assert run.wait() != 0
    said = re.search(r"not one rollout came back\. The last error: .*", run.log).group()
    assert f'File "{reward}", line 2, in compute_score raise' in said and "KeyError: 'no such answer'" in said

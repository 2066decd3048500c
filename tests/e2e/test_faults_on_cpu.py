# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""A process that dies, or rollouts that all fail, end a run with a sentence; nothing waits for ever."""

import os
import signal
import time

import psutil
import pytest

pytestmark = pytest.mark.slow

V05 = ("+v05=default", "algorithm.adv_estimator=v05", "v05.poll_interval_s=0.1", "v05.budget=wave")
ASYNC = "trainer.v1.trainer_mode=v05_colocate_async"
SENTENCE_S = 60


def test_a_killed_agent_loop_worker_is_named_and_ends_the_run(launch):
    run = launch(*V05, ASYNC, "trainer.total_training_steps=1000")
    run.wait_for(lambda: len(run.metrics) >= 1)
    family = psutil.Process(run.process.pid).children(recursive=True)
    processes = [process for process in family if "ray::V05AgentLoopWorker" in " ".join(process.cmdline())]
    assert len(processes) == 1, [process.cmdline() for process in family]
    os.kill(processes[0].pid, signal.SIGKILL)
    killed = time.monotonic()
    while not any(f"v05: {who} died" in run.log for who in ("agent loop worker 0", "an actor of the run")):
        assert time.monotonic() - killed < SENTENCE_S, run.log[-5000:]
        time.sleep(0.5)
    assert run.wait(120) != 0
    assert "Start the same command again" in run.log and "V05AgentLoopWorker" in run.log


def test_a_reward_function_that_always_fails_is_named(launch, tmp_path):
    reward = tmp_path / "reward.py"
    reward.write_text("def compute_score(**kwargs):\n    raise KeyError('no such answer')\n")
    path = f"reward.custom_reward_function.path={reward}"
    run = launch(*V05, ASYNC, path, "v05.reward_range=[-1,1]", "trainer.total_training_steps=3")
    assert run.wait() != 0
    assert "not one rollout came back" in run.log and "KeyError: 'no such answer'" in run.log

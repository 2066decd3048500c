# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""verl's asynchronous trainers, with verl's own GRPO settings: each trains, dies and resumes, and no rollout is lost or
counted twice."""

import itertools
import os
import signal
import time

import psutil
import pytest

from v05_verl import state_file

from .conftest import FIXED, VERLS_GRPO

pytestmark = pytest.mark.slow

V05 = (*VERLS_GRPO, "+v05=default", "algorithm.adv_estimator=v05", "v05.poll_interval_s=0.1")
ALLOCATED = ["v05.budget=allocated", "v05.baseline=leave_one_out"]
SEPARATE = ["trainer.v1.separate_async.parameter_sync_step=2", *FIXED, *ALLOCATED]
SENTENCE_S = 120
"""Twice what is promised: another test runs beside this one."""


def kill_a_worker(run):
    """A process that dies ends the run with a sentence; nothing waits for ever."""
    family = psutil.Process(run.process.pid).children(recursive=True)
    processes = [process for process in family if "ray::V05AgentLoopWorker" in " ".join(process.cmdline())]
    assert len(processes) == 1, [process.cmdline() for process in family]
    os.kill(processes[0].pid, signal.SIGKILL)
    killed = time.monotonic()
    while not any(f"v05: {who} died" in run.log for who in ("agent loop worker 0", "an actor of the run")):
        assert time.monotonic() - killed < SENTENCE_S, run.log[-5000:]
        time.sleep(0.5)
    assert run.wait(300) != 0
    assert "Start the same command again" in run.log and "V05AgentLoopWorker" in run.log


MODES = {
    "colocate_async": ("hf", [*FIXED, "v05.budget=wave"], kill_a_worker),
    "separate_async": ("hf_separate", SEPARATE, lambda run: run.kill()),
}


def states(folder, step):
    return state_file.load(folder / "checkpoints" / f"global_step_{step}" / "v05.safetensors")


@pytest.mark.parametrize("mode", MODES)
def test_each_mode_trains_dies_and_resumes(launch, tmp_path, mode):
    engine, extra, die = MODES[mode]
    arguments = [*V05, *extra, f"trainer.v1.trainer_mode=v05_{mode}", "trainer.total_training_steps=5"]
    first = launch(*arguments, "trainer.save_freq=2", engine=engine)
    first.wait_for(lambda: len(first.metrics) >= 3)
    die(first)
    saved = states(tmp_path, 2)
    second = launch(*arguments, "trainer.save_freq=2", engine=engine)
    assert second.wait() == 0, second.log[-5000:]

    assert [step["training/global_step"] for step in second.metrics] == [3, 4, 5]
    spent = saved["ledger"]["asked"]
    for step in [*first.metrics, *second.metrics]:
        assert step["v05/rollouts/unaccounted"] == 0
        assert step["v05/prior/missing_frac"] == 0
        assert step["v05/value/restarts"] == step["v05/value/dropped_outcomes"] == 0
        # 4 rollouts of each prompt of a wave at least; of an allocation 2, as a step takes prompts of several batches
        assert step["v05/batch/rows"] >= 16 * (2 if mode == "separate_async" else 4)
        # the lcm of 2 mini-batches x 3 rows, of 5 and of 2; in separate_async twice that of 1 x 3, 5 and 2
        assert (step["v05/batch/rows"] + step["v05/batch/padding_rows"]) % 30 == 0
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
    if mode == "separate_async":  # who got how many was decided before any was generated, and not the same for all
        sizes = [(step["v05/rollouts/per_prompt/min"], step["v05/rollouts/per_prompt/max"]) for step in second.metrics]
        assert all(2 <= least for least, _ in sizes) and any(least < most for least, most in sizes)
        assert all(step["v05/rollouts/waves/mean"] == 1 for step in second.metrics)

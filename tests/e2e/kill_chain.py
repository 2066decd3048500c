# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Twenty SIGKILLs at random moments, over verl's modes: pytest tests/e2e/kill_chain.py

Not part of a plain test run: each kill is one launch, about a minute on two cores. One run per mode is
killed and started again by the same command; rows go to $OUT (outputs/kills.csv). SEED chooses moments and victims.
"""

import contextlib
import itertools
import os
import random
import re
import time
from pathlib import Path

import psutil
import pytest

from v05_verl import state_file

from .conftest import line_of
from .fault_table import add_row, start, trained

KILLS = {"sync": 7, "colocate_async": 7, "separate_async": 6}
OUT = Path(os.environ.get("OUT", "outputs/kills.csv"))
COLUMNS = ("mode", "kill", "victim", "after_steps", "after_s", "ended_s", "checkpoint", "state_equal", "unaccounted")
VICTIMS = ("the driver", "the trainer", "every process")
START_S = 60.0
"""About as long as a launch takes to its first step."""
STEP_S = 5.0
END_S = 60.0
RESUMES = re.compile(r"v05: resumes from \S+global_step_(\d+) after \d+ rollouts.*SHA-256 (\w{16})")


@pytest.mark.parametrize("mode", KILLS)
def test_a_run_that_is_killed_again_and_again(launch, tmp_path, mode):
    rng = random.Random(f"{os.environ.get('SEED', '0')} {mode}")
    checkpoints = tmp_path / "checkpoints"
    saved = None
    for kill in range(KILLS[mode] + 1):
        is_last = kill == KILLS[mode]
        steps = (saved["step"] if saved else 0) + 3 if is_last else 1000
        run = start(launch, mode, f"trainer.total_training_steps={steps}", "trainer.save_freq=2")
        row = {"mode": mode, "kill": kill, "victim": "", "checkpoint": saved["step"] if saved else ""}
        if is_last:
            assert run.wait() == 0, run.log[-5000:]
        else:
            row |= killed(run, rng)
        row |= check(run, saved)
        add_row(OUT, COLUMNS, row)
        saved = state(checkpoints)


def killed(run, rng) -> dict:
    """Kills one victim at a random moment of the launch or of a step; everything else must then end by itself."""
    began, victim = time.monotonic(), rng.choice(VICTIMS)
    if rng.random() < 0.2:
        time.sleep(rng.uniform(0, START_S))
    else:
        steps = rng.randint(1, 5)
        run.wait_for(lambda: trained(run) >= steps)
        time.sleep(rng.uniform(0, STEP_S))
    family, driver = run.family, [run.driver]
    trainers = run.processes("TaskRunner")
    chosen = {"the driver": driver, "the trainer": trainers or driver, "every process": family}[victim]
    row = {"victim": victim, "after_steps": trained(run), "after_s": f"{time.monotonic() - began:.0f}"}
    moment = time.monotonic()
    for process in chosen:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    run.wait(END_S)
    _, alive = psutil.wait_procs(family, END_S)
    for process in alive:
        assert "Agent" in line_of(process), line_of(process)  # Ray's own, which look for their raylet now and then
        process.kill()
    return row | {"ended_s": f"{time.monotonic() - moment:.0f}"}


def check(run, saved) -> dict:
    """The launch went on from the last checkpoint with the same value model; every rollout is accounted for."""
    resumed = RESUMES.search(run.log)
    steps = [step for step in run.metrics if "v05/batch/rows" in step]
    if steps:
        first = saved["step"] if saved else 0
        assert [step["training/global_step"] for step in steps] == [first + 1 + i for i in range(len(steps))]
        assert (resumed is None) == (saved is None)
        spent = saved["asked"] if saved else 0
        assert steps[0]["v05/spent/rollouts"] >= spent + steps[0]["v05/rollouts/step"]
        for before, after in itertools.pairwise(steps):
            assert after["v05/spent/rollouts"] == before["v05/spent/rollouts"] + after["v05/rollouts/step"]
    if resumed:
        assert (int(resumed[1]), resumed[2]) == (saved["step"], saved["digest"][:16])
    unaccounted = max((abs(step["v05/rollouts/unaccounted"]) for step in steps), default=0)
    assert unaccounted == 0
    return {"state_equal": True if resumed else "", "unaccounted": unaccounted}


def state(checkpoints) -> dict | None:
    """Of the checkpoint that the next launch finds."""
    named = checkpoints / "latest_checkpointed_iteration.txt"
    if not named.exists():
        return None
    step = int(named.read_text())
    parts = state_file.load(checkpoints / f"global_step_{step}" / "v05.safetensors")
    assert parts["value_model"]["told"] == []
    return {"step": step, "asked": parts["ledger"]["asked"], "digest": state_file.digest(parts["value_model"]["state"])}

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""What a script does with the folder of an earlier launch; verl is a stand-in that writes what a training leaves."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from v05_verl.report.labels import BENCHMARKS

from .conftest import RECIPES, ROOT, environment

STAND_IN = f"""#!/usr/bin/env bash
set -euo pipefail
if [ "$1" = -c ]; then exit 0; fi   # of prepare: are the packages and a GPU there
if [ "$2" != verl.trainer.main_ppo ]; then exec '{sys.executable}' "$@"; fi
echo "$V05_LAUNCH" >> "$OUT/trained.txt"
if [ -e "$OUT/fail_early" ]; then exit 1; fi
echo "{{\\"step\\": 1, \\"data\\": {{$LOGGED}}}}" > "$VERL_FILE_LOGGER_PATH"
while [ -e "$OUT/hold" ]; do sleep 0.1; done
if [ -e "$OUT/fail" ]; then exit 1; fi
"""


@pytest.fixture
def script(tmp_path):
    """(arguments, knobs) -> the started script, by default that of V0.5, whose verl is the stand-in."""
    python, data = tmp_path / "bin" / "python", tmp_path / "data"
    for folder in (python.parent, data, tmp_path / "out"):
        folder.mkdir()
    python.write_text(STAND_IN)
    python.chmod(0o755)
    for name in ("dapo_math_17k", *BENCHMARKS):
        (data / f"{name}.parquet").touch()
    fixed = {"OUT": str(tmp_path / "out"), "DATA_DIR": str(data), "PYTHON": str(python), "SETUP": "node", "LOGGED": ""}

    def start(*arguments, name="v05/run_qwen3_4b.sh", **knobs):
        return subprocess.Popen(
            ["bash", str(RECIPES / name), *arguments],
            env=environment(**fixed | {"PYTHONPATH": str(ROOT)} | knobs),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


@pytest.fixture
def launch(script):
    """(arguments, knobs) -> (exit code, output, errors)."""

    def run(*arguments, **knobs):
        started = script(*arguments, **knobs)
        output, errors = started.communicate(timeout=300)
        return started.returncode, output, errors

    return run


def trained(tmp_path):
    """Numbers of the launches that got as far as verl."""
    return (tmp_path / "out" / "trained.txt").read_text().split()


def test_other_settings_are_refused_in_the_folder_of_a_run_and_the_same_ones_go_on(launch, tmp_path):
    (tmp_path / "out" / "fail").touch()
    assert launch()[0] == 1
    code, _, errors = launch(PRIOR="v0")
    assert code == 2 and "v05.value.name=v0 (before: v05.value.name not given)" in errors and "OUT=" in errors
    code, _, errors = launch("v05.k_max=8")
    assert code == 2 and "v05.k_max=8 (before: v05.k_max not given)" in errors
    code, _, errors = launch(LR="2e-6")
    wanted = "actor_rollout_ref.actor.optim.lr=2e-6 (before: actor_rollout_ref.actor.optim.lr=1e-6)"
    assert code == 2 and wanted in errors
    assert trained(tmp_path) == ["1"]
    run = json.loads((tmp_path / "out" / "v05" / "seed_0" / "run.json").read_text())
    assert len(run["launches"]) == 1

    (tmp_path / "out" / "fail").unlink()
    assert launch()[0] == 0 and trained(tmp_path) == ["1", "2"]
    code, output, _ = launch()
    assert code == 0 and "already there" in output and trained(tmp_path) == ["1", "2"]
    assert launch("v05.k_max=8")[0] == 2


def test_a_run_goes_further_and_on_another_machine(launch, tmp_path):
    assert launch(ROLLOUTS="4096")[0] == 0
    machine = ("actor_rollout_ref.rollout.gpu_memory_utilization=0.5", "+ray_kwargs.ray_init.num_cpus=8")
    assert launch(*machine, ROLLOUTS="8192", POINTS="3", SAVE_FREQ="5")[0] == 0
    assert trained(tmp_path) == ["1", "2"]


def test_a_launch_that_left_nothing_is_corrected(launch, tmp_path):
    (tmp_path / "out" / "fail_early").touch()
    assert launch("v05.kmax=8")[0] == 1
    (tmp_path / "out" / "fail_early").unlink()
    assert launch("v05.k_max=8")[0] == 0
    assert trained(tmp_path) == ["1", "2"]


def test_an_evaluation_ends_with_its_table(launch):
    logged = '"val-core/amc2023/acc/mean@16": 0.5, "val-core/amc2023/acc/best@16/mean": 0.75, '
    logged += '"val-core/amc2023/acc/best@16/std": 0.01'
    code, output, errors = launch(name="evaluate.sh", CHECKPOINT="none", LOGGED=logged)
    assert code == 0, errors
    assert output.splitlines()[-1] == "| amc2023 | mean@16 0.5000 | best@16 0.7500 | - |"


def test_a_second_launch_leaves_the_folder_of_a_running_one_alone(script, tmp_path):
    """Also without checkpoints, where a launch removes what an earlier one left."""
    out, hold = tmp_path / "out", tmp_path / "out" / "hold"
    hold.touch()
    first = script(SAVE_FREQ="-1")
    wait_for((out / "v05" / "seed_0" / "metrics" / "1.jsonl").exists, first)
    second = script(SAVE_FREQ="-1")
    wait_for(lambda: opened(second.pid, out / "v05" / "seed_0.lock"), second)
    time.sleep(0.5)
    assert (out / "v05" / "seed_0" / "metrics" / "1.jsonl").exists() and second.poll() is None
    hold.unlink()
    assert first.wait(300) == 0
    output, errors = second.communicate(timeout=300)
    assert second.returncode == 0 and "already there" in output, errors
    assert trained(tmp_path) == ["1"]


def opened(pid, file):
    return any(os.path.realpath(each) == str(file) for each in Path(f"/proc/{pid}/fd").glob("*"))


def wait_for(condition, script):
    end = time.monotonic() + 300
    while not condition():
        assert script.poll() is None and time.monotonic() < end
        time.sleep(0.1)

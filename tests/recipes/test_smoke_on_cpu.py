# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""SMOKE=1 through the whole script: kill -9, the same command again, evaluation of the checkpoint, the report."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch

from v05_verl.report.runs import load_run

from .conftest import RECIPES, environment

pytestmark = pytest.mark.slow

START_S = 900
"""A launch takes one or two minutes on a quiet machine."""


AUTO = {"ARM": "v05_auto", "SMOKE": "1", "ROLLOUTS": "896", "POINTS": "3", "SAVE_FREQ": "6"}
SOON = "v05.auto.min_pairs=48"  # three steps of 16 prompts, then k is chosen
DECISION = ("v05/auto/k", "v05/auto/risk", "v05/auto/reference_risk", "v05/auto/prior_rollouts")


def test_a_killed_script_goes_on_and_its_checkpoint_is_evaluated(tmp_path, forked_workers):
    out = tmp_path / "out"
    # The first launch starts as a user's does, the others' workers are forked.
    forked = {"FORKED": str(tmp_path / "forks.txt")}
    run = out / "v05_auto" / "seed_0"
    script = start("run_arm.sh", SOON, OUT=str(out), **AUTO)
    wait_for(lambda: len(trained(run, 1)) >= 10, script)
    kill(script)
    assert (run / "checkpoints" / "latest_checkpointed_iteration.txt").read_text() == "6"
    assert provenance(run)["launches"][0]["ended"] is None
    before = trained(run, 1)
    check_fewer_rollouts_as_the_prior_learns(before)

    script = start("run_arm.sh", SOON, forked_workers, OUT=str(out), **AUTO, **forked)
    output, _ = script.communicate(timeout=START_S)
    assert script.returncode == 0, output[-5000:]
    after = trained(run, 2)
    assert list(after) == list(range(7, 15))
    loaded = load_run(run)
    assert loaded.is_complete and (loaded.arm, loaded.seed) == ("v05_auto", 0)
    assert list(loaded.metrics.index) == list(range(15))
    # each of 14 steps spends 64 rollouts but for less than one group
    assert 14 * 60 < loaded.metrics["rollouts"].iloc[-1] <= 896
    assert provenance(run)["launches"][1]["exit_code"] == 0
    assert (run / "checkpoints" / "latest_checkpointed_iteration.txt").read_text() == "14"
    # what the checkpoint of the sixth step holds decides the seventh, in both launches
    assert all(after[7][name] == before[7][name] for name in DECISION)
    assert after[7]["v05/spent/rollouts"] == before[6]["v05/spent/rollouts"] + after[7]["v05/rollouts/step"]
    assert after[7]["v05/prior/auc"] != 0.5
    # Four optimizer steps per training step, however many prompts and rows there were.
    assert "4 optimizer steps per training step" in (run / "log" / "2.txt").read_text(errors="replace")
    optimizer = next((run / "checkpoints" / "global_step_14" / "actor").glob("optim_*.pt"))
    states = torch.load(optimizer, weights_only=False)["state"].values()
    assert {int(state["step"]) for state in states} == {4 * 14}

    again = start("run_arm.sh", SOON, forked_workers, OUT=str(out), **AUTO, **forked)
    output, _ = again.communicate(timeout=60)
    assert again.returncode == 0 and "already there" in output

    checkpoint = run / "checkpoints" / "global_step_14"
    # The toy belongs to the run's folder; the evaluation has one of its own and builds the same toy there.
    knobs = {"OUT": str(out / "evaluation"), "SMOKE": "1", "CHECKPOINT": str(checkpoint)}
    evaluation = start("evaluate.sh", forked_workers, **knobs, **forked)
    output, _ = evaluation.communicate(timeout=START_S)
    assert evaluation.returncode == 0, output[-5000:]
    (record,) = records(out / "evaluation" / "v05_auto_step14" / "seed_0" / "metrics" / "1.jsonl")
    for metric in ("mean@4", "best@4/mean", "maj@4/mean"):
        assert 0 <= record[1][f"val-core/reverse_sampled/acc/{metric}"] <= 1
    assert "| reverse_sampled | mean@4 0." in output


def check_fewer_rollouts_as_the_prior_learns(steps: dict[int, dict[str, float]]) -> None:
    assert [steps[step]["v05/auto/k"] for step in (1, 2, 3)] == [4.0] * 3
    assert steps[max(steps)]["v05/auto/k"] < 4
    for step in steps.values():
        assert 64 - step["v05/auto/k"] < step["v05/rollouts/step"] <= 64
        assert step["v05/rollouts/per_prompt/min"] == min(step["v05/auto/k"], step["v05/rollouts/per_prompt/max"])
        assert step["v05/prior/missing_frac"] == 0
        assert step["v05/batch/rows"] == step["v05/rollouts/step"]
        # verl fills the rows of one rank up to a multiple of the four mini-batches.
        assert step["v05/batch/padding_rows"] == -step["v05/batch/rows"] % 4
        # verl's own score is the mean over the real rows.
        assert -1 <= step["critic/score/mean"] <= 1


def start(script: str, *overrides: str, **knobs: str) -> subprocess.Popen:
    return subprocess.Popen(
        ["bash", str(RECIPES / script), *overrides],
        env=environment(**knobs),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def records(path: Path) -> list[tuple[int, dict[str, float]]]:
    if not path.exists():
        return []
    lines = [line for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
    return [(entry["step"], entry["data"]) for entry in map(json.loads, lines)]


def trained(run: Path, launch: int) -> dict[int, dict[str, float]]:
    """Metrics of the training steps of one launch."""
    found = records(run / "metrics" / f"{launch}.jsonl")
    return {step: metrics for step, metrics in found if "v05/rollouts/step" in metrics}


def provenance(run: Path) -> dict:
    return json.loads((run / "run.json").read_text())


def wait_for(condition, script: subprocess.Popen) -> None:
    end = time.monotonic() + START_S
    while not condition():
        assert script.poll() is None, script.stdout.read()[-5000:]
        assert time.monotonic() < end
        time.sleep(0.2)


def kill(script: subprocess.Popen) -> None:
    """kill -9 of the script, of verl and of every Ray process that it started."""
    parent = psutil.Process(script.pid)
    for process in [parent, *parent.children(recursive=True)]:
        try:
            os.kill(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            print(f"{process.pid} had ended", file=sys.stderr)
    script.communicate()

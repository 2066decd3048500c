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

from .conftest import ARMS, RECIPES, environment

pytestmark = pytest.mark.slow

START_S = 900
"""A launch takes one or two minutes on a quiet machine."""


def test_a_killed_script_goes_on_and_its_checkpoint_is_evaluated(tmp_path):
    out, knobs = tmp_path / "out", {"SMOKE": "1", "ROLLOUTS": "512", "POINTS": "3"}
    run = out / "v05" / "seed_0"
    script = start(ARMS["v05"], OUT=str(out), **knobs)
    wait_for(lambda: trained(run / "metrics" / "1.jsonl") >= 3, script)
    kill(script)
    saved = int((run / "checkpoints" / "latest_checkpointed_iteration.txt").read_text())
    assert saved >= 2
    assert provenance(run)["launches"][0]["ended"] is None

    before = [metrics for _, metrics in records(run / "metrics" / "1.jsonl") if "v05/rollouts/step" in metrics]
    check_uneven_groups(before)

    script = start(ARMS["v05"], OUT=str(out), **knobs)
    output, _ = script.communicate(timeout=START_S)
    assert script.returncode == 0, output[-5000:]
    steps = [step for step, metrics in records(run / "metrics" / "2.jsonl") if "v05/rollouts/step" in metrics]
    assert steps[0] == saved + 1
    loaded = load_run(run)
    assert loaded.is_complete and (loaded.arm, loaded.seed) == ("v05", 0)
    assert list(loaded.metrics.index) == list(range(loaded.metrics.index[-1] + 1))
    # 16 prompts with 4 to 16 rollouts: the budget ends the run to within one step
    assert loaded.metrics["rollouts"].iloc[-3] < 512 <= loaded.metrics["rollouts"].iloc[-1] + 16 * 16
    assert provenance(run)["launches"][1]["exit_code"] == 0
    last = int((run / "checkpoints" / "latest_checkpointed_iteration.txt").read_text())
    assert last == steps[-1]
    check_that_nothing_was_forgotten(before[saved - 1], records(run / "metrics" / "2.jsonl"))
    log = (run / "log" / "2.txt").read_text(encoding="utf-8", errors="replace")
    assert "16 prompts (data.train_batch_size) with 4 to 16 rollouts each" in log
    assert "4 optimizer steps per training step" in log
    # Four optimizer steps per training step, however many rows there were.
    optimizer = next((run / "checkpoints" / f"global_step_{last}" / "actor").glob("optim_*.pt"))
    states = torch.load(optimizer, weights_only=False)["state"].values()
    assert {int(state["step"]) for state in states} == {4 * last}

    again = start(ARMS["v05"], OUT=str(out), **knobs)
    output, _ = again.communicate(timeout=60)
    assert again.returncode == 0 and "already there" in output

    checkpoint = run / "checkpoints" / f"global_step_{last}"
    # The toy belongs to the run's folder; the evaluation has one of its own and builds the same toy there.
    evaluation = start("evaluate.sh", OUT=str(out / "evaluation"), SMOKE="1", CHECKPOINT=str(checkpoint))
    output, _ = evaluation.communicate(timeout=START_S)
    assert evaluation.returncode == 0, output[-5000:]
    (record,) = records(out / "evaluation" / f"v05_step{last}" / "seed_0" / "metrics" / "1.jsonl")
    for metric in ("mean@4", "best@4/mean", "maj@4/mean"):
        assert 0 <= record[1][f"val-core/reverse_sampled/acc/{metric}"] <= 1
    assert "| reverse_sampled | mean@4 0." in output


def check_uneven_groups(steps: list[dict[str, float]]) -> None:
    # Adaptive budgets: groups differ in size, the first steps have poor priors.
    assert max(step["v05/rollouts/per_prompt/max"] for step in steps) > 4
    assert all(step["v05/rollouts/per_prompt/min"] == 4 for step in steps)
    assert all(step["v05/batch/rows"] == step["v05/rollouts/step"] for step in steps)
    # verl fills the rows of one rank up to a multiple of the four mini-batches.
    assert all(step["v05/batch/padding_rows"] == -step["v05/batch/rows"] % 4 for step in steps)
    # verl's own score is the mean over the real rows.
    assert all(-1 <= step["critic/score/mean"] <= 1 for step in steps)


def check_that_nothing_was_forgotten(saved: dict[str, float], after: list[tuple[int, dict[str, float]]]) -> None:
    first = next(metrics for _, metrics in after if "v05/rollouts/step" in metrics)
    assert first["v05/spent/rollouts"] == saved["v05/spent/rollouts"] + first["v05/rollouts/step"]
    assert first["v05/prior/auc"] != 0.5


def start(script: str, **knobs: str) -> subprocess.Popen:
    return subprocess.Popen(
        ["bash", str(RECIPES / script)],
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


def trained(path: Path) -> int:
    return max((step for step, _ in records(path)), default=0)


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

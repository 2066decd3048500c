# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import json
import os
import subprocess
import sys
import time

import pytest

from v05_verl.report.last_step import last_step
from v05_verl.report.step_time import seconds_by_group_size, seconds_per_thousand
from v05_verl.report.watch import follow


def write(path, entries):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps({"step": step, "data": data}) + "\n" for step, data in entries))


def training_step(seconds, **metrics):
    return {"training/global_step": 1, "timing_s/step": seconds, **metrics}


def test_seconds_per_thousand_rollouts_with_adaptive_and_with_fixed_groups(tmp_path):
    write(
        tmp_path / "v05" / "seed_0" / "metrics" / "1.jsonl",
        [(0, {"val-core/x": 1}), *((s, training_step(2.0, **{"v05/rollouts/step": 100 * s})) for s in (1, 2, 4))],
    )
    (tmp_path / "v05" / "seed_0.lock").touch()
    assert seconds_per_thousand(tmp_path / "v05", skip=1).tolist() == [10.0, 5.0]
    write(tmp_path / "grpo" / "seed_3" / "metrics" / "1.jsonl", [(1, training_step(3.0))])
    config = tmp_path / "grpo" / "seed_3" / "hydra" / "1" / ".hydra" / "config.yaml"
    config.parent.mkdir(parents=True)
    config.write_text("data: {train_batch_size: 10}\nactor_rollout_ref: {rollout: {n: 5}}\n")
    assert seconds_per_thousand(tmp_path / "grpo", skip=0).tolist() == [60.0]
    with pytest.raises(ValueError, match="no training step after the first 9"):
        seconds_per_thousand(tmp_path / "grpo", skip=9)


def test_seconds_by_the_k_that_auto_chose(tmp_path):
    steps = [(4, 3.0), (1, 6.0), (1, 8.0)]
    entries = [
        (s, training_step(seconds, **{"v05/rollouts/step": 1000, "v05/auto/k": k}))
        for s, (k, seconds) in enumerate(steps)
    ]
    write(tmp_path / "v05_auto" / "seed_0" / "metrics" / "1.jsonl", [*entries, (3, training_step(9.0))])
    config = tmp_path / "v05_auto" / "seed_0" / "hydra" / "1" / ".hydra" / "config.yaml"
    config.parent.mkdir(parents=True)
    config.write_text("data: {train_batch_size: 10}\nactor_rollout_ref: {rollout: {n: 5}}\n")
    found = seconds_by_group_size(tmp_path / "v05_auto", skip=0)
    assert {k: seconds.tolist() for k, seconds in found.items()} == {1: [6.0, 8.0], 4: [3.0]}


def test_last_step_needs_a_training_step(tmp_path):
    path = tmp_path / "metrics.jsonl"
    write(path, [(0, {"val-core/x": 1}), (1, training_step(2.0))])
    assert last_step(path) == (1, training_step(2.0))
    write(path, [(0, {"val-core/x": 1})])
    with pytest.raises(ValueError, match="holds no training step"):
        last_step(path)


def test_follow_yields_whole_lines_until_the_process_ends(tmp_path):
    path = tmp_path / "1.jsonl"
    writer = (
        "import sys, time\n"
        "out = open(sys.argv[1], 'w', buffering=1)\n"
        "print('{\"step\": 1}', file=out)\n"
        "out.write('{\"st'); out.flush(); time.sleep(1.5)\n"
        "print('ep\": 2}', file=out); out.write('{\"cut'); out.flush()\n"
    )
    process = subprocess.Popen([sys.executable, "-c", writer, str(path)])
    started = time.monotonic()
    assert [entry["step"] for entry in follow(tmp_path, process.pid)] == [1, 2]
    assert time.monotonic() - started > 1
    assert process.wait() == 0


def test_follow_reads_the_file_of_a_launch_that_goes_on_from_its_start(tmp_path):
    write(tmp_path / "1.jsonl", [(step, {}) for step in (1, 2, 3)])
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    entries = follow(tmp_path, process.pid)
    assert [next(entries)["step"] for _ in range(3)] == [1, 2, 3]
    write(tmp_path / "2.jsonl", [(3, {}), (4, {})])
    later = os.path.getmtime(tmp_path / "1.jsonl") + 1
    os.utime(tmp_path / "2.jsonl", (later, later))
    process.communicate(b"\n")
    assert [entry["step"] for entry in entries] == [3, 4]

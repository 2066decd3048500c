# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Two studies at work in one folder."""

import subprocess
import sys
import threading

from v05_verl.lab.study import Job, run_all
from v05_verl.report import provenance

OTHER = """
import fcntl, sys
from pathlib import Path
from v05_verl.report.provenance import end_launch
folder = Path(sys.argv[1])
with open(f"{folder}.lock", "w") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    print("holds", flush=True)
    sys.stdin.readline()
    end_launch(folder, 0)
"""


def test_a_run_that_another_study_makes_is_waited_for_and_not_made_again(tmp_path, capsys):
    job = Job("sort", "rloo_n4", 0, 1e-4)
    (tmp_path / job.start_path).parent.mkdir(parents=True)
    (tmp_path / job.start_path).touch()
    folder = tmp_path / job.path
    provenance.begin_launch(folder, job.arm, job.seed, ["theirs"])
    command = [sys.executable, "-c", OTHER, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "holds\n"
        ours = threading.Thread(target=run_all, args=([job], tmp_path, 1), daemon=True)
        ours.start()
        ours.join(1)
        assert ours.is_alive() and not provenance.read(folder)["launches"][0]["ended"]
        other.communicate("end\n", timeout=60)
    ours.join(60)
    (launch,) = provenance.read(folder)["launches"]
    assert launch["command"] == ["theirs"] and launch["exit_code"] == 0
    said = "1 runs, 0 finished before\n[1/1] sort rloo_n4 lr 0.0001 seed 0: made by another study\n"
    assert capsys.readouterr().out == said

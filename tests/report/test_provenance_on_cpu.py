# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from v05_verl.report import provenance

MODULE = [sys.executable, "-m", "v05_verl.report.provenance"]


def read(folder):
    return json.loads((folder / "run.json").read_text())


def test_a_launch_from_begin_to_end(tmp_path):
    command = ["python", "-m", "verl.trainer.main_ppo", "a=1", "--", "b"]
    begun = subprocess.run([*MODULE, tmp_path, "--arm", "v05", "--seed", "3", "--", *command], capture_output=True)
    assert begun.stdout.decode().strip() == "1"
    run = read(tmp_path)
    launch = run["launches"][0]
    assert (run["arm"], run["seed"]) == ("v05", 3)
    assert launch["command"] == command
    assert launch["ended"] is None and launch["exit_code"] is None
    assert launch["versions"]["verl"] == "0.9.1"
    assert set(launch["versions"]) == {"python", "verl", "torch", "ray", "transformers", "vllm", "v05_verl"}

    subprocess.run([*MODULE, tmp_path, "--done", "--exit-code", "0"], check=True)
    launch = read(tmp_path)["launches"][0]
    assert launch["exit_code"] == 0 and launch["wall_s"] > 0 and launch["ended"] > launch["started"]


def test_launches_add_up_and_a_killed_one_stays_open(tmp_path):
    assert provenance.begin_launch(tmp_path, "v05", 0, ["first"]) == 1
    assert provenance.begin_launch(tmp_path, "v05", 0, ["second"]) == 2
    provenance.end_launch(tmp_path, 137)
    first, second = read(tmp_path)["launches"]
    assert (first["command"], first["exit_code"]) == (["first"], None)
    assert (second["command"], second["exit_code"]) == (["second"], 137)


def test_paths_below_the_working_directory_are_noted_relative_to_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    here = str(Path.cwd())
    provenance.begin_launch(tmp_path, "v05", 0, [f"{here}/.venv/bin/python", f"a={here}/data", "b=/elsewhere", here])
    assert read(tmp_path)["launches"][0]["command"] == [".venv/bin/python", "a=data", "b=/elsewhere", here]


def test_the_commit_is_that_of_this_checkout():
    root = Path(__file__).parents[2]
    head = subprocess.run(["git", "-C", root, "rev-parse", "HEAD"], capture_output=True, text=True)
    expected = head.stdout.strip() if head.returncode == 0 else None
    state = provenance.git_state()
    assert state["commit"] == expected
    assert state["dirty"] in ((True, False) if expected else (None,))


def test_outside_a_checkout_the_commit_is_null(tmp_path):
    folder = tmp_path / "package"
    folder.mkdir()
    shutil.copy(provenance.__file__, folder / "provenance.py")
    program = "import json, provenance; print(json.dumps(provenance.git_state()))"
    # Also inside another project's checkout, whose commit is not this package's.
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, check=True)
        assert json.loads(done.stdout) == {"commit": None, "dirty": None}
        subprocess.run(["git", "init", "-q", tmp_path], check=True)


def test_a_folder_belongs_to_one_arm_and_seed(tmp_path):
    provenance.begin_launch(tmp_path, "v05", 0, ["x"])
    with pytest.raises(ValueError, match="is of arm v05, seed 0, not of arm v05, seed 1"):
        provenance.begin_launch(tmp_path, "v05", 1, ["x"])


def test_an_end_needs_a_begin(tmp_path):
    with pytest.raises(ValueError, match="names no launch"):
        provenance.end_launch(tmp_path, 0)
    provenance.begin_launch(tmp_path, "v05", 0, ["x"])
    provenance.end_launch(tmp_path, 0)
    with pytest.raises(ValueError, match="has ended already"):
        provenance.end_launch(tmp_path, 0)


@pytest.mark.parametrize(
    ("content", "sentence"), [("{", "is not JSON"), ('{"arm": "v05"}', "seed is missing; launches is missing")]
)
def test_a_file_that_is_no_run_is_named(tmp_path, content, sentence):
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(ValueError, match=sentence):
        provenance.read(tmp_path)


@pytest.mark.parametrize("arguments", [["--arm", "v05"], ["--done"], ["--arm", "v05", "--seed", "0"]])
def test_a_call_that_lacks_something_fails_and_writes_nothing(tmp_path, arguments):
    done = subprocess.run([*MODULE, tmp_path / "run", *arguments], capture_output=True, text=True)
    assert done.returncode == 2 and "are needed" in done.stderr or "needs" in done.stderr
    assert not (tmp_path / "run").exists()

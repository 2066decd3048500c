# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""The hub's loading code, without the network: on local snapshots, and on a local server in the hub's place."""

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_prep import prepare
from data_prep.problem import DataError
from data_prep.registry import BENCHMARKS, SETS
from data_prep.source import open_hub

from .hub_stand_in import Hub

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "tests" / "data" / "raw"


@pytest.fixture(scope="module")
def mirror(raw, tmp_path_factory):
    """Snapshots named owner/name that hold the raw files with the hub's file names and splits."""
    root = tmp_path_factory.mktemp("hub")
    for name, problem_set in SETS.items():
        folder = root / problem_set.hub
        folder.mkdir(parents=True)
        source = raw / name / problem_set.file
        suffix = ".parquet" if source.suffix == ".parquet" else ".jsonl"
        shutil.copy(source, folder / f"{problem_set.hub_split}{suffix}")
    return root


def test_all_sets_through_the_hub_give_the_same_rows(mirror, raw, tmp_path):
    local, hub = tmp_path / "local", tmp_path / "hub"
    names = [name for name in BENCHMARKS]
    assert prepare.main(["--raw", str(raw), "--out", str(local), "--sets", *names]) == 0
    assert prepare.main(["--hub", "--mirror", str(mirror), "--out", str(hub), "--sets", *names]) == 0
    entries = json.loads((hub / "manifest.json").read_text())
    for name in names:
        assert pq.read_table(hub / f"{name}.parquet").equals(pq.read_table(local / f"{name}.parquet")), name
        assert entries[name]["input"]["hub"] == SETS[name].hub
        assert len(entries[name]["input"]["sha256_of_rows"]) == 64


def test_dapo_through_the_hub(mirror, is_whole, tmp_path):
    arguments = ["--mirror", str(mirror), "--out", str(tmp_path), "--sets", "dapo_math_17k", "--limit", "10"]
    assert prepare.main(arguments) == 0
    entry = json.loads((tmp_path / "manifest.json").read_text())["dapo_math_17k"]
    assert entry["counts"]["distinct"] == (14116 if is_whole else 14) and entry["rows"] == 10
    assert entry["contamination"]["amc2023"]["problems"] >= (22 if is_whole else 2)


def test_columns_as_the_hub_names_them(tmp_path):
    """math-ai/minervamath has question and answer instead of problem and solution."""
    folder = tmp_path / SETS["minerva_math"].hub
    folder.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist([{"question": "How far?", "answer": "4.5e33"}]), folder / "test.parquet")
    (row,) = open_hub(SETS["minerva_math"], mirror=tmp_path).rows
    assert SETS["minerva_math"].parse(row, 0).answer == "4.5e33"


def test_a_missing_snapshot_and_a_missing_column_are_said(tmp_path):
    with pytest.raises(DataError, match="no snapshot at .*HuggingFaceH4/aime_2024"):
        open_hub(SETS["aime2024"], mirror=tmp_path)
    folder = tmp_path / SETS["aime2024"].hub
    folder.mkdir(parents=True)
    (folder / "train.jsonl").write_text('{"question_text": "?"}\n', encoding="utf-8")
    with pytest.raises(DataError, match="lacks a column"):
        list(open_hub(SETS["aime2024"], mirror=tmp_path).rows)


@pytest.mark.parametrize("content", [b"PAR1" + b"x" * 1000 + b"PAR1", b""])
def test_a_damaged_snapshot(tmp_path, content):
    folder = tmp_path / SETS["aime2024"].hub
    folder.mkdir(parents=True)
    (folder / "train.parquet").write_bytes(content)
    with pytest.raises(DataError, match="aime_2024 (cannot be loaded|breaks off at row 0)"):
        list(open_hub(SETS["aime2024"], mirror=tmp_path).rows)


@pytest.fixture
def hub():
    """A server in the hub's place, with the sample."""
    server = Hub(SAMPLE)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def from_hub(tmp_path):
    """(endpoint, arguments) -> the finished command, without ``--raw``, that takes ``endpoint`` for the hub."""

    def start(endpoint, *arguments, **variables):
        offline = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE")
        environment = {name: value for name, value in os.environ.items() if name not in offline}
        environment |= {"HF_ENDPOINT": endpoint, "HF_HOME": str(tmp_path / "cache"), "no_proxy": "127.0.0.1"}
        command = [sys.executable, "-m", "data_prep.prepare", "--out", str(tmp_path / "out"), *arguments]
        return subprocess.run(command, env=environment | variables, cwd=ROOT, capture_output=True, text=True)

    return start


@pytest.mark.slow
def test_without_arguments_all_sets_come_from_the_hub_at_their_pinned_commits(hub, from_hub, tmp_path):
    ended = from_hub(hub.endpoint, "--drop-contaminated")
    assert ended.returncode == 0, ended.stderr
    assert prepare.main(["--raw", str(SAMPLE), "--out", str(tmp_path / "local"), "--drop-contaminated"]) == 0
    entries = json.loads((tmp_path / "out" / "manifest.json").read_text())
    for name, problem_set in SETS.items():
        hub_rows, local_rows = (pq.read_table(tmp_path / f / f"{name}.parquet") for f in ("out", "local"))
        assert hub_rows.equals(local_rows), name
        assert entries[name]["input"]["revision"] == problem_set.revision
    of_sets = [path for path in hub.asked if path.partition("datasets/")[2]]
    assert of_sets and all(any(s.hub in p and s.revision in p for s in SETS.values()) for p in of_sets)
    assert "HTTP Request" not in ended.stderr


def test_another_commit_can_be_asked_for(hub, from_hub):
    ended = from_hub(hub.endpoint, "--sets", "aime2024", "--revision", f"aime2024={'1' * 40}")
    assert ended.returncode == 1 and "Traceback" not in ended.stderr
    assert f"aime2024: HuggingFaceH4/aime_2024 cannot be loaded (Revision '{'1' * 40}'" in ended.stderr


def test_files_and_the_hub_are_not_both_read(capsys):
    with pytest.raises(SystemExit):
        prepare.main(["--raw", str(SAMPLE), "--hub"])
    assert "give one of them" in capsys.readouterr().err


def test_without_a_network_the_error_says_so(from_hub):
    ended = from_hub("http://127.0.0.1:9", "--sets", "aime2024", HF_HUB_OFFLINE="1")
    assert ended.returncode == 1 and "Traceback" not in ended.stderr
    assert "is there a network? Files at hand are read with --raw or --input" in ended.stderr


def test_revisions_are_commits():
    for problem_set in SETS.values():
        revision = problem_set.revision
        assert len(revision) == 40 and set(revision) <= set("0123456789abcdef")

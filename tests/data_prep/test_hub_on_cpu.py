# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""The hub's loading code on local snapshots: the same ``datasets.load_dataset``, without the network."""

import json
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_prep import prepare
from data_prep.problem import DataError
from data_prep.registry import BENCHMARKS, SETS
from data_prep.source import open_hub


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


def test_without_a_network_the_error_says_so(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    import datasets
    import huggingface_hub.constants

    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(DataError, match="is there a network"):
        open_hub(SETS["aime2024"])


def test_revisions_are_commits():
    for problem_set in SETS.values():
        revision = problem_set.revision
        assert len(revision) == 40 and set(revision) <= set("0123456789abcdef")

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Broken input stops with a sentence that names file, row and cure; nothing half-written is left."""

import json
import logging
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_prep import prepare
from data_prep.registry import SETS
from v05_verl.prompt_text import TEMPLATES

GOOD = {"problem": "What is 1+1?", "answer": "2"}


@pytest.fixture
def run(tmp_path, caplog):
    """(set, file name, bytes) -> (exit status, what was said)."""

    def start(name, file_name, content):
        folder = tmp_path / "raw" / name
        folder.mkdir(parents=True)
        (folder / file_name).write_bytes(content)
        caplog.clear()
        with caplog.at_level(logging.ERROR):
            status = prepare.main(["--raw", str(tmp_path / "raw"), "--out", str(tmp_path / "out"), "--sets", name])
        assert not list((tmp_path / "out").glob("*")) if status else True
        return status, caplog.text

    return start


def lines(*rows):
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (lines(GOOD, {"problem": "And 2+2?"}), r"line 2, lacks a column \(one of answer"),
        (lines({"question_text": "?", "answer": "1"}), r"line 1, lacks a column \(one of problem"),
        (
            lines(GOOD, {"problem": "And 2+2?", "answer": None}),
            "aime2024, aime2024/test.jsonl, row 1: the answer is None",
        ),
        (lines({"problem": " \n", "answer": "2"}), "row 0: the problem is "),
        (lines({"problem": "?", "answer": ""}), "row 0: the answer is ''"),
        (lines({"problem": "?", "answer": ["1", "2"]}), "expected one answer, found 2"),
        (lines({"problem": "?", "answer": float("nan")}), "the answer is nan"),
        (lines({"problem": "a\x00b", "answer": "1"}), "NUL byte"),
        (lines(GOOD)[:-20], "line 1: not JSON .* truncated"),
        (b"[1, 2]\n", "expected an object with named columns"),
        (lines(GOOD).replace(b"What", b"\xe9\xe8"), "line 1: not UTF-8"),
        ("problem".encode("utf-16"), "NUL byte.*UTF-16|not UTF-8"),
        (b"", "the input holds no rows"),
    ],
)
def test_json_lines(run, content, said):
    import re

    status, text = run("aime2024", "test.jsonl", content)
    assert status == 1 and re.search(said, text), text


def parquet(rows, path):
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path.read_bytes()


def test_a_truncated_parquet_file(run, tmp_path):
    content = parquet([GOOD] * 1000, tmp_path / "x.parquet")
    status, text = run("aime2024", "test.parquet", content[: len(content) // 2])
    assert status == 1 and "not a readable parquet file" in text and "truncated" in text


def test_a_parquet_file_with_damaged_pages(run, tmp_path):
    rows = [{"problem": f"What is {i} + {i * i}?", "answer": str(i)} for i in range(5000)]
    content = bytearray(parquet(rows, tmp_path / "x.parquet"))
    content[200:40_000] = b"\xff" * 39_800
    status, text = run("aime2024", "test.parquet", bytes(content))
    assert status == 1 and "breaks off while it is read" in text


def test_a_parquet_file_without_a_column(run, tmp_path):
    status, text = run("aime2024", "test.parquet", parquet([{"problem": "?"}], tmp_path / "x.parquet"))
    assert status == 1 and "lacks a column (one of answer" in text and "it has problem" in text


def dapo_row(**changes):
    row = {"prompt": [{"role": "user", "content": "What is 1+1?"}], "reward_model": {"ground_truth": "2"}}
    return {**row, **changes}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"prompt": 7}, "the problem is 7"),
        ({"prompt": ["What is 1+1?"]}, "a list of something else than messages"),
        ({"prompt": []}, "expected one user message in prompt, found 0"),
        ({"prompt": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]}, "found 2"),
        ({"reward_model": None}, "the answer is None"),
        ({"reward_model": {"ground_truth": " "}}, "the answer is ' '"),
        ({"prompt": [{"role": "user", "content": None}]}, "the problem is None"),
    ],
)
def test_training_rows(run, changes, said):
    status, text = run("dapo_math_17k", "train.jsonl", lines(dapo_row(**changes)))
    assert status == 1 and said in text, text


def test_a_solution_with_two_boxes_or_an_open_one(run):
    two = {"problem": "?", "solution": r"\boxed{1} or \boxed{2}"}
    status, text = run("minerva_math", "test.jsonl", lines(two))
    assert status == 1 and r"expected one \boxed{} in the solution, found 2 ('1', '2')" in text


def test_an_open_box(run):
    status, text = run("minerva_math", "test.jsonl", lines({"problem": "?", "solution": r"\boxed{1"}))
    assert status == 1 and "is not closed" in text


def test_a_tolerance_that_is_no_number(run):
    row = {"question": "?", "final_answer": ["1"], "error": "small"}
    status, text = run("olympiadbench", "test.jsonl", lines(row))
    assert status == 1 and "error is 'small', expected a number" in text


def test_a_missing_file_names_what_to_do(tmp_path, caplog):
    assert prepare.main(["--raw", str(tmp_path), "--out", str(tmp_path / "out"), "--sets", "math500"]) == 1
    assert "correct --raw" in caplog.text and "--input math500=FILE" in caplog.text and "the hub" in caplog.text


def test_two_files_are_not_chosen_between(tmp_path, caplog):
    (tmp_path / "math500").mkdir()
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / "math500" / name).write_bytes(lines(GOOD))
    assert prepare.main(["--raw", str(tmp_path), "--out", str(tmp_path / "out"), "--sets", "math500"]) == 1
    assert "it holds a.jsonl, b.jsonl" in caplog.text


@pytest.mark.parametrize("suffix", ["jsonl", "json", "parquet"])
def test_other_files_and_column_names_of_mirrors(tmp_path, suffix):
    folder = tmp_path / "raw" / "aime2025"
    folder.mkdir(parents=True)
    rows = [{"question": " What is 1+1? ", "answer": 2, "id": 7}]
    file = folder / f"mirror.{suffix}"
    if suffix == "parquet":
        parquet(rows, file)
    else:
        file.write_bytes(json.dumps(rows).encode() if suffix == "json" else lines(*rows))
    assert prepare.main(["--raw", str(tmp_path / "raw"), "--out", str(tmp_path), "--sets", "aime2025"]) == 0
    (row,) = pq.read_table(tmp_path / "aime2025.parquet").to_pylist()
    assert (row["extra_info"]["problem"], row["reward_model"]["ground_truth"], row["extra_info"]["id"]) == (
        "What is 1+1?",
        "2",
        "7",
    )


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "What is 1+1?", "solution": "2"},
        {"prompt": "What is 1+1?", "reward_model": {"ground_truth": "2"}},
        dapo_row(prompt=[{"role": "system", "content": "Help."}, {"role": "user", "content": "What is 1+1?"}]),
        dapo_row(prompt=[{"role": "user", "content": TEMPLATES["dapo"].apply("What is 1+1?")}]),
    ],
)
def test_schemas_of_dapos_mirrors(row):
    problem = SETS["dapo_math_17k"].parse(row, 3)
    assert (problem.text, problem.answer, problem.id, problem.row) == ("What is 1+1?", "2", "3", 3)


def test_a_benchmark_in_verls_schema():
    row = {**dapo_row(), "extra_info": {"index": 9}}
    problem = SETS["aime2024"].parse(row, 0)
    assert (problem.text, problem.answer, problem.id) == ("What is 1+1?", "2", "9")


def test_contamination_without_benchmarks_is_refused_or_said(tmp_path, caplog):
    folder = tmp_path / "raw" / "dapo_math_17k"
    folder.mkdir(parents=True)
    (folder / "train.jsonl").write_bytes(lines(dapo_row()))
    arguments = ["--raw", str(tmp_path / "raw"), "--out", str(tmp_path), "--sets", "dapo_math_17k"]
    assert prepare.main([*arguments, "--drop-contaminated"]) == 1
    assert "--drop-contaminated needs every benchmark" in caplog.text
    assert prepare.main(arguments) == 0
    entry = json.loads((tmp_path / "manifest.json").read_text())["dapo_math_17k"]
    assert set(entry["contamination"].values()) == {"not checked"}


def test_every_set_is_registered_under_its_name():
    papers = ["aime2024", "aime2025", "amc2023", "math500", "minerva_math", "olympiadbench", "dapo_math_17k"]
    assert [name for name in SETS if name in papers] == papers
    assert all(problem_set.name == name for name, problem_set in SETS.items())


def test_preparing_data_imports_nothing_of_training():
    code = "import sys, data_prep.prepare, data_prep.value_context; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"verl", "torch", "ray"} & set(loaded)
    ours = {name.split(".")[1] for name in loaded if name.startswith("v05_verl.")}
    assert ours == {"grading", "json_lines", "pins", "prompt_text", "rollout_dumps", "schema"}

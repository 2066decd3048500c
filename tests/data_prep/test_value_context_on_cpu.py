# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import json

import pyarrow.parquet as pq
import pytest
from verl.trainer.ppo.v1.trainer_base import PPOTrainer

from data_prep import prepare, value_context
from data_prep.value_context import is_query
from v05_verl.prompt_text import DAPO

PROBLEMS = ["What is 1+1?", "Again: What is 1+1?", "Solve $x^2=4$ for the positive $x$.", "Name a prime above 90."]


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "raw" / "dapo_math_17k"
    folder.mkdir(parents=True)
    rows = [
        {"prompt": [{"role": "user", "content": text}], "reward_model": {"ground_truth": str(i)}}
        for i, text in enumerate(PROBLEMS)
    ]
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    arguments = ["--raw", str(tmp_path / "raw"), "--out", str(tmp_path), "--sets", "dapo_math_17k", "--no-dedup"]
    assert prepare.main(arguments) == 0
    return tmp_path / "dapo_math_17k.parquet"


def dump(folder, step, rollouts):
    """A dump as verl itself writes it."""
    prompts = [DAPO.apply(PROBLEMS[problem]) for problem, _ in rollouts]
    inputs = [f"system\nYou help.\nuser\n{prompt}\nassistant\n" for prompt in prompts]
    scores = [score for _, score in rollouts]
    uids = {"uid": [f"u{problem}_{i}_0" for i, (problem, _) in enumerate(rollouts)]}
    outputs, golds = ["x"] * len(scores), ["1"] * len(scores)
    PPOTrainer._write_generations(inputs, outputs, golds, scores, uids, str(folder), step)


def convert(data, folder, out, *more):
    arguments = ["--dumps", str(folder), "--data", str(data), "--model", "Qwen3-4B", "--out", str(out), *more]
    return value_context.main(arguments)


def read(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_dumps_of_verl_become_v0s_files(data, tmp_path):
    dump(tmp_path / "dumps", 1, [(0, 1.0), (0, -1.0), (1, 1.0), (0, 1.0), (0, 1.0)])
    dump(tmp_path / "dumps", 12, [(2, -1.0), (3, -1.0), (0, 1.0)])
    assert convert(data, tmp_path / "dumps", tmp_path / "v0") == 0
    rows = read(tmp_path / "v0" / "context.jsonl") + read(tmp_path / "v0" / "train.jsonl")
    scores = {(row["step"], row["id"]): row["score"] for row in rows}
    assert scores == {(1, 0): 0.5, (1, 1): 1.0, (12, 0): 1.0, (12, 2): -1.0, (12, 3): -1.0}
    assert list(rows[0]) == ["id", "score", "type", "model", "step", "dataset"]
    assert {(row["model"], row["dataset"]) for row in rows} == {("Qwen3-4B", "dapomath")}
    assert {row["type"] for row in rows} <= {"context", "train_query"}
    texts = json.loads((tmp_path / "v0" / "prompt_dict.json").read_text())
    assert texts == {f"dapomath_{i}": PROBLEMS[i] for i in range(4)}


def test_the_files_look_like_v0s_release(data, tmp_path, raw):
    dump(tmp_path / "dumps", 1, [(0, 1.0), (1, -1.0)])
    assert convert(data, tmp_path / "dumps", tmp_path / "v0", "--query-share", "0") == 0
    released = read(raw.parent / "v0" / "context.jsonl")[0]
    ours = read(tmp_path / "v0" / "context.jsonl")[0]
    assert {key: type(value) for key, value in ours.items()} == {key: type(value) for key, value in released.items()}
    assert list(ours) == list(released) and ours["type"] == released["type"]


def test_rewards_of_another_range_are_mapped(data, tmp_path):
    dump(tmp_path / "dumps", 1, [(0, 1.0), (0, 0.0), (0, 0.0), (0, 0.0)])
    assert convert(data, tmp_path / "dumps", tmp_path / "v0", "--reward-range", "0", "1", "--query-share", "1") == 0
    assert [row["score"] for row in read(tmp_path / "v0" / "train.jsonl")] == [-0.5]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"input": "x", "score": 1.0', "line 1: not JSON"),
        ('{"input": "x", "score": 1.0}', "line 1: not a rollout of verl: step is missing"),
        ('{"input": "x", "score": -1.3, "step": 1}', "-1.3 lies outside the reward range [-1, 1]"),
        ('{"input": "x", "score": 1.0, "step": 1}', "no prompt of"),
    ],
)
def test_broken_dumps(data, tmp_path, caplog, line, said):
    folder = tmp_path / "dumps"
    folder.mkdir()
    (folder / "1.jsonl").write_text(line + "\n", encoding="utf-8")
    assert convert(data, folder, tmp_path / "v0") == 1
    assert said in caplog.text


def test_no_dumps(data, tmp_path, caplog):
    (tmp_path / "dumps").mkdir()
    assert convert(data, tmp_path / "dumps", tmp_path / "v0") == 1
    assert "trainer.rollout_data_dir" in caplog.text


def test_a_data_file_without_ids(data, tmp_path, caplog):
    dump(tmp_path / "dumps", 1, [(0, 1.0)])
    pq.write_table(pq.read_table(data).drop_columns("extra_info"), tmp_path / "bare.parquet")
    assert convert(tmp_path / "bare.parquet", tmp_path / "dumps", tmp_path / "v0") == 1
    assert "no whole number in extra_info.index" in caplog.text


def test_the_share_of_queries():
    chosen = sum(is_query(identity, 0.25) for identity in range(4000))
    assert 900 < chosen < 1100
    assert not any(is_query(identity, 0.0) for identity in range(100))
    assert all(is_query(identity, 1.0) for identity in range(100))

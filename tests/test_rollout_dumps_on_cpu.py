# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from verl.trainer.ppo.v1.trainer_base import PPOTrainer

from v05_verl.json_lines import DataError, json_objects
from v05_verl.prompt_text import BOXED, DAPO
from v05_verl.rollout_dumps import PromptIndex, Rollout, dump_files, read_rollouts, read_rows, success_rates

PROBLEMS = ["What is 1+1?", "Again: What is 1+1?", "Solve $x^2=4$ for the positive $x$.", "Name a prime above 90."]


def row(problem, template=None, **extra):
    content = template.apply(problem) if template else problem
    return {"prompt": [{"role": "user", "content": content}], "extra_info": {"problem": problem, **extra}}


def rollout(prompt, score, step=1):
    return Rollout(where="d/1.jsonl, line 1", input=prompt, score=score, step=step)


def test_a_dump_as_verl_writes_it(tmp_path):
    uids = {"uid": ["a_0_0", "a_1_0", "pad_0_0"]}
    PPOTrainer._write_generations(
        ["q"] * 3, ["x", "y", "z"], ["7", None, "7"], [1.0, -1.0, 0.0], uids, str(tmp_path), 10
    )
    PPOTrainer._write_generations(["q"], ["w"], [["7", "8"]], [1.0], {"acc": [None]}, str(tmp_path), 9)
    (tmp_path / "notes.jsonl").write_text("no dump\n")
    assert [path.name for path in dump_files(tmp_path)] == ["9.jsonl", "10.jsonl"]
    read = list(read_rollouts(tmp_path))
    assert [(r.step, r.output, r.score, r.uid) for r in read] == [
        (9, "w", 1.0, ""),
        (10, "x", 1.0, "a_0_0"),
        (10, "y", -1.0, "a_1_0"),
    ]
    assert [r.gts for r in read] == [["7", "8"], "7", None]
    assert read[1].where == f"{tmp_path / '10.jsonl'}, line 1"
    assert list(read_rollouts(tmp_path / "10.jsonl")) == read[1:]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b'{"input": "x", "score": 1.0', "line 2: not JSON"),
        (b'{"input": "x", "score": 1.0}', "line 2: not a rollout of verl: step is missing"),
        (
            b'{"input": "x", "score": "1", "step": 1}',
            "not a rollout of verl: score = '1': input should be",
        ),
        (b'{"input": "x", "score": true, "step": 1}', "not a rollout of verl: score = True"),
        (
            b'{"input": "x", "score": NaN, "step": 1}',
            "line 2: not a rollout of verl: score = nan: input",
        ),
        (b'{"input": "x", "score": 1, "step": -1}', "not a rollout of verl: step ="),
        (b'{"input": "x", "score": 1, "step": 1e300}', "not a rollout of verl: step ="),
        (b'{"input": ["x"], "score": 1, "step": 1}', r"not a rollout of verl: input = \['x'\]"),
        (b"[1]", "line 2: expected an object with named columns, found .1."),
        (b"\xff{}", "line 2: not UTF-8"),
        (b"[" * 100_000, "line 2: not JSON"),
        (b'{"step": ' + b"9" * 5000 + b"}", "line 2: not JSON"),
    ],
)
def test_lines_that_are_no_rollouts(tmp_path, line, said):
    file = tmp_path / "1.jsonl"
    file.write_bytes(b'{"input": "x", "score": 1, "step": 1}\n' + line + b"\n")
    with pytest.raises(DataError, match=said):
        list(read_rollouts(file))


def test_no_dumps_and_no_file(tmp_path):
    with pytest.raises(DataError, match="trainer.rollout_data_dir"):
        list(read_rollouts(tmp_path))
    with pytest.raises(DataError, match="1.jsonl cannot be opened .No such file"):
        list(read_rollouts(tmp_path / "1.jsonl"))


def test_one_array_or_one_object_per_line(tmp_path):
    rows = [{"a": 1}, {"a": "é"}]
    (tmp_path / "array.json").write_text(json.dumps(rows, indent=1), encoding="utf-8-sig")
    (tmp_path / "lines.jsonl").write_text("\n\n".join(map(json.dumps, rows)) + "\n")
    for name in ("array.json", "lines.jsonl"):
        assert [found for _, found in json_objects(tmp_path / name)] == rows
    assert [where[-6:] for where, _ in json_objects(tmp_path / "lines.jsonl")] == ["line 1", "line 3"]
    assert [where[-9:] for where, _ in json_objects(tmp_path / "array.json")] == ["element 1", "element 2"]


def test_success_rates_by_hand():
    rollouts = [rollout("a", 1.0), rollout("b", -1.0), rollout("a", -0.5), rollout("?", 1.0), rollout("a", 1.0, step=2)]
    rates, unknown = success_rates(rollouts, (-1, 1), lambda text: None if text == "?" else text)
    assert rates == {(1, "a"): (0.625, 2), (1, "b"): (0.0, 1), (2, "a"): (1.0, 1)} and unknown == 1


def test_rewards_are_compared_as_verl_stores_them():
    """The float32 next to .1 is larger than .1."""
    rates, _ = success_rates([rollout("a", 0.10000000149011612), rollout("b", 0.0)], (0.0, 0.1), str)
    assert rates == {(1, "a"): (1.0, 1), (1, "b"): (0.0, 1)}
    with pytest.raises(DataError, match="d/1.jsonl, line 1: a score of 0.101 lies outside the reward range .0, 0.1."):
        success_rates([rollout("a", 0.101)], (0.0, 0.1), str)
    with pytest.raises(DataError, match="needs LO < HI"):
        success_rates([], (1.0, 1.0), str)


@pytest.mark.parametrize("template", [None, BOXED, DAPO])
@pytest.mark.parametrize("frame", ["{}", "user\n{}\nassistant\n", "Human ({0}): {0}!"])
def test_a_prompt_is_found_among_chat_markers_and_the_longest_wins(template, frame):
    rows = [row(problem, template) for problem in PROBLEMS]
    for order in (range(4), [3, 1, 0, 2], [0, 1, 0, 1]):
        index = PromptIndex(rows)
        for number in order:
            decoded = frame.format(rows[number]["prompt"][0]["content"])
            assert (index.find(decoded), index.text(decoded)) == (number, PROBLEMS[number])


def test_prompts_of_other_files_are_unknown():
    index = PromptIndex([row(problem, BOXED) for problem in PROBLEMS])
    for _ in range(2):
        assert index.find("user\nWhat is 1+1?\nassistant\n") is None and index.text("user\n\nassistant\n") is None


def test_a_system_message_per_row_and_copies():
    rows = [row(problem) for problem in [*PROBLEMS, PROBLEMS[3]]]
    index = PromptIndex(rows)
    for i in range(60):
        assert index.find(f"system\nHelp {i}.\nuser\n{PROBLEMS[i % 4]}\nassistant\n") == i % 4


def test_rows_of_a_data_file(tmp_path):
    rows = [row(problem, DAPO) for problem in PROBLEMS]
    pq.write_table(pa.Table.from_pylist([r | {"other": 1} for r in rows]), tmp_path / "a.parquet")
    assert read_rows(tmp_path / "a.parquet") == rows
    pq.write_table(pa.table({"prompt": ["What?"]}), tmp_path / "b.parquet")
    assert PromptIndex(read_rows(tmp_path / "b.parquet")).texts == ["What?"]
    pq.write_table(pa.table({"text": ["What?"]}), tmp_path / "c.parquet")
    with pytest.raises(DataError, match="c.parquet lacks a column prompt; it has text"):
        read_rows(tmp_path / "c.parquet")
    (tmp_path / "d.parquet").write_bytes(b"PAR1 no parquet PAR1")
    for name in ("d.parquet", "e.parquet"):
        with pytest.raises(DataError, match=f"{name} is not a readable parquet file"):
            read_rows(tmp_path / name)

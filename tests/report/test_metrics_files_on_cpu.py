# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import json
import math

import pytest

from v05_verl.report.metrics_files import join, read_launch


def write(path, records, cut=0):
    text = "".join(json.dumps({"step": step, "data": data}) + "\n" for step, data in records)
    path.write_text(text[: len(text) - cut])
    return path


def validation(value):
    return {"val-core/set/acc/mean@1": value}


def training(step, **more):
    return {"training/global_step": step, "actor/grad_norm": 1.0, **more}


@pytest.fixture
def launches(tmp_path):
    """Builds logs from lists of (step, data)."""

    def build(*parts):
        return [read_launch(write(tmp_path / f"{index}.jsonl", part)) for index, part in enumerate(parts)]

    return build


def test_one_launch(launches):
    history = join(launches([(0, validation(0.5)), (1, training(1)), (2, training(2) | validation(0.6))]))
    assert list(history.records) == [0, 1, 2]
    assert history.records[2]["val-core/set/acc/mean@1"] == 0.6
    assert history.launch == {1: 0, 2: 0}
    assert history.notes == []


def test_a_resumed_launch_replaces_what_came_after_its_checkpoint(launches):
    first = [(0, validation(0.5)), *((step, training(step, loss=1.0)) for step in (1, 2, 3, 4))]
    # Resumed from step 2: verl validates it again, then trains step 3.
    second = [(2, validation(0.55)), (3, training(3, loss=2.0))]
    history = join(launches(first, second))
    assert list(history.records) == [0, 1, 2, 3]
    assert history.records[3]["loss"] == 2.0
    # Step 2 keeps the metrics of its training beside the validation after the restart.
    assert history.records[2] == training(2, loss=1.0) | validation(0.55)
    assert history.launch == {1: 0, 2: 0, 3: 1}
    assert history.notes == [
        "launch 2 went on from step 2: 2 steps between 3 and 4 of the launch before it were lost and are not counted"
    ]


def test_a_resumed_launch_without_validation_before_training(launches):
    history = join(launches([(1, training(1)), (2, training(2))], [(2, training(2, loss=2.0)), (3, training(3))]))
    assert list(history.records) == [1, 2, 3]
    assert history.records[2]["loss"] == 2.0
    assert history.launch == {1: 0, 2: 1, 3: 1}


def test_a_launch_from_the_start_replaces_everything(launches):
    history = join(launches([(0, validation(0.5)), (1, training(1))], [(0, validation(0.4))]))
    assert history.records == {0: validation(0.4)}


def test_a_cut_off_last_line_is_left_out_and_named(tmp_path):
    log = read_launch(write(tmp_path / "1.jsonl", [(0, validation(0.5)), (1, training(1))], cut=9))
    assert list(log.records) == [0]
    assert len(log.notes) == 1 and "1.jsonl, line 2 (the last), is cut off" in log.notes[0]


def test_a_file_cut_off_within_a_character_is_read_up_to_there(tmp_path):
    path = write(tmp_path / "1.jsonl", [(0, validation(0.5))])
    path.write_bytes(path.read_bytes() + '{"step": 1, "data": {"é'.encode()[:-1])
    assert list(read_launch(path).records) == [0]


def test_the_training_of_a_cut_off_step_is_named_as_missing(tmp_path):
    first = read_launch(write(tmp_path / "1.jsonl", [(0, validation(0.5)), (1, training(1)), (2, training(2))], cut=9))
    second = read_launch(write(tmp_path / "2.jsonl", [(2, validation(0.6)), (3, training(3))]))
    history = join([first, second])
    assert list(history.records) == [0, 1, 2, 3]
    assert history.notes[-1] == "no training metrics of step 2"


def test_records_that_stand_for_several_steps_leave_no_gap(launches):
    whole = [(0, validation(0.5)), *((step, training(step, **{"lab/steps": 5})) for step in (5, 10, 15))]
    assert join(launches(whole)).notes == []
    assert join(launches([*whole[:2], whole[3]])).notes == ["no training metrics of 5 steps between 6 and 10"]


def test_an_empty_file_is_named(tmp_path):
    (tmp_path / "1.jsonl").touch()
    log = read_launch(tmp_path / "1.jsonl")
    assert log.records == {} and "is empty" in log.notes[0]


@pytest.mark.parametrize("line", ["{", "[]", '{"step": "one", "data": {}}', '{"step": 1}', ""])
def test_damage_before_the_last_line_is_an_error_that_names_the_line(tmp_path, line):
    path = write(tmp_path / "1.jsonl", [(0, validation(0.5))])
    path.write_text(path.read_text() + line + "\n" + json.dumps({"step": 2, "data": {}}) + "\n")
    with pytest.raises(ValueError, match=r"1\.jsonl, line 2, is not a record"):
        read_launch(path)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"val-core/set/acc/mean@1": 3.7}, "'val-core/set/acc/mean@1' = 3.7 is not from 0 to 1"),
        ({"val-core/set/acc/mean@1": -1}, "= -1 is not from 0 to 1"),
        ({"val-core/set/acc/mean@1": float("nan")}, "= nan is not from 0 to 1"),
        ({"val-core/set/acc/mean@1": None}, "= None is not from 0 to 1"),
        ({"v05/spent/rollouts": -5}, "= -5 is not from 0 to inf"),
        ({"lab/steps": 3}, "'lab/steps' = 3 is not from 1 to 2"),
        ({"actor/lr": "\x1b[31m"}, r"'actor/lr' = '\\x1b\[31m' is not a number"),
    ],
)
def test_a_metric_that_cannot_be_is_an_error_that_names_the_line(tmp_path, data, said):
    path = write(tmp_path / "1.jsonl", [(1, training(1)), (2, data)])
    with pytest.raises(ValueError, match=f"1.jsonl, line 2: .*{said}"):
        read_launch(path)


def test_a_diverged_run_is_read_with_what_is_known(tmp_path):
    data = {"actor/grad_norm": float("inf"), "actor/entropy": None, "actor/lr": 1e-6}
    record = read_launch(write(tmp_path / "1.jsonl", [(1, data)])).records[1]
    assert math.isnan(record["actor/grad_norm"]) and math.isnan(record["actor/entropy"]) and record["actor/lr"] == 1e-6


def test_a_far_step_takes_no_memory(launches):
    history = join(launches([(0, validation(0.5)), (1, training(1)), (10**8, training(10**8))]))
    assert history.notes == ["no training metrics of 99999998 steps between 2 and 99999999"]

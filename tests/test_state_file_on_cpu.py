# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Files of plain data: what goes in comes out, a damaged file is a sentence, and a kill in the middle harms nothing."""

import json
import multiprocessing
import os
import pickle
import random
import signal
import time

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save as serialized

from v05_verl import state_file

from .mutations import same

TREE = {
    "kind": "all that may be in a state",
    "numbers": [1, -2.5, float("nan"), float("inf"), 10**30, True, None, np.float64(0.1), np.int64(3)],
    "texts": ["", "求 2 的平方", "\ud800", "numpy", '"\\'],
    "nested": {"": {}, "a.b": [{"ids": np.array([2**64 - 1, 7], np.uint64)}, []]},
    "shapes": [np.array(0.5), np.zeros((0, 5)), np.arange(6).reshape(2, 3).T, np.arange(3, dtype=">i4")],
    "types": [np.array([True, False]), np.float16([0.5]), np.int8([-1])],
    "tensors": {"whole": torch.arange(6.0).reshape(2, 3), "half": torch.ones(2, dtype=torch.bfloat16)},
}
TREE["tensors"]["a part of the same storage"] = TREE["tensors"]["whole"][1]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.safetensors"


def test_what_goes_in_comes_out(path):
    state_file.save(path, TREE)
    back = state_file.load(path)
    assert same(
        {name: part for name, part in back.items() if name != "tensors"},
        {name: part for name, part in TREE.items() if name != "tensors"},
    )
    for name, tensor in TREE["tensors"].items():
        assert back["tensors"][name].dtype == tensor.dtype and torch.equal(back["tensors"][name], tensor)
    assert back["shapes"][0].shape == () and back["nested"]["a.b"][0]["ids"].dtype == np.uint64
    assert list(path.parent.iterdir()) == [path]
    with safe_open(path, "numpy") as file:  # other tools can look into it
        assert file.get_tensor(json.dumps(["shapes", 2])).tolist() == [[0, 3], [1, 4], [2, 5]]


@pytest.mark.parametrize(
    ("value", "offender"),
    [
        ((1, 2), "a.1 cannot be saved: it is a tuple"),
        ({1: 2}, "a.1 cannot be saved: it is a dict with keys such as 1"),
        (b"x", "a.1 cannot be saved: it is a bytes"),
        (np.array(["x"]), "a.1 cannot be saved: it is a ndarray of <U1"),
        (np.array([{}]), "a.1 cannot be saved: it is a ndarray of object"),
    ],
)
def test_what_is_no_data_is_refused_and_the_old_file_stays(path, value, offender):
    state_file.save(path, {"a": 1})
    with pytest.raises(ValueError, match=offender):
        state_file.save(path, {"a": [0, value]})
    assert state_file.load(path) == {"a": 1}


def test_every_damaged_file_is_refused_with_its_name(path):
    """Bytes flipped, cut off, moved, doubled and zeroed, over the whole file and over its notes."""
    state_file.save(path, TREE)
    whole, rng = path.read_bytes(), random.Random(0)
    for round in range(600):
        raw, at = bytearray(whole), rng.randrange(len(whole) if round % 2 else 400)
        length = rng.randrange(1, 40)
        way = round % 6
        if way < 2:
            raw[at] ^= 1 << rng.randrange(8)
        elif way == 2:
            del raw[at:]
        elif way == 3:
            del raw[at : at + length]
        elif way == 4:
            raw[at:at] = raw[-length:]
        else:
            raw[at : at + length] = bytes(length)
        if raw != whole:
            path.write_bytes(raw)
            with pytest.raises(ValueError, match=str(path)):
                state_file.load(path)


def test_files_of_others_are_refused(path):
    files = {
        b"": "no state file of v05_verl",
        pickle.dumps({"value_model": {}}): "no state file of v05_verl",
        serialized({"a": torch.ones(2)}): "no state file of v05_verl",
        b"[" * 100_000: "no state file of v05_verl",
        (9).to_bytes(8, "little") + b"[" * 100_000: "no state file of v05_verl",
        serialized({}, {"layout": "9", "v05_verl": "7.0", "sha256": ""}): "by v05_verl 7.0 in layout 9",
        serialized({}, {"layout": "1", "v05_verl": "7.0", "sha256": ""}): "damaged or truncated",
    }
    for raw, sentence in files.items():
        path.write_bytes(raw)
        with pytest.raises(ValueError, match=f"{path}.*{sentence}"):
            state_file.load(path)


def save_for_ever(path, pipe):
    for count in range(10**9):
        state_file.save(path, {"count": count, "values": np.full(200_000, count)})
        pipe.send(count)


def test_a_process_killed_while_it_saves_leaves_the_last_whole_state(path):
    rng, interrupted = random.Random(0), 0
    draft = path.with_name(path.name + ".partial")
    for i in range(20):
        here, there = multiprocessing.Pipe(duplex=False)
        process = multiprocessing.get_context("fork").Process(target=save_for_ever, args=(path, there))
        process.start()
        there.close()
        here.recv()
        time.sleep(rng.uniform(0, 0.1))
        while i % 2 and not draft.exists():  # every second time surely in the middle of a save
            pass
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        saved = [0]
        while here.poll():
            try:
                saved.append(here.recv())
            except EOFError:
                break
        state = state_file.load(path)
        assert state["count"] in (saved[-1], saved[-1] + 1)
        assert np.array_equal(state["values"], np.full(200_000, state["count"]))
        interrupted += draft.exists()
        draft.unlink(missing_ok=True)
    assert interrupted >= 5

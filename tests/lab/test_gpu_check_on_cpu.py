# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import json

from v05_verl.lab.gpu_check import COLUMNS, MEMORY, encoder_row, run_row, table
from v05_verl.report import provenance
from v05_verl.report.runs import load_run


def written(folder, exit_code):
    (folder / "metrics").mkdir(parents=True)
    provenance.begin_launch(folder, "v05", 0, ["python"])
    lines = [
        {
            "step": step,
            "data": {"training/global_step": step, "timing_s/step": 9.0 / step, "timing_s/gen": 1.0, MEMORY: 2},
        }
        for step in (1, 2, 3)
    ]
    (folder / "metrics" / "1.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    if exit_code is not None:
        provenance.end_launch(folder, exit_code)
    return load_run(folder)


def test_a_row_per_run(tmp_path):
    assert run_row(written(tmp_path / "a", 0)) == ["v05", "well", "3", "3.00", "1.00", "2.00"]
    assert run_row(written(tmp_path / "b", 1))[1] == "exit code 1"
    assert run_row(written(tmp_path / "c", None))[1] == "not"
    rows = table([["v05", "well", "3", "3.00", "1.00", "2.00"]]).splitlines()
    assert rows[0].count("|") == len(COLUMNS) + 1 and rows[2] == "| v05 | well | 3 | 3.00 | 1.00 | 2.00 |"


def test_an_encoder_of_random_weights_is_made_and_measured():
    small = {"vocab_size": 300, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "head_dim": 8}
    small |= {"num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 512}
    what, ended, _, seconds, *_ = encoder_row(small, 9, "cpu", "float32")
    assert what.startswith("V0's encoder, 9 prompts, ") and ended == "well" and float(seconds) >= 0

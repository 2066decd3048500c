# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pytest

from v05_verl.value.evaluate.__main__ import main as evaluate
from v05_verl.value.evaluate.bench import main as bench


@pytest.fixture
def data(tmp_path):
    """Long problems are hard; two policies, two steps, 60 problems."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 9, 60)
    texts = {f"d_{i}": f"reverse {'7' * n}{i} =" for i, n in enumerate(lengths)}
    rows = [
        {"id": i, "score": float(np.clip(1 - n / 4, -1, 1)), "model": model, "step": step, "dataset": "d"}
        for model in ("a", "b")
        for step in (1, 4)
        for i, n in enumerate(lengths)
    ]
    (tmp_path / "texts.json").write_text(json.dumps(texts), encoding="utf-8")
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return tmp_path


def run(data, *more):
    fixed = ["--context", data / "rows.jsonl", "--prompts", data / "texts.json", "--draws", 20]
    return evaluate([str(each) for each in (*fixed, *more)])


@pytest.mark.slow
def test_cross_validation_with_gain_repair_json_and_plots(data):
    out = ["--json", data / "out.json", "--plots", data / "plots"]
    result = run(
        data,
        "--model",
        "constant",
        "ridge",
        "gp",
        "--against",
        "constant",
        "--cv",
        3,
        "--seed",
        0,
        1,
        "--recalibrate",
        *out,
    )
    gp = result["models"]["gp"]
    assert gp["overall"]["auc"]["value"] > 0.9 and gp["overall"]["mse"]["value"] < 0.1
    assert set(gp["by_context"]) == {"a/1", "a/4", "b/1", "b/4"} and len(gp["by_seed"]) == 2
    assert gp["gain"]["mse"]["ci95"][1] < 0 and gp["gain"]["against"] == "constant"
    repaired = gp["recalibration"]["logit x .3"]
    assert repaired["after"] < repaired["before"]
    assert json.loads((data / "out.json").read_text(encoding="utf-8"))["seeds"] == [0, 1]
    assert (data / "plots" / "reliability.png").stat().st_size > 1000
    assert (data / "plots" / "auc_by_step.png").stat().st_size > 1000


def test_a_model_that_cannot_be_built_stops_before_any_is_evaluated(data, capsys):
    with pytest.raises(SystemExit, match=r"--model v0: encoder '\S+nowhere' could not be loaded"):
        run(data, "--model", "constant", "v0", "--option", f"v0.encoder={data}/nowhere")
    assert not capsys.readouterr().out


def test_revisits_and_query_files(data):
    again = run(data, "--model", "gp", "tracker", "--revisit")
    assert again["models"]["gp"]["rows"] == 120  # the second step of both policies
    assert again["models"]["tracker"]["overall"]["auc"]["value"] > 0.9
    query = run(
        data, "--model", "v0", "--query", data / "rows.jsonl", "--option", "v0.encoder=surface", "pool=all", "gp.none=1"
    )
    assert query["models"]["v0"]["rows"] == 240


def test_benchmark_prints_a_row_for_each_case(data, capsys):
    rows = bench(["--prompts", str(data / "texts.json"), "--model", "gp", "--context", "64", "--batch", "8", "16"])
    assert [(row["context"], row["batch"]) for row in rows] == [(64, 8), (64, 16)]
    assert all(row["predict_s"] > 0 and row["peak_mib"] > 0 for row in rows)
    assert "| gp | 64 | 16 |" in capsys.readouterr().out


def test_awkward_contexts_keep_priors_inside(data):
    rows = bench(["--prompts", str(data / "texts.json"), "--model", "gp", "--edge"])
    assert len(rows) == 8 and all(0 < row["lowest_p"] <= row["highest_p"] < 1 for row in rows)


@pytest.mark.slow
def test_gp_predicts_real_success_rates(raw, is_whole):
    """The release's query rows from all context rows, where a constant has .54; of the sample its context rows."""
    v0 = raw.parent / "v0"
    query = v0 / ("train.jsonl" if is_whole else "context.jsonl")
    result = evaluate(
        ["--model", "gp", "constant", "--context", str(v0 / "context.jsonl"), "--query", str(query)]
        + ["--prompts", str(v0 / "prompt_dict.json"), "--draws", "2", "--option", "gp.fit_iterations=10"]
    )
    gp, constant = (result["models"][name]["overall"]["mse"]["value"] for name in ("gp", "constant"))
    assert gp < min(constant, 0.54)


def test_benchmark_of_a_long_run_prints_times_and_sizes(data, capsys):
    rows = bench(["--prompts", str(data / "texts.json"), "--model", "tracker", "--known", "64", "--batch", "8"])
    (row,) = rows
    assert (row["model"], row["known"], row["batch"]) == ("tracker", 64, 8)
    assert 0 < row["predict_p50"] <= row["predict_p99"] and 0 < row["observe_p50"] <= row["observe_p99"]
    # 64 prompts of 40 bytes of numbers; what is told is texts and two arrays of 8 numbers
    assert 64 * 40 / 2**20 < row["state_mib"] < 0.01 and 0.1 < row["told_kib"] < 10
    assert "| tracker | 64 | 8 |" in capsys.readouterr().out

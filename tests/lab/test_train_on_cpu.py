# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import copy
import json

import numpy as np
import pytest

from v05_verl.lab.arms import find_arm
from v05_verl.lab.compare import as_markdown, mean_ci, paired, rollouts_to, summarize
from v05_verl.lab.loop import Run, RunSettings
from v05_verl.lab.pairs import as_markdown as pairs_table
from v05_verl.lab.policy_gradient import Optimization
from v05_verl.lab.study import Curve, Job
from v05_verl.lab.tasks import find_task
from v05_verl.lab.tokenizer import build_tokenizer
from v05_verl.lab.train import main
from v05_verl.lab.warm_start import WarmStart, warm_started

TIMES = ("wall_s", "value_s")


@pytest.fixture(scope="module")
def start():
    return warm_started(find_task("sort"), build_tokenizer(), 0, WarmStart(target=0.2))


def records(start, arm, rollouts=400, seed=0, rate=2e-4, task="sort", **changed):
    settings = RunSettings(
        rollouts=rollouts, held_out=64, evaluations=4, optimization=Optimization(learning_rate=rate, **changed)
    )
    run = Run(copy.deepcopy(start), build_tokenizer(), find_task(task), find_arm(arm), seed, settings)
    return [{name: value for name, value in record.items() if name not in TIMES} for record in run.records()]


MECHANISMS = [
    "grpo_n16",
    "rloo_n2",
    "dapo_n16",
    "v05",
    "v05_wave",
    "v05_oracle",
    "v05_tracker",
    "v05_fixed1_robust",
    "v05_fixed2_robust",
    "v05_fixed4_robust_pool2",
    "v05_robust",
    "v05_auto",
]


@pytest.mark.parametrize("arm", MECHANISMS)
def test_every_arm_trains_and_counts_its_rollouts(start, arm):
    first, *_, last = records(start, arm)
    settings = find_arm(arm)
    assert first["step"] == first["rollouts"] == 0
    k_init, is_fixed = settings.method.k_init, settings.k_max is None
    most = settings.prompts * (settings.k_max or k_init)
    assert 400 <= last["rollouts"] < 400 + most
    if arm == "v05_auto":
        assert (
            last["rollouts"] == last["step"] * 128 and last["rollouts_per_prompt"] == 4
        )  # 256 pairs are not yet known
    elif is_fixed and not settings.drop_all_same:
        assert last["rollouts"] == last["step"] * settings.prompts * k_init
        assert last["rollouts_per_prompt"] == k_init
    if settings.drop_all_same:
        assert last["all_same_share"] == 0
    if settings.prior == "oracle":
        assert last["prior_mse"] == 0
    assert all(np.isfinite(value) for value in last.values())


def test_a_run_is_the_same_for_the_same_seed(start):
    assert records(start, "v05_robust") == records(start, "v05_robust")
    assert records(start, "v05_robust") != records(start, "v05_robust", seed=1)


def test_training_raises_held_out_accuracy_with_one_and_with_several_mini_batches():
    start = warm_started(find_task("reverse"), build_tokenizer(), 0, WarmStart(target=0.45))
    for changed in ({}, {"mini_batches": 4}):
        first, *_, last = records(start, "grpo_n4", rollouts=5000, task="reverse", **changed)
        assert last["sampled"] > first["sampled"] + 0.02


def test_a_study_is_resumable_and_pairs_its_seeds(tmp_path, capsys):
    arguments = ["--out", str(tmp_path), "--tasks", "sort", "--arms", "grpo_n16", "rloo_n4", "--seeds", "2"]
    arguments += [
        "--rollouts",
        "512",
        "--learning-rates",
        "1e-4",
        "2e-4",
        "--tuning-seeds",
        "1",
        "--warm-start",
        "0.05",
    ]
    main(arguments)
    printed = capsys.readouterr().out
    assert "4 runs, 0 finished before, 1 warm starts" in printed and "4 runs, 0 finished before, 2 warm" in printed
    folder = tmp_path / "sort" / "rollouts512-prompts4096-mini1-start0.05"
    before = (folder / "summary.json").read_text()
    summary = json.loads(before)
    assert summary["arms"]["rloo_n4"]["seeds"] == [0, 1]
    assert summary["arms"]["rloo_n4"]["over_rloo_n4"]["final_sampled"]["mean"] == 0
    assert summary["tuning"]["seeds"] == [1000]
    for scores in summary["tuning"]["final_sampled"].values():
        assert {"0.0001", "0.0002"} < set(scores)  # of two rates one is the best, and its neighbour is tried too
    assert summary["command"].startswith("python -m v05_verl.lab.train --out") and summary["versions"]["torch"]
    for name in ("curves", "arms"):
        assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert b"<svg" in (folder / f"{name}.svg").read_bytes()[:1000]

    (row,) = pairs_table(folder, ["rloo_n4:grpo_n16"]).splitlines()[2:]
    gain = summary["arms"]["rloo_n4"]["over_grpo_n16"]["final_sampled"]
    assert row.startswith(f"| rloo_n4 | grpo_n16 | {gain['mean']:+.3f} ± {gain['ci95']:.3f} |")
    with pytest.raises(ValueError, match="of grpo_n16, rloo_n4"):
        pairs_table(folder, ["rloo_n4:v05"])

    lost = next((folder / "rloo_n4").glob("*-seed1.jsonl"))
    lost.unlink()
    main(arguments)
    assert "4 runs, 3 finished before, 0 warm starts" in capsys.readouterr().out
    again = json.loads((folder / "summary.json").read_text())
    for arm in summary["arms"].values():
        arm.pop("wall_s")
    for arm in again["arms"].values():
        arm.pop("wall_s")
    assert again == summary


def curve(arm, seed, accuracy, rate=1e-4):
    spent = np.linspace(0, 1000, len(accuracy))
    names = ("rollouts_per_prompt", "baseline_mse", "all_same_share", "gradient_norm")
    rest = {"step": 5, "wall_s": 1.0, "value_s": 0.0, **dict.fromkeys(names, 1.0)}
    rows = [{"rollouts": float(s), "sampled": a, "greedy": a, **rest} for s, a in zip(spent, accuracy, strict=True)]
    return Curve(Job("sort", arm, seed, rate), rows)


def test_rollouts_to_a_target_are_interpolated():
    line = curve("v05", 0, [0.0, 0.2, 0.6, 0.6, 0.6])
    assert rollouts_to(line, 0.4) == pytest.approx(375)
    assert rollouts_to(line, 0.0) == 0
    assert rollouts_to(line, 0.7) is None


def test_intervals_are_students():
    # sd 1, n = 3: t = 4.303, half width 4.303 / sqrt(3) = 2.484.
    assert mean_ci([1, 2, 3]) == {"mean": 2.0, "ci95": pytest.approx(2.484, abs=1e-3), "n": 3}
    assert mean_ci([1])["ci95"] is None


def test_differences_are_paired_by_seed():
    curves = {
        "grpo_n16": {seed: curve("grpo_n16", seed, [0.0, 0.4 + seed, 0.4 + seed, 0.4 + seed]) for seed in (0, 1)},
        "v05": {seed: curve("v05", seed, [0.0, 0.5 + seed, 0.5 + seed, 0.5 + seed]) for seed in (0, 1)},
    }
    row = summarize(curves)["v05"]
    assert row["over_grpo_n16"]["final_sampled"] == {
        "mean": pytest.approx(0.1),
        "ci95": pytest.approx(0, abs=1e-9),
        "n": 2,
    }
    needed = row["rollouts_to_end_of"]["grpo_n16"]
    assert (needed["reached"], needed["seeds"]) == (2, 2)
    # 333.3 * .4 / .5 = 266.7 of 1000, and 333.3 * 1.4 / 1.5 = 311.1.
    assert needed["share_of_its_budget"]["mean"] == pytest.approx((0.2667 + 0.3111) / 2, abs=1e-3)
    # GRPO itself is there after 333.3, a third of its budget.
    assert needed["share_of_its_own"]["mean"] == pytest.approx((0.8 + 0.9333) / 2, abs=1e-3)
    assert as_markdown(summarize(curves)).count("\n") == 3


def test_a_reference_that_ends_below_its_start_leaves_nothing_to_save():
    curves = {
        "grpo_n16": {0: curve("grpo_n16", 0, [0.4, 0.3, 0.3, 0.3])},
        "v05": {0: curve("v05", 0, [0.4, 0.5, 0.5, 0.5])},
    }
    needed = summarize(curves)["v05"]["rollouts_to_end_of"]["grpo_n16"]
    assert needed["share_of_its_budget"]["mean"] == 0 and needed["share_of_its_own"] is None


def test_accuracy_at_equal_steps_is_that_of_the_last_common_step():
    long, short = curve("v05", 0, [0.0, 0.2, 0.4]), curve("rloo_n4", 0, [0.0, 0.1, 0.5])
    for line, steps in ((long, (0, 40, 80)), (short, (0, 10, 20))):
        for record, step in zip(line.records, steps, strict=True):
            record["step"] = step
    # After 20 steps: half of .2 against .5.
    gain = paired({0: long}, {0: short})["sampled_at_equal_steps"]
    assert gain == {"mean": pytest.approx(-0.4), "ci95": None, "n": 1}


def test_a_seed_that_never_reaches_the_target_is_counted_not_averaged():
    curves = {
        "grpo_n16": {seed: curve("grpo_n16", seed, [0.0, 0.5, 0.5, 0.5]) for seed in (0, 1)},
        "v05": {0: curve("v05", 0, [0.0, 0.6, 0.6, 0.6]), 1: curve("v05", 1, [0.0, 0.1, 0.1, 0.1])},
    }
    needed = summarize(curves)["v05"]["rollouts_to_end_of"]["grpo_n16"]
    assert needed == {"reached": 1, "seeds": 2, "share_of_its_budget": None, "share_of_its_own": None}
    assert "1 of 2 reach it" in as_markdown(summarize(curves))


def test_auto_lowers_its_group_size_as_the_prior_learns():
    start = warm_started(find_task("reverse"), build_tokenizer(), 0, WarmStart(target=0.45))
    sizes = [record.get("rollouts_per_prompt") for record in records(start, "v05_auto", 2560, task="reverse")]
    assert sizes[1] == 4 and sizes[-1] < 2


def test_a_prior_can_be_replaced_and_degraded(start):
    def run(**settings):
        settings = RunSettings(rollouts=256, held_out=64, evaluations=1, **settings)
        run = Run(copy.deepcopy(start), build_tokenizer(), find_task("sort"), find_arm("v05_fixed4"), 0, settings)
        return list(run.records())[-1]["prior_mse"]

    assert run(prior="oracle") == 0 < run(prior="oracle", prior_auc=0.9) < run(prior="oracle", prior_auc=0.6)

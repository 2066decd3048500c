# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import copy
import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from v05_verl.lab.arms import find_arm
from v05_verl.lab.loop import Run, RunSettings
from v05_verl.lab.policy_gradient import Optimization
from v05_verl.lab.study import Job
from v05_verl.lab.tasks import find_task
from v05_verl.lab.tiny_lm import Shape, TinyLM
from v05_verl.lab.tokenizer import build_tokenizer
from v05_verl.lab.train import main, parse
from v05_verl.lab.warm_start import WarmStart, warm_started

TIMES = ("timing_s/step", "timing_s/testing", "lab/value_s")


@pytest.fixture(scope="module")
def start():
    return warm_started(find_task("sort"), build_tokenizer(), 0, WarmStart(target=0.2))


def records(start, arm, rollouts=400, seed=0, rate=2e-4, task="sort", **changed):
    settings = RunSettings(
        rollouts=rollouts, held_out=64, evaluations=4, optimization=Optimization(learning_rate=rate, **changed)
    )
    run = Run(copy.deepcopy(start), build_tokenizer(), find_task(task), find_arm(arm), seed, settings)
    return [(step, without_times(metrics)) for step, metrics in run.records()]


def without_times(metrics):
    return {name: value for name, value in metrics.items() if name not in TIMES}


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
    "v05_fixed4_robust_pool4",
    "v05_robust",
    "v05_auto",
]


@pytest.mark.parametrize("arm", MECHANISMS)
def test_every_arm_trains_and_counts_its_rollouts(start, arm):
    *_, (steps, last) = records(start, arm)
    settings = find_arm(arm)
    k_init, is_fixed = settings.method.k_init, settings.k_max is None
    most = settings.prompts * (settings.k_max or k_init)
    spent, per_prompt = last["v05/spent/rollouts"], last["v05/rollouts/per_prompt/mean"]
    assert 400 <= spent < 400 + most
    if arm == "v05_auto":
        assert spent == steps * 128 and per_prompt == 4  # 256 pairs are not yet known
    elif is_fixed and not settings.drop_all_same:
        assert spent == steps * settings.prompts * k_init and per_prompt == k_init
    if settings.drop_all_same:
        assert last["v05/rollouts/uniform_frac"] == 0
    if settings.prior == "oracle":
        assert last["lab/prior/mse"] == 0
    assert all(np.isfinite(value) for value in last.values())


@pytest.mark.parametrize(
    "arm", ["vip_paper", "knapsack_prior", "v05_total", "v05_auto_total", "spo_tracker", "mopps_rloo_n4", "bnpo_n16"]
)
def test_a_budget_with_a_hard_total_spends_exactly_that_in_every_step(start, arm):
    total = 512 if arm == "bnpo_n16" else 128
    for step, data in records(start, arm, rollouts=600)[1:]:
        assert data["v05/rollouts/step"] == total
        assert data["v05/spent/rollouts"] == total * step


def test_a_total_of_the_first_wave_alone_is_fixed_bit_for_bit(start):
    total, fixed = records(start, "v05_total,v05.step_rollouts=64"), records(start, "v05_total,v05.budget=fixed")
    assert total == fixed and total[-1][1]["v05/rollouts/step"] == 64


def test_a_run_is_the_same_for_the_same_seed(start):
    assert records(start, "v05_robust") == records(start, "v05_robust")
    assert records(start, "v05_robust") != records(start, "v05_robust", seed=1)


@pytest.fixture(scope="module")
def reverse_start():
    return warm_started(find_task("reverse"), build_tokenizer(), 0, WarmStart(target=0.45))


@pytest.mark.slow
def test_training_raises_held_out_accuracy_with_one_and_with_several_mini_batches(reverse_start):
    for changed in ({}, {"mini_batches": 4}):
        (_, first), *_, (_, last) = records(reverse_start, "grpo_n4", rollouts=5000, task="reverse", **changed)
        name = "val-core/reverse_sampled/acc/mean@1"
        assert last[name] > first[name] + 0.02


def test_a_last_batch_without_a_mixed_group_trains_nothing_and_counts():
    model = TinyLM(Shape(vocabulary=len(build_tokenizer())))  # which knows no answer
    before = copy.deepcopy(model.state_dict())
    (_, last), *more = records(model, "dapo_n16", mini_batches=2)[1:]
    assert not more and last["training/global_step"] == last["lab/steps"] == 1
    assert last["v05/rollouts/step"] == last["v05/spent/rollouts"] >= 400
    assert "actor/grad_norm" not in last
    run = Run(model, build_tokenizer(), find_task("sort"), find_arm("dapo_n16"), 0, RunSettings(rollouts=400))
    list(run.records())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_record_stands_for_the_steps_since_the_one_before(start):
    written = records(start, "v05_fixed2_robust", rollouts=1000)
    # 128 rollouts a step, due at 250, 500, 750 and 1,000.
    assert [step for step, _ in written] == [0, 2, 4, 6, 8]
    assert [data.get("lab/steps") for _, data in written] == [None, 2, 2, 2, 2]
    assert written[0][1].keys() == {f"val-core/sort_{how}/acc/mean@1" for how in ("sampled", "greedy")}
    last = written[-1][1]
    assert (last["v05/spent/rollouts"], last["v05/rollouts/step"], last["v05/rollouts/per_prompt/mean"]) == (
        1024,
        128,
        2,
    )
    assert all(value == float(f"{value:.6g}") for value in last.values())


def test_priors_are_judged_as_through_verl_and_exactly(start):
    # With the exact success rate as prior the exact error is 0; what a few rollouts say of it is so on average.
    data = [record for _, record in records(start, "v05_oracle", rollouts=3000)[1:]]
    assert all(record["lab/prior/mse"] == 0 for record in data)
    assert abs(np.mean([record["v05/prior/mse"] for record in data])) < 0.1
    assert all(record["v05/prior/auc"] > 0.7 for record in data)
    assert all(record["lab/prior/auc"] == 1 for record in data)


@pytest.mark.slow
def test_a_study_is_resumable_and_reported(tmp_path, capsys):
    arguments = ["--out", str(tmp_path), "--tasks", "sort", "--arms", "grpo_n16", "rloo_n4", "--seeds", "2"]
    arguments += [
        "--rollouts",
        "512",
        "--warm-start",
        "0.05",
        "--learning-rates",
        "1e-4",
        "2e-4",
        "--tuning-seeds",
        "1",
    ]
    main(arguments)
    printed = capsys.readouterr().out
    assert printed.count("4 runs, 0 finished before") == 2
    assert "1 warm starts to make" in printed and "2 warm starts to make" in printed
    folder = tmp_path / "sort-rollouts512-mini1-start0.05-prompts4096"
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["arms"]["rloo_n4"]["seeds"] == [0, 1]
    assert summary["accuracy_of"] == "sort_sampled" and summary["target_arm"] == "grpo_n16"
    assert summary["arms"]["rloo_n4"]["steps"]["mean"] == 4 and summary["arms"]["grpo_n16"]["steps"]["mean"] == 1
    assert not any("no training metrics" in note or "hydra" in note for note in summary["notes"])
    (pair,) = [p for p in summary["comparisons"] if (p["arm"], p["set"]) == ("grpo_n16", "sort_sampled")]
    assert pair["reference"] == summary["control"] == "rloo_n4" and pair["at_equal_steps"]["step"] == 1
    assert (folder / "report" / "report.html").exists()

    study = json.loads((folder / "study.json").read_text())
    assert study["command"].startswith("python -m v05_verl.lab.train --out") and study["tuning_seeds"] == [1000]
    for tuned in study["tuning"].values():
        assert {"0.0001", "0.0002"} < set(tuned["rates"])  # of two rates one is the best; its neighbour is tried too

    run = json.loads((folder / "rloo_n4" / "seed_1" / "run.json").read_text())
    (launch,) = run["launches"]
    assert (run["arm"], run["seed"], launch["exit_code"]) == ("rloo_n4", 1, 0) and launch["versions"]["torch"]

    # A run that was killed starts again, alone, by the command in its run.json.
    (file,) = tmp_path.glob("runs/sort/*/*/rloo_n4/seed_1/run.json")
    whole = metrics(file)
    launch.update(ended=None, wall_s=None, exit_code=None)
    file.write_text(json.dumps(run))
    log = file.parent / "metrics" / "1.jsonl"
    log.write_text(log.read_text()[:-20])
    main(launch["command"][3:])
    assert "1 runs, 0 finished before\n[1/1] sort rloo_n4" in capsys.readouterr().out
    assert metrics(file) == whole
    main(arguments)
    assert "4 runs, 4 finished before" in capsys.readouterr().out


def test_the_command_of_a_run_makes_that_run(tmp_path):
    job = Job("sort", "v05", 7, 3e-4, 1000, 2, 0.3, 512, "tracker", 0.7, 0.6, 1, 12)
    options = vars(parse(job.command(tmp_path)[3:]))
    assert (options["tasks"], options["arms"], options["learning_rates"]) == (["sort"], ["v05"], [3e-4])
    assert (options["first_seed"], options["seeds"], options["out"]) == (7, 1, tmp_path)
    shared = ("rollouts", "mini_batches", "warm_start", "train_prompts", "prior", "prior_auc", "prior_auc_later")
    assert (options["ahead"], job.ahead) == (1, 1)
    assert options["evaluations"] == job.evaluations
    assert [options[name] for name in shared] == [getattr(job, name) for name in shared]


def test_what_no_study_can_be_is_refused(capsys):
    for arguments, sentence in (
        (["--name", "both", "--tasks", "reverse", "sort"], "is the folder of one comparison"),
        (["--name", "runs", "--tasks", "sort"], "choose another name"),
        (["--ahead", "-1"], "sampling cannot be behind training"),
    ):
        with pytest.raises(SystemExit):
            main(["--out", "nowhere", "--arms", "v05", *arguments])
        assert sentence in capsys.readouterr().err


@pytest.mark.slow
def test_auto_lowers_its_group_size_as_the_prior_learns(reverse_start):
    written = records(reverse_start, "v05_auto", 2560, task="reverse")
    sizes = [metrics.get("v05/rollouts/per_prompt/mean") for _, metrics in written]
    assert sizes[1] == 4 and sizes[-1] < 2


def test_a_prior_can_be_replaced_and_degraded(start):
    def run(**settings):
        settings = RunSettings(rollouts=256, held_out=64, evaluations=1, **settings)
        run = Run(copy.deepcopy(start), build_tokenizer(), find_task("sort"), find_arm("v05_fixed4"), 0, settings)
        return list(run.records())[-1][1]["lab/prior/mse"]

    assert run(prior="oracle") == 0 < run(prior="oracle", prior_auc=0.9) < run(prior="oracle", prior_auc=0.6)


@pytest.mark.parametrize("arm", ["v05_fixed1_robust_pool4", "v05_fixed4"])
def test_the_exact_auc_is_that_of_the_prior_however_prompts_are_chosen_and_judged(start, arm):
    settings = RunSettings(rollouts=2048, held_out=64, evaluations=1, prior="oracle", prior_auc=0.71)
    run = Run(copy.deepcopy(start), build_tokenizer(), find_task("sort"), find_arm(arm), 0, settings)
    metrics = list(run.records())[-1][1]
    assert metrics["lab/prior/auc"] == pytest.approx(0.71, abs=0.05)


def test_a_prior_can_break_in_the_middle_of_a_run(start):
    common = RunSettings(rollouts=512, held_out=64, evaluations=2, prior="oracle", prior_auc=0.95)

    def errors(settings):
        run = Run(copy.deepcopy(start), build_tokenizer(), find_task("sort"), find_arm("v05_fixed4"), 0, settings)
        return [metrics["lab/prior/mse"] for _, metrics in list(run.records())[1:]]

    whole, breaking = errors(common), errors(replace(common, prior_auc_later=0.6))
    assert breaking[0] == whole[0] and breaking[1] > whole[1] + 0.1


def test_with_a_batch_ahead_each_step_but_the_first_trains_what_the_policy_before_sampled(start):
    def accuracies(ahead):
        settings = RunSettings(rollouts=384, held_out=64, evaluations=3, ahead=ahead)
        run = Run(copy.deepcopy(start), build_tokenizer(), find_task("sort"), find_arm("rloo_n4"), 0, settings)
        written = list(run.records())
        assert [step for step, _ in written] == [0, 1, 2, 3] and run.spent == 384 and not run.sampled
        assert [metrics["v05/rollouts/step"] for _, metrics in written[1:]] == [128, 128, 128]
        return [metrics["val-core/sort_sampled/acc/mean@1"] for _, metrics in written]

    at_once, ahead = accuracies(0), accuracies(1)
    assert ahead[:2] == pytest.approx(at_once[:2], abs=1e-5)  # the first batch is the same
    assert abs(ahead[2] - at_once[2]) > 1e-4


def metrics(run_json):
    """Metrics by step, without times."""
    lines = (run_json.parent / "metrics" / "1.jsonl").read_text().splitlines()
    return [(record["step"], without_times(record["data"])) for record in map(json.loads, lines)]

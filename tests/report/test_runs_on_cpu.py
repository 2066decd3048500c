# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import json
import shutil
from pathlib import Path

import pytest
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf

from v05_verl.report import missing
from v05_verl.report.aggregate import Aggregator
from v05_verl.report.runs import find_runs, load_run, load_runs

DATA = Path(__file__).parent / "data"
REAL = DATA / "one_launch.jsonl"


@pytest.fixture
def real_run(tmp_path):
    """The real metrics file with the configuration that verl composes, and no run.json."""
    folder = tmp_path / "v05" / "seed_0"
    (folder / "metrics").mkdir(parents=True)
    shutil.copy(REAL, folder / "metrics" / "1.jsonl")
    with initialize_config_module("verl.trainer.config", version_base=None):
        config = compose("ppo_trainer", ["data.train_batch_size=32", "actor_rollout_ref.rollout.n=4"])
    (folder / "hydra" / "1" / ".hydra").mkdir(parents=True)
    OmegaConf.save(config, folder / "hydra" / "1" / ".hydra" / "config.yaml")
    return folder


def test_a_real_run(real_run):
    run = load_run(real_run)
    assert (run.arm, run.seed) == ("v05", 0)
    assert run.is_complete
    assert run.notes == []
    assert run.accuracy.index.tolist() == [0, 5, 8]
    assert run.accuracy["reverse_sampled"].tolist() == [0.5078125, 0.5546875, 0.59375]
    assert run.samples == {"reverse_greedy": 1, "reverse_sampled": 1}
    assert run.accuracy_curve("reverse_greedy", "rollouts").x.tolist() == [0, 1085, 1558]
    assert run.accuracy_curve("reverse_greedy", "step").x.tolist() == [0, 5, 8]
    assert run.metrics["seconds"].iloc[-1] == pytest.approx(40.66, abs=0.01)
    assert len(run.curve("actor/grad_norm", "step").x) == 8
    assert len(run.curve("no/such/metric", "step").x) == 0


def test_a_real_resumed_run(tmp_path):
    # Its first launch reached step 4; the second found the checkpoint of step 2, as after a kill during step 4's save.
    folder = tmp_path / "v05_wave" / "seed_0"
    shutil.copytree(DATA / "resumed", folder / "metrics")
    run = load_run(folder)
    assert run.metrics["rollouts"].tolist() == [0, 414, 627, 830, 1006, 1219, 1406]
    assert run.accuracy["reverse_sampled"].tolist() == [0.40234375, 0.42578125, 0.42578125, 0.4453125]
    assert run.metrics["training/global_step"].tolist()[1:] == [1, 2, 3, 4, 5, 6]
    assert run.notes[0].startswith("launch 2 went on from step 2: 2 steps between 3 and 4")


def test_the_same_file_without_v05_metrics_counts_by_the_configuration(real_run):
    file = real_run / "metrics" / "1.jsonl"
    file.write_text(file.read_text().replace('"v05/spent', '"other'))
    run = load_run(real_run)
    assert run.metrics["rollouts"].tolist() == [128 * step for step in range(9)]


def test_a_folder_may_be_the_output_an_arm_or_a_run(real_run):
    for folder in (real_run, real_run.parent, real_run.parent.parent):
        assert find_runs([folder]) == [real_run.resolve()]
    assert find_runs([real_run, real_run.parent]) == [real_run.resolve()]


def test_folders_without_runs_are_an_error(tmp_path):
    with pytest.raises(ValueError, match="is not a folder"):
        find_runs([tmp_path / "absent"])
    with pytest.raises(ValueError, match="holds no run"):
        find_runs([tmp_path])


def test_a_run_whose_name_is_unknown_is_an_error(real_run, tmp_path):
    real_run.rename(tmp_path / "somewhere")
    with pytest.raises(ValueError, match="no run.json and is not named <arm>/seed_<k>"):
        load_runs([tmp_path])


def test_a_missing_configuration_is_named(real_run):
    shutil.rmtree(real_run / "hydra")
    assert load_run(real_run).notes == ["no hydra/<launch>/.hydra/config.yaml"]
    file = real_run / "metrics" / "1.jsonl"
    file.write_text(file.read_text().replace('"v05/spent', '"other'))
    assert load_run(real_run).notes == [
        "no hydra/<launch>/.hydra/config.yaml; rollouts, tokens and rollouts per prompt are unknown"
    ]


def test_launches_of_different_step_sizes_are_an_error(write_run):
    write_run("grpo_n16", 0, {0: 0.5, 2: 0.6}, n=16)
    folder = write_run("grpo_n16", 0, {2: 0.6, 4: 0.6}, n=8, launch=2)
    with pytest.raises(ValueError, match=r"differ in data.train_batch_size or rollout.n"):
        load_run(folder)


def test_ten_launches_are_read_in_order(write_run):
    for launch in range(1, 11):
        folder = write_run("v05", 0, {launch - 1: 0.08 * launch, launch: 0.08 * launch + 0.01}, launch=launch)
    run = load_run(folder)
    assert run.accuracy.index.tolist() == list(range(11))
    assert run.accuracy["reverse_sampled"].iloc[-1] == pytest.approx(0.81)


def test_a_run_that_died_before_its_first_line(write_run):
    folder = write_run("v05", 0, {0: 0.5, 2: 0.6}, exit_code=None)
    (folder / "metrics" / "1.jsonl").write_bytes(b"")
    run = load_run(folder)
    assert len(run.metrics) == 0 and not run.is_complete
    assert "is empty" in run.notes[0]


def test_means_are_over_steps_not_over_records(tmp_path):
    folder = tmp_path / "v05" / "seed_0" / "metrics"
    folder.mkdir(parents=True)
    name = "val-core/sort_sampled/acc/mean@1"
    lines = [{"step": 0, "data": {name: 0.2}}]
    for step, covered, norm in ((6, 6, 1.0), (8, 2, 3.0)):
        data = {name: 0.4, "training/global_step": step, "lab/steps": covered, "actor/grad_norm": norm}
        lines.append({"step": step, "data": data | {"v05/spent/rollouts": 100 * step}})
    (folder / "1.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    run = load_run(folder.parent)
    assert run.notes == []
    assert run.mean("actor/grad_norm") == pytest.approx((6 * 1 + 2 * 3) / 8)
    assert run.trained_steps() == 8 and run.last("rollouts") == 800
    # .2 to .4 over 600 rollouts, then .4 over 200.
    assert run.mean_accuracy("sort_sampled") == pytest.approx((600 * 0.3 + 200 * 0.4) / 800)
    assert run.final_accuracy("sort_sampled") == pytest.approx(0.4)
    assert run.mean("no/such/metric") is None and run.total("no/such/metric") is None


def test_of_several_points_at_the_same_rollouts_the_last_trained_one_counts(write_run):
    spent = {step: {"v05/spent/rollouts": 100.0 * min(step + 1, 4)} for step in range(1, 5)}
    folder = write_run("v05", 0, {0: 0.5, 2: 0.6, 3: 0.7, 4: 0.8}, extra=spent)  # a batch ahead: 400 after 3 and 4
    curve = load_run(folder).accuracy_curve("reverse_sampled", "rollouts")
    assert curve.x.tolist() == [0, 300, 400] and curve.y.tolist() == [0.5, 0.6, 0.8]
    # A line of the last step's validation alone, its training lost, adds no rollouts either.
    file = folder / "metrics" / "1.jsonl"
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    lines[-1]["data"] = {n: v for n, v in lines[-1]["data"].items() if n.startswith("val-")} | spent[4]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    curve = load_run(folder).accuracy_curve("reverse_sampled", "rollouts")
    assert curve.x.tolist() == [0, 300, 400] and curve.y.tolist() == [0.5, 0.6, 0.7]


def test_spent_rollouts_that_go_down_are_told(write_run):
    folder = write_run("v05", 0, {0: 0.5, 8: 0.7}, extra={5: {"v05/spent/rollouts": 100.0}})
    run = load_run(folder)
    assert run.falls_at == 5 and not run.is_complete
    notes = missing.sentences([run], Aggregator([run]), ["v05"], [0], [])
    said = "v05, seed 0 enters no figure or table: its spent rollouts or tokens go down at step 5"
    assert any(note.startswith(said) for note in notes)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"seed": "0"}, "seed = '0': input should be a valid integer"),
        ({"arm": ""}, "arm = ''"),
        ({"launches": [{}]}, "launches.0.command is missing"),
    ],
)
def test_a_run_json_of_another_form_is_named(write_run, change, said):
    file = write_run("v05", 0, {0: 0.5, 2: 0.7}) / "run.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(ValueError, match=f"run.json was not written by v05_verl.report.provenance: .*{said}"):
        load_run(file.parent)


def test_a_configuration_of_another_form_is_named(write_run):
    folder = write_run("v05", 0, {0: 0.5, 2: 0.7})
    file = folder / "hydra" / "1" / ".hydra" / "config.yaml"
    for text, said in (
        ("data: {train_batch_size: 4.5}\n", "prompts = 4.5: input should be a valid integer"),
        ("data: {", "is no configuration"),
    ):
        file.write_text(text)
        with pytest.raises(ValueError, match=f"config.yaml.*{said}"):
            load_run(folder)

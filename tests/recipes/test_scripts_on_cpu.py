# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Every script composes against the installed verl; what cannot run is refused in a sentence."""

import subprocess

import pytest
import torch
from hydra.errors import ConfigCompositionException
from verl.trainer.ppo.utils import need_critic, need_reference_policy
from verl.utils.config import omega_conf_to_dataclass, validate_config

from v05_verl.config import from_verl
from v05_verl.plugin import launch
from v05_verl.report.labels import BENCHMARKS
from v05_verl.value import build

from .conftest import ARMS, RECIPES, all_scripts, composed, dry_run, environment, knobs_of

pytestmark = pytest.mark.xdist_group("recipes")  # one worker composes each configuration once

# ablations.sh composes some twenty runs.
SCRIPTS = [pytest.param(name, marks=pytest.mark.slow) if name == "ablations.sh" else name for name in all_scripts()]
MACHINES = [
    {"SETUP": "paper", "ENGINE": "vllm"},
    {"SETUP": "paper", "ENGINE": "sglang"},
    {"SETUP": "node", "ENGINE": "vllm"},
    {"SETUP": "node", "ENGINE": "sglang"},
    {"SMOKE": "1"},
    {"SMOKE": "1", "ENGINE": "vllm"},
    {"SMOKE": "1", "RAY_ADDRESS": "http://head:8265"},
]


def test_there_is_a_script_for_every_arm():
    assert set(ARMS.values()) | {"ablations.sh", "evaluate.sh", "run_arm.sh"} == set(all_scripts())


RUNS = [(ARMS["v05"], machine) for machine in MACHINES] + [
    (script, machine)
    for script in all_scripts()
    if script not in (ARMS["v05"], "ablations.sh")
    for machine in (MACHINES[0], MACHINES[4])
]


@pytest.mark.parametrize(("script", "machine"), RUNS, ids=[f"{run[0]}-{'-'.join(run[1].values())}" for run in RUNS])
def test_every_script_composes_and_passes_verls_own_checks(script, machine):
    (command,) = dry_run(script, **machine, **knobs_of(script))
    check(command.config)
    rollout = command.config.actor_rollout_ref.rollout
    assert rollout.name == machine.get("ENGINE", "hf")
    gpus = command.config.trainer.nnodes * command.config.trainer.n_gpus_per_node
    assert gpus == {"paper": 32, "node": 8}.get(machine.get("SETUP"), 1)


def check(config):
    """What verl and the plugin check before a run starts, without a GPU."""
    validate_config(config, need_reference_policy(config), need_critic(config))
    launch.check(config)
    for part in (config.actor_rollout_ref.rollout, config.actor_rollout_ref.actor.optim, config.algorithm):
        omega_conf_to_dataclass(part)


@pytest.mark.slow
@pytest.mark.parametrize("machine", [{}, {"SMOKE": "1"}], ids=["gpu", "smoke"])
def test_every_ablation_composes_and_its_value_model_can_be_built(machine):
    for command in dry_run("ablations.sh", **machine):
        check(command.config)
        value = from_verl(command.config).value
        if value.name != "v0" or machine:  # V0's encoder for GPUs is a download
            name, options = value.model
            build(name, **options)


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_misspelt_key_fails(script):
    """One letter too many in the last key that the script itself passes."""
    overrides = dry_run(script, **knobs_of(script))[-1].overrides
    index, own = [(i, override) for i, override in enumerate(overrides) if not override.startswith("+")][-1]
    misspelt = own.replace("=", "x=", 1)
    with pytest.raises(ConfigCompositionException, match="Could not override"):
        composed((*overrides[:index], misspelt, *overrides[index + 1 :]))


@pytest.mark.parametrize("script", SCRIPTS)
def test_overrides_of_the_command_line_come_last(script):
    for command in dry_run(script, "trainer.project_name=mine", **knobs_of(script)):
        assert command.overrides[-1] == "trainer.project_name=mine"


@pytest.mark.parametrize(
    ("knobs", "sentence"),
    [
        ({"ENGINE": "hf"}, "ENGINE is vllm or sglang, not 'hf'"),
        ({"SETUP": "two"}, "SETUP is paper (4 nodes x 8 GPUs) or node (1 x 8), not 'two'"),
        ({"SMOKE": "1", "ENGINE": "sglang"}, "(for the mode separate_async) and vllm, not 'sglang'"),
        ({"DATA_DIR": "/nowhere"}, " -m data_prep.prepare --out /nowhere --drop-contaminated"),
    ],
)
def test_what_cannot_run_is_refused_in_a_sentence(knobs, sentence, tmp_path):
    run = bash("grpo/run_qwen3_4b.sh", OUT=str(tmp_path), **knobs)
    assert run.returncode == 2
    assert sentence in run.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_the_gpu_check_composes_every_arm_on_one_gpu_and_is_refused_without():
    commands = dry_run("gpu_check.sh")
    assert [command.arm for command in commands] == [*ARMS, "v05_auto"]
    for command in commands:
        config = command.config
        check(config)
        assert (config.trainer.n_gpus_per_node, config.actor_rollout_ref.rollout.name) == (1, "vllm")
        assert config.trainer.total_training_steps == 3
    if not torch.cuda.is_available():
        run = bash("gpu_check.sh")
        assert run.returncode == 2 and "sees no GPU" in run.stderr and not run.stdout


def test_a_path_reaches_verl_as_it_is():
    out = '/tmp/it\'s ü=a,b {c} (d) "e"'
    (command,) = dry_run("run_arm.sh", ARM="v05", SMOKE="1", OUT=out, LC_ALL="C.UTF-8")
    assert command.config.trainer.default_local_dir == f"{out}/v05/seed_0/checkpoints"
    assert command.config.data.train_files == f"{out}/toy/single_turn_agent-1024-16/seed_0/train.parquet"
    (command,) = dry_run("run_arm.sh", ARM="v05", SMOKE="1", OUT="/o", TRAIN_PROMPTS="64", VAL_PROMPTS="8")
    assert command.config.data.train_files == "/o/toy/single_turn_agent-64-8/seed_0/train.parquet"
    (command,) = dry_run("run_arm.sh", ARM="v05", DATA_DIR=out, MODEL_PATH=f"{out}/model", LC_ALL="C.UTF-8")
    assert list(command.config.data.val_files) == [f"{out}/{name}.parquet" for name in BENCHMARKS]
    assert command.config.actor_rollout_ref.model.path == f"{out}/model"


@pytest.mark.parametrize("script", ["run_arm.sh", "quickstart.sh", "real_prompts.sh"])
@pytest.mark.parametrize("path", ["/tmp/a[1]", "/tmp/*", "/tmp/${x}", "/tmp/a\\b"])
def test_a_path_that_would_be_read_as_a_pattern_is_refused_before_anything_is_built(script, path):
    run = bash(script, ARM="v05", SMOKE="1", OUT=path)
    assert run.returncode == 2 and f"{script}: OUT={path}: a path cannot hold" in run.stderr and not run.stdout


def test_unknown_ablations_and_missing_checkpoints_are_refused():
    run = bash("ablations.sh", ONLY="v05_fixed3x", DRY_RUN="1")
    assert run.returncode != 0
    run = bash("ablations.sh", ONLY="v06", DRY_RUN="1")
    assert run.returncode == 2 and "unknown arm 'v06'; there are grpo_n16, rloo_n4" in run.stderr
    run = bash("evaluate.sh")
    assert run.returncode != 0 and "set CHECKPOINT to a folder" in run.stderr
    run = bash("evaluate.sh", CHECKPOINT="/nowhere/global_step_3")
    assert run.returncode == 2 and "/nowhere/global_step_3 holds no folder actor" in run.stderr


def bash(script, **knobs):
    return subprocess.run(
        ["bash", str(RECIPES / script)], env=environment(**knobs), capture_output=True, text=True, timeout=60
    )


def test_evaluation_names_arm_seed_and_step():
    checkpoint = "/x/v05_wave/seed_2/checkpoints/global_step_90"
    (command,) = dry_run("evaluate.sh", CHECKPOINT=checkpoint, OUT="/y")
    assert dry_run("evaluate.sh", CHECKPOINT=f"{checkpoint}/", OUT="/y") == [command]
    config = command.config
    assert config.trainer.val_only and config.trainer.val_before_train
    assert config.trainer.resume_from_path == "/x/v05_wave/seed_2/checkpoints/global_step_90"
    assert config.trainer.default_local_dir == "/y/v05_wave_step90/seed_2/checkpoints"
    files = [path.rsplit("/", 1)[-1].removesuffix(".parquet") for path in config.data.val_files]
    assert files == list(BENCHMARKS)
    assert config.actor_rollout_ref.rollout.val_kwargs.n == 16
    (command,) = dry_run("evaluate.sh", CHECKPOINT="none", MODEL_PATH="/m")
    assert command.arm == "base"
    assert command.config.trainer.resume_mode == "disable"
    assert command.config.actor_rollout_ref.model.path == "/m"


@pytest.mark.slow
def test_ablations_change_what_they_name():
    commands = {command.arm: command.config for command in dry_run("ablations.sh")}
    for config in commands.values():
        launch.check(config)  # which also asks the reward function for its range
    v05 = {arm: from_verl(config) for arm, config in commands.items()}
    assert [v05[f"v05_fixed{k}"].k_init for k in (1, 2, 4, 8, 16)] == [1, 2, 4, 8, 16]
    assert all(v05[f"v05_fixed{k}"].budget == "fixed" for k in (1, 2, 4, 8, 16))
    assert (v05["v05_no_prior"].baseline, v05["v05_no_prior"].budget) == ("group_mean", "fixed")
    priors = {"v05_constant": "constant", "v05_tracker": "tracker", "v05": "gp", "v05_v0": "v0"}
    assert {arm: v05[arm].value.name for arm in priors} == priors
    assert all(v05[arm].budget == "sequential" for arm in priors)
    assert v05["v05_v0_no_history"].value.model[1]["history"] is False
    assert v05["v05_v0"].value.model[1]["history"] is True
    assert v05["v05_cost_quarter"].cost == v05["v05"].cost / 4
    assert v05["v05_cost_x4"].cost == v05["v05"].cost * 4
    robust = [f"v05_fixed{k}_robust{pool}" for k in (1, 2) for pool in ("", "_pool4")]
    assert {arm for arm in v05 if v05[arm].mode == "robust"} == {"v05_auto", "v05_robust", *robust}
    assert (v05["v05_auto"].k_init, v05["v05_auto"].prompt_pool) == ("auto", 4)
    assert [(v05[arm].k_init, v05[arm].prompt_pool) for arm in robust] == [(1, 1), (1, 4), (2, 1), (2, 4)]
    assert len(commands) == 19

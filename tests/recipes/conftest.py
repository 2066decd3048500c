# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Every script of ``recipes/``: the command that it would run, and what the installed verl composes from it."""

from __future__ import annotations

import os
import shlex
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_module
from omegaconf import DictConfig, OmegaConf

ROOT = Path(__file__).resolve().parents[2]
RECIPES = ROOT / "recipes"
KNOBS = (
    "SETUP SMOKE DRY_RUN ENGINE SEED OUT DATA_DIR MODEL_PATH PYTHON RAY_ADDRESS PROMPTS ROLLOUTS POINTS SAVE_FREQ "
    "VAL_N VAL_TOP_P PROMPT_TOKENS RESPONSE_TOKENS LR WARMUP WEIGHT_DECAY MINI_BATCHES TRAIN_PROMPTS VAL_PROMPTS "
    "PROJECT WATCH ARM N K PRIOR ONLY CHECKPOINT"
).split()

ARMS = {
    "grpo_n16": "grpo/run_qwen3_4b.sh",
    "rloo_n4": "rloo/run_qwen3_4b.sh",
    "dapo_n16": "dapo/run_qwen3_4b.sh",
    "v05": "v05/run_qwen3_4b.sh",
    "v05_wave": "v05/run_qwen3_4b_wave.sh",
    "v05_fixed4": "v05/run_qwen3_4b_fixed.sh",
}


@dataclass(frozen=True)
class Command:
    """A command that a script printed with DRY_RUN=1."""

    words: tuple[str, ...]

    @property
    def overrides(self) -> list[str]:
        return list(self.words[self.words.index("verl.trainer.main_ppo") + 1 :])

    @property
    def config(self) -> DictConfig:
        return composed(tuple(self.overrides))

    @property
    def arm(self) -> str:
        return self.config.trainer.experiment_name.rsplit("-seed", 1)[0]


@cache
def composed(overrides: tuple[str, ...]) -> DictConfig:
    """verl's configuration, composed as ``python -m verl.trainer.main_ppo`` does."""
    with initialize_config_module("verl.trainer.config", version_base=None):
        return compose("ppo_trainer", overrides=list(overrides))


def environment(**knobs: str) -> dict[str, str]:
    """The test's environment with these knobs and no others."""
    return {name: value for name, value in os.environ.items() if name not in KNOBS} | knobs


@cache
def dry_run(script: str, *arguments: str, **knobs: str) -> list[Command]:
    """What a script of ``recipes/`` would run, one command per run of verl."""
    printed = subprocess.run(
        ["bash", str(RECIPES / script), *arguments],
        env=environment(DRY_RUN="1", **knobs),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [Command(tuple(shlex.split(line))) for line in printed.splitlines()]


def flat(config: DictConfig) -> dict[str, Any]:
    """Leaves by dotted key, interpolations as they stand."""

    def leaves(node: Any, path: str):
        if isinstance(node, dict) and node:
            for key, value in node.items():
                yield from leaves(value, f"{path}.{key}" if path else str(key))
        else:
            yield path, node

    return dict(leaves(OmegaConf.to_container(config), ""))


def all_scripts() -> list[str]:
    """Scripts that train or evaluate on GPUs; all that exist are found, so that a new one is tested too."""
    named = [RECIPES / name for name in ("ablations.sh", "evaluate.sh", "run_arm.sh")]
    found = [*RECIPES.glob("*/run_*.sh"), *named]
    return sorted(str(path.relative_to(RECIPES)) for path in found)


def knobs_of(script: str) -> dict[str, str]:
    """What a script cannot do without."""
    needed = {
        "evaluate.sh": {"CHECKPOINT": "/x/v05/seed_0/checkpoints/global_step_9"},
        "run_arm.sh": {"ARM": "v05_robust"},
    }
    return needed.get(script, {})


@pytest.fixture
def arms() -> dict[str, DictConfig]:
    """The composed configuration of every main arm."""
    return {arm: dry_run(script)[0].config for arm, script in ARMS.items()}

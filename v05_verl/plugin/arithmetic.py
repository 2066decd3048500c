# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""The arithmetic of a training step in words, printed at the start of a run."""

from __future__ import annotations

import math

from omegaconf import DictConfig

from v05_verl.config import V05Config


def batch_arithmetic(config: DictConfig, v05: V05Config, mini_batches: int) -> str:
    """Which batch size counts prompts and which rollouts, in one paragraph.

    ``mini_batches``: those of a training step, all of verl's updates together.
    """
    step = _auto_step(config, v05, mini_batches) if v05.k_init == "auto" else _step(config, v05, mini_batches)
    return (
        f"v05: each training step takes {step}: {mini_batches * config.actor_rollout_ref.actor.ppo_epochs} optimizer "
        "steps per training step, whatever the number of rows. rollout.n and algorithm.norm_adv_by_std_in_grpo are not "
        f"used in training. Validation: {config.actor_rollout_ref.rollout.val_kwargs.n} rollouts per prompt."
    )


def _step(config: DictConfig, v05: V05Config, mini_batches: int) -> str:
    prompts = config.data.train_batch_size
    if v05.budget in ("allocated", "total"):
        return _planned_step(prompts, v05, mini_batches)
    most = v05.k_init if v05.budget == "fixed" else v05.k_max
    return (
        f"{prompts} prompts (data.train_batch_size) with {v05.k_init} to {most} rollouts each (v05.k_init, v05.k_max; "
        f"budget {v05.budget}): {prompts * v05.k_init} to {prompts * most} rows. They are split into {mini_batches} "
        f"mini-batches (data.train_batch_size / actor.ppo_mini_batch_size = {prompts} / "
        f"{config.actor_rollout_ref.actor.ppo_mini_batch_size} prompts) of "
        f"{math.ceil(prompts * v05.k_init / mini_batches)} to {math.ceil(prompts * most / mini_batches)} rows"
    )


def _planned_step(prompts: int, v05: V05Config, mini_batches: int) -> str:
    rollouts = v05.step_rollouts or prompts * v05.k_init * (2 if v05.budget == "total" else 1)
    least, most = (v05.k_init, v05.k_max) if v05.budget == "total" else v05.allocation_bounds
    return (
        f"{prompts} prompts (data.train_batch_size) and {rollouts} rollouts (v05.step_rollouts; budget {v05.budget}), "
        f"{least} to {most} of each prompt. They are split into {mini_batches} mini-batches of about "
        f"{rollouts // mini_batches} rows"
    )


def _auto_step(config: DictConfig, v05: V05Config, mini_batches: int) -> str:
    most = v05.auto.reference_n
    rollouts = v05.step_rollouts or config.data.train_batch_size * most
    return (
        f"{rollouts} rollouts (v05.step_rollouts, or data.train_batch_size x v05.auto.reference_n) on "
        f"{rollouts // most} prompts with {most} each to {rollouts} with one, as few per prompt as the priors allow "
        f"(v05.k_init=auto). They are split into {mini_batches} mini-batches of about {rollouts // mini_batches} rows"
    )

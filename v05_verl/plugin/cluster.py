# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""What verl's own processes take of a Ray cluster; line numbers are of verl 0.9.1."""

from __future__ import annotations

from omegaconf import DictConfig, OmegaConf

CPUS_OF_TRAINING = 3
"""For each GPU of the trainer and of a reward model: ``single_controller/ray/base.py:192``."""
CPUS_OF_REPLICA = 2
"""For each GPU of rollout replicas of their own: ``workers/rollout/replica.py:205``."""


def taken_by_verl(config: DictConfig) -> dict[str, float]:
    """CPUs and GPUs that verl's placement groups reserve, and one CPU that must be free to start its other actors.

    verl counts the GPUs before it reserves them and waits for CPUs without a word, for ever where there are too few.
    """
    trainer, rollout = config.trainer, config.actor_rollout_ref.rollout
    training = trainer.nnodes * trainer.n_gpus_per_node
    reward = OmegaConf.select(config, "reward.reward_model") or {}
    if reward.get("enable") and reward.get("enable_resource_pool"):
        training += reward.nnodes * reward.n_gpus_per_node
    is_separate = trainer.v1.trainer_mode in ("separate_async", "v05_separate_async")
    replicas = rollout.nnodes * rollout.n_gpus_per_node if is_separate else 0
    cpus = CPUS_OF_TRAINING * training + CPUS_OF_REPLICA * replicas + 1
    return {"CPU": float(cpus), "GPU": 0.0 if trainer.device == "cpu" else float(training + replicas)}

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""What must hold before an asynchronous run starts, beyond ``launch``; line numbers are of verl 0.9.1.

Each is a setting with which a run would hang, crash late or train on a biased sample without a word.
"""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Iterator

from omegaconf import DictConfig, OmegaConf

from v05_verl.config import V05Config

SERVER_SLOTS = 1000
CONTROL_SLOTS = 16
"""Requests that a replica takes at once: ``workers/rollout/replica.py:257``."""


def problems(config: DictConfig, v05: V05Config) -> list[str]:
    """A sentence for each, of a ``config`` that ``launch`` finds no fault with; none for the mode v05_sync."""
    mode = config.trainer.v1.trainer_mode
    if mode == "v05_sync":
        return []
    found = [*_biased_by_drops(config, v05), *_too_many_requests(config, v05)]
    if mode == "v05_colocate_async":
        return found + list(_colocate(config))
    return found + list(_separate(config, v05))


def _biased_by_drops(config: DictConfig, v05: V05Config) -> Iterator[str]:
    sampler = config.trainer.v1.sampler
    drops = sampler.max_off_policy_threshold is not None and sampler.max_off_policy_strategy == "drop"
    if drops and v05.budget not in ("fixed", "allocated"):
        yield (
            f"trainer.v1.sampler.max_off_policy_strategy=drop with v05.budget={v05.budget}: how long a group takes "
            "depends on its rewards, so that dropping the late ones biases the gradient; set "
            "trainer.v1.sampler.max_off_policy_strategy=wait (or max_off_policy_threshold=null, or v05.budget=fixed)"
        )


def _too_many_requests(config: DictConfig, v05: V05Config) -> Iterator[str]:
    """verl's abort and resume queue behind the requests that fill a replica's slots, and none of those can end."""
    rollout, trainer = config.actor_rollout_ref.rollout, config.trainer
    per_replica = (
        rollout.tensor_model_parallel_size
        * (OmegaConf.select(rollout, "data_parallel_size") or 1)
        * (OmegaConf.select(rollout, "pipeline_model_parallel_size") or 1)
    )
    separate = trainer.v1.trainer_mode == "v05_separate_async"
    gpus = rollout.nnodes * rollout.n_gpus_per_node if separate else trainer.nnodes * trainer.n_gpus_per_node
    replicas = max(1, gpus // per_replica)
    warm_up = OmegaConf.select(trainer.v1, f"{trainer.v1.trainer_mode.removeprefix('v05_')}.num_warmup_batches") or 0
    at_once, keys = (v05.auto.reference_n if v05.k_init == "auto" else v05.k_init), "v05.k_init"
    if v05.budget == "wave" and v05.k_max - at_once > at_once:
        at_once, keys = v05.k_max - at_once, "(v05.k_max - v05.k_init)"  # a second wave is asked for at once
    rollouts = v05.step_rollouts or config.data.train_batch_size * at_once
    outstanding = (1 + warm_up) * rollouts / replicas
    slots = max(SERVER_SLOTS, rollout.max_num_seqs + CONTROL_SLOTS)
    if outstanding > slots:
        yield (
            f"up to {outstanding:.0f} requests are outstanding at each of {replicas} rollout replicas ((1 + warm-up "
            f"batches) x data.train_batch_size x {keys} / replicas) and a replica takes {slots}: verl's weight update "
            "would wait for ever behind them (verl #7990); set actor_rollout_ref.rollout.max_num_seqs="
            f"{math.ceil(outstanding)} or above, or use more replicas, fewer prompts or rollouts at once, or "
            "num_warmup_batches=0"
        )


def _colocate(config: DictConfig) -> Iterator[str]:
    if (OmegaConf.select(config, "trainer.v1.colocate_async.parameter_sync_step") or 1) != 1:
        yield (
            "trainer.v1.colocate_async.parameter_sync_step above 1: the replicas sleep after the first of a step's "
            "samples and wake at its end, so that the second waits for ever; leave the key out"
        )
    yield from _no_second_engine(config, "v05_colocate_async")


def _no_second_engine(config: DictConfig, mode: str) -> Iterator[str]:
    if not OmegaConf.select(config, "actor_rollout_ref.hybrid_engine", default=True):
        yield f"actor_rollout_ref.hybrid_engine=False leaves {mode} without a rollout replica; set it True"


def _separate(config: DictConfig, v05: V05Config) -> Iterator[str]:
    actor, rollout = config.actor_rollout_ref.actor, config.actor_rollout_ref.rollout
    updates, prompts = config.trainer.v1.separate_async.parameter_sync_step, config.data.train_batch_size
    if prompts != updates * actor.ppo_mini_batch_size:
        yield (
            f"data.train_batch_size = {prompts} must be trainer.v1.separate_async.parameter_sync_step x "
            f"actor_rollout_ref.actor.ppo_mini_batch_size = {updates} x {actor.ppo_mini_batch_size}"
        )
    if v05.k_init == "auto" and OmegaConf.select(config, "trainer.v1.separate_async.hybrid_rollout.enable_switch"):
        yield (
            "trainer.v1.separate_async.hybrid_rollout.enable_switch=True with v05.k_init=auto: verl waits for a share "
            "of data.train_batch_size prompts (v1/trainer_separate_async.py:285), which a step of auto may not have; "
            "set one of them otherwise"
        )
    if rollout.nnodes < 1 or rollout.n_gpus_per_node < 1:
        yield (
            "v05_separate_async generates on replicas of its own: set actor_rollout_ref.rollout.nnodes and "
            "actor_rollout_ref.rollout.n_gpus_per_node to at least 1"
        )
    if rollout.checkpoint_engine.backend == "naive":
        yield (
            "actor_rollout_ref.rollout.checkpoint_engine.backend=naive moves no weights to replicas of their own; set "
            "nccl, nixl or another (on a CPU +cpu=hf_separate)"
        )
    bypass = OmegaConf.select(config, "algorithm.rollout_correction.bypass_mode")
    on_host = config.trainer.device == "cpu" or (
        actor.strategy == "fsdp2" and OmegaConf.select(actor, "fsdp_config.param_offload")
    )
    if updates > 1 and on_host and not bypass:
        yield (
            f"parameter_sync_step={updates} with weights in host memory (param_offload or a CPU): verl sets the old "
            "weights aside by a copy that is the live tensor (utils/fsdp_utils.py:1180), and old log probabilities "
            "would be those of the updated policy; set algorithm.rollout_correction.bypass_mode=True, "
            "parameter_sync_step=1 or param_offload=False"
        )
    hybrid = OmegaConf.select(config, "actor_rollout_ref.hybrid_engine", default=True)
    level = os.environ.get("VERL_LOGGING_LEVEL", "INFO").upper()
    if not hybrid and logging.getLevelNamesMapping().get(level, logging.INFO) <= logging.INFO:
        yield (
            "actor_rollout_ref.hybrid_engine=False: verl 0.9.1 fails on its own log line "
            "(v1/trainer_separate_async.py:181, TypeError: flush); export VERL_LOGGING_LEVEL=WARNING"
        )

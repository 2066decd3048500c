# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""vLLM worker extension that lets verl's in-place weight sync work on vLLM's CPU build.

``vllm/model_executor/layers/utils.py: dispatch_cpu_unquantized_gemm`` (0.27.0) packs the weights of linear layers when
a model is loaded and drops the plain ones; a later ``load_weights`` then has nothing to write to. This keeps them.
"""

import sys

import torch
import vllm.model_executor.layers.utils as layer_utils
from verl.workers.rollout.vllm_rollout.utils import vLLMColocateWorkerExtension


def _keep_plain_weights(layer: torch.nn.Module, remove_weight: bool) -> None:
    layer.cpu_linear = torch.nn.functional.linear


_packing = layer_utils.dispatch_cpu_unquantized_gemm
for _module in [module for name, module in sys.modules.items() if name.startswith("vllm.")]:
    if getattr(_module, "dispatch_cpu_unquantized_gemm", None) is _packing:
        _module.dispatch_cpu_unquantized_gemm = _keep_plain_weights


class CpuWorkerExtension(vLLMColocateWorkerExtension):
    """verl's worker extension; importing this module is what keeps the weights."""

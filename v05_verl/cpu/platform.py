# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""A CPU platform for verl's platform registry, chosen by ``VERL_PLATFORM=cpu`` and never auto-detected."""

from __future__ import annotations

import os
import types
from contextlib import contextmanager

import psutil
import torch
from verl.plugin.platform.platform_base import PlatformBase
from verl.plugin.platform.platform_manager import PlatformRegistry


def requested() -> bool:
    """Whether this process was asked to run verl on a CPU."""
    return os.environ.get("VERL_PLATFORM", "").strip().lower() == "cpu"


def _nothing(*args, **kwargs) -> None:
    """Answers the torch.cuda calls that have no meaning on a CPU."""


def _zero_bytes(*args, **kwargs) -> int:
    return 0


def _memory_info(*args) -> tuple[int, int]:
    memory = psutil.virtual_memory()
    return memory.available, memory.total


class _CpuDeviceModule(types.ModuleType):
    """torch.cpu, plus the torch.cuda functions that verl calls on ``get_torch_device()``."""

    def __init__(self):
        super().__init__("v05_verl.cpu.device")
        self.is_available = lambda: True
        self.device_count = lambda: 1
        self.current_device = lambda: "cpu"
        self.get_device_name = lambda *args: "CPU"
        self.mem_get_info = _memory_info
        self.get_rng_state = lambda *args, **kwargs: torch.get_rng_state()
        self.set_rng_state = lambda state, *args, **kwargs: torch.set_rng_state(state)
        for name in ("memory_allocated", "memory_reserved", "max_memory_allocated", "max_memory_reserved"):
            setattr(self, name, _zero_bytes)
        for name in (
            "empty_cache",
            "ipc_collect",
            "synchronize",
            "set_device",
            "reset_peak_memory_stats",
            "reset_accumulated_memory_stats",
            "set_per_process_memory_fraction",
            "manual_seed",
            "manual_seed_all",
        ):
            setattr(self, name, _nothing)

    def __getattr__(self, name: str):
        return getattr(torch.cpu, name)


_DEVICE_MODULE = _CpuDeviceModule()


@PlatformRegistry.register(platform="cpu")
class CpuPlatform(PlatformBase):
    """One "device", the CPU; collectives over gloo; weights travel through shared memory."""

    device_name = "cpu"
    vendor_name = "cpu"
    device_module = _DEVICE_MODULE

    def is_available(self) -> bool:
        return True

    def is_platform_available(self, use_smi_check: bool = False) -> bool:
        return requested()

    def current_device(self) -> str:
        return "cpu"

    def device_count(self) -> int:
        return 1

    def set_device(self, device_index: int) -> None:
        """There is one CPU device."""

    def synchronize(self, device_index: int | None = None) -> None:
        """CPU operations are synchronous."""

    def manual_seed(self, seed: int) -> None:
        torch.manual_seed(seed)

    def manual_seed_all(self, seed: int) -> None:
        torch.manual_seed(seed)

    def set_allocator_settings(self, settings: str) -> None:
        """The CPU allocator has none."""

    def empty_cache(self) -> None:
        """The CPU allocator keeps no cache."""

    def get_device_capability(self, device_index: int = 0) -> tuple[int | None, int | None]:
        return None, None

    def communication_backend_name(self) -> str:
        return "gloo"

    def visible_devices_envvar(self) -> str:
        return "CUDA_VISIBLE_DEVICES"

    @contextmanager
    def nvtx_range(self, msg: str):
        yield

    def profiler_start(self) -> None:
        """No device profiler on a CPU."""

    def profiler_stop(self) -> None:
        """No device profiler on a CPU."""

    def ray_resource_name(self) -> str:
        # verl sizes its placement groups by GPUs (single_controller/ray/base.py); Ray is given logical ones through
        # ray_kwargs.ray_init.num_gpus.
        return "GPU"

    def ray_noset_envvars(self) -> list[str]:
        return []

    def is_ipc_supported(self) -> bool:
        return False

    def cudart(self):
        return None

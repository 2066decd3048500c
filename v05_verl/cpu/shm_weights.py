# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""A checkpoint engine of verl for one machine without accelerators: weights travel through a file in shared memory.

verl's own engines need an accelerator's library. Named by ``rollout.checkpoint_engine.backend: v05_shm`` with
``custom_backend_module: v05_verl.cpu.shm_weights``, which verl imports in trainer, actor and standalone replicas.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from verl.checkpoint_engine.base import CheckpointEngine, CheckpointEngineRegistry

SHARED_MEMORY = "/dev/shm"
WAIT_S = 300.0
"""Longest wait of a replica for the actor's weights; both sides are called at the same time."""


@CheckpointEngineRegistry.register("v05_shm")
class SharedMemoryEngine(CheckpointEngine):
    """The master writes one file per sync, every replica reads it, and the master removes it at the end."""

    def __init__(self, bucket_size: int, is_master: bool = False):
        self._is_master = is_master
        self._folder: Path | None = None

    def prepare(self) -> dict[str, Any]:
        """The master's folder for this sync; of others nothing."""
        if not self._is_master:
            return {}
        where = SHARED_MEMORY if os.access(SHARED_MEMORY, os.W_OK) else None
        return {"folder": tempfile.mkdtemp(prefix="v05_weights_", dir=where)}

    @classmethod
    def build_topology(cls, actor_wg_world_size: int, rollout_world_size: int, metadata: list[dict]):
        """The master's folder, for every worker."""
        folder = next(each["folder"] for each in metadata if each)
        return {"folder": [folder] * actor_wg_world_size}, {"folder": [folder] * rollout_world_size}

    def init_process_group(self, folder: str) -> None:
        self._folder = Path(folder)

    def finalize(self) -> None:
        if self._is_master:
            shutil.rmtree(self._folder)

    async def send_weights(self, weights: Iterable[tuple[str, torch.Tensor]], global_steps: int | None = None) -> None:
        """Called on every rank, since gathering a tensor takes all of them."""
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in weights}
        if self._is_master:
            # Tensors that share memory (tied weights) are written as often as they are named.
            save_file({name: tensor.clone() for name, tensor in tensors.items()}, self._folder / "writing")
            (self._folder / "writing").rename(self._folder / "weights")

    async def receive_weights(self, global_steps: int | None = None) -> AsyncIterator[tuple[str, torch.Tensor]]:
        """Names and tensors once they are written; TimeoutError where they are not within ``WAIT_S``."""
        end = time.monotonic() + WAIT_S
        while not (self._folder / "weights").exists():
            if time.monotonic() > end:
                raise TimeoutError(
                    f"the actor wrote no weights for step {global_steps} into {self._folder} within {WAIT_S:g} s"
                )
            await asyncio.sleep(0.01)
        for item in load_file(self._folder / "weights").items():
            yield item

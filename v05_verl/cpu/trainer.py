# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""verl's synchronous trainer, polling its replay buffer often: a toy step takes less than verl's 2 s poll interval."""

import os

from omegaconf import open_dict
from verl.trainer.ppo.v1.trainer_base import register_trainer
from verl.trainer.ppo.v1.trainer_sync import PPOTrainerSync

POLL_INTERVAL_S = float(os.environ.get("V05_CPU_POLL_S", "0.1"))


@register_trainer("cpu_sync")
class CpuTrainerSync(PPOTrainerSync):
    """``trainer.v1.trainer_mode=cpu_sync``: stock ``sync`` but for the poll interval."""

    def __init__(self, config):
        with open_dict(config):
            config.trainer.v1.trainer_mode = "sync"  # verl tests for this name
        super().__init__(config)

    def _build_replay_buffer(self):
        replay_buffer = super()._build_replay_buffer()
        replay_buffer.poll_interval = POLL_INTERVAL_S
        return replay_buffer

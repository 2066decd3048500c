# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""verl's actor update on groups of any size: a fixed number of optimizer steps, and rows that divide."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

from transfer_queue import KVBatchMeta


class EvenUpdates:
    """Part of a trainer; verl's comes after it in a class's bases."""

    def _get_required_batch_multiple(self, dp_size: int) -> int:
        """Rows split evenly into the step's mini-batches, over the data-parallel ranks and into fixed micro-batches."""
        return dp_size * math.lcm(*self._rows_per_rank())

    def _rows_per_rank(self) -> list[int]:
        """What the rows of a rank must be multiples of: for the update, and for old and reference log-probabilities.

        With use_dynamic_bsz=False, verl's default, each of the three is cut into micro-batches of one size.
        """
        config = self.config.actor_rollout_ref
        update = 1 if config.actor.use_dynamic_bsz else config.actor.ppo_micro_batch_size_per_gpu
        parts = [self._mini_batches * (update or 1)]
        for part in (config.rollout, config.ref):
            if not part.get("log_prob_use_dynamic_bsz"):
                parts.append(part.get("log_prob_micro_batch_size_per_gpu") or 1)
        return parts

    def _update_actor(self, batch: KVBatchMeta, metrics: dict) -> KVBatchMeta:
        with self._mini_batch_of(len(batch) // self._mini_batches):
            return super()._update_actor(batch, metrics)

    @property
    def _mini_batches(self) -> int:
        """Optimizer steps per update of verl and epoch, whatever the number of rollouts."""
        prompts = self.config.data.train_batch_size // self.parameter_sync_step
        return max(1, prompts // self.config.actor_rollout_ref.actor.ppo_mini_batch_size)

    @contextmanager
    def _mini_batch_of(self, rows: int) -> Iterator[None]:
        """verl's mini-batch is ppo_mini_batch_size * rollout.n rows; here it is ``rows``."""
        actor, rollout = self.config.actor_rollout_ref.actor, self.config.actor_rollout_ref.rollout
        before = actor.ppo_mini_batch_size, rollout.n
        actor.ppo_mini_batch_size, rollout.n = rows, 1
        try:
            yield
        finally:
            actor.ppo_mini_batch_size, rollout.n = before

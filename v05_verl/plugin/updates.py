# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""verl's actor update on groups of any size: a fixed number of optimizer steps, and rows that divide."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from transfer_queue import KVBatchMeta


def spread_padding(is_real: np.ndarray, mini_batches: int) -> np.ndarray:
    """Order of the rows in which each mini-batch has as much padding as the next; ours.

    verl appends its padding to the batch and cuts the block of each rank into mini-batches in order, so that a rank's
    padding fills its last ones: with many ranks whole mini-batches without a rollout, whose loss is NaN and whose
    optimizer step is momentum alone.

    Args:
        is_real: (R, n) bool, the n rows of each of R data-parallel ranks; ``mini_batches`` divides n.

    Returns:
        (R, n) int64 column indices. Rows stay in order within a rank, real ones and padding by themselves; real rows
        of a mini-batch differ by at most one, within a rank and over all of them.
    """
    ranks, n = is_real.shape
    order = np.empty((ranks, n), dtype=np.int64)
    dealt = 0  # where the last rank's remainder ended: the next begins there
    for rank, row_is_real in enumerate(is_real):
        real, padding = np.flatnonzero(row_is_real), np.flatnonzero(~row_is_real)
        share, rest = divmod(len(real), mini_batches)
        sizes = share + ((np.arange(mini_batches) - dealt) % mini_batches < rest)
        dealt += rest
        ends = np.cumsum(sizes)
        spare = np.cumsum(n // mini_batches - sizes)
        parts = zip(np.split(real, ends[:-1]), np.split(padding, spare[:-1]), strict=True)
        order[rank] = np.concatenate([rows for part in parts for rows in part])
    return order


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

    def _balance_batch(self, batch: KVBatchMeta, metrics: dict, *args, **kwargs) -> KVBatchMeta:
        """verl's, which pads the batch and orders it by rank; its padding then goes to all mini-batches alike."""
        batch = super()._balance_batch(batch, metrics, *args, **kwargs)
        ranks = max(self.actor_rollout_wg._dispatch_info["actor"]) + 1
        is_real = np.array([not tag.get("is_padding", False) for tag in batch.tags]).reshape(ranks, -1)
        order = spread_padding(is_real, self._mini_batches)
        batch.reorder((order + np.arange(ranks)[:, None] * is_real.shape[1]).ravel().tolist())
        return batch

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

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""``k_init: auto`` where generation runs ahead of training: how many of the prompts under way make up one step."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from v05_verl.core import checks
from v05_verl.state_checks import state_count


@dataclass
class UnderWay:
    """Prompts that were dispatched and not yet trained on, oldest first; ours.

    A step trains on prompts that earlier steps dispatched, with the group sizes of then. Taking as many as the present
    step dispatches would train on twice the rollouts in a step where k has just halved, and never lengthen the queue:
    so prompts are taken until their planned rollouts are those of a step.
    """

    step_rollouts: int
    _batches: deque[tuple[int, int]] = field(default_factory=deque)  # (prompts, their rollouts in all)

    def add(self, prompts: int, rollouts: int) -> None:
        """Takes in ``prompts`` with so many ``rollouts`` between them, both at least 1."""
        self._batches.append((prompts, rollouts))

    def take(self) -> int:
        """Number of the oldest prompts whose rollouts come nearest to ``step_rollouts``; at least 1."""
        taken, missing = 0, self.step_rollouts
        while self._batches:
            prompts, rollouts = self._batches.popleft()
            part = min(prompts, round(missing * prompts / rollouts))
            rest = prompts - part
            left = round(rollouts * rest / prompts)
            taken, missing = taken + part, missing - (rollouts - left)
            if rest:
                self._batches.appendleft((rest, left))
                break
        return max(taken, 1)

    def state(self) -> list[list[int]]:
        return [list(batch) for batch in self._batches]

    def load(self, state: Any) -> None:
        """Takes over what :meth:`state` gave; ValueError for anything else."""
        if not isinstance(state, list) or not all(isinstance(batch, list) and len(batch) == 2 for batch in state):
            raise ValueError("state: under_way must be a list of pairs")
        batches = [tuple(state_count("under_way", count) for count in batch) for batch in state]
        for prompts, rollouts in batches:
            checks.between("state: prompts under way", prompts, 1, rollouts)
        self._batches = deque(batches)

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""When a prompt gets further rollouts, prompt by prompt; a step's hard total is ``step_budget``'s."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Budget:
    """When a prompt gets further rollouts, and at what price.

    ``fixed``: never; ``sequential``: one more at a time [P]; ``wave``: all that the evidence asks for at once, in at
    most ``max_waves`` waves (ours); ``allocated``, ``total``: a plan decides, for all prompts of the step at once.
    """

    name: str = "sequential"
    k_max: int = 16
    marginal_cost: float = 1 / 256
    """c, squared-reward units; not read by ``fixed``."""
    max_waves: int = 2
    """The first wave included; read by ``wave``."""

    def wanted(self, rule, group_mean, n, waves, prior, asked) -> np.ndarray:
        """``rule(group_mean, n, prior)`` where a prompt is open, cut to the room that is left; else 0."""
        given = group_mean, n, waves, prior
        group_mean, n, waves, prior = evidence = np.empty((4, max(map(np.size, given))))
        for row, values in zip(evidence, given, strict=True):
            row[:] = values
        room = self.k_max - (n if asked is None else np.atleast_1d(asked))
        is_open = (room > 0) & (n > 0) & np.isfinite(prior)
        if self.name in ("fixed", "allocated", "total"):
            is_open[:] = False
        if self.name == "wave":
            is_open &= waves < self.max_waves
        further = np.zeros(n.shape, dtype=np.int64)
        if is_open.any():
            further[is_open] = rule(group_mean[is_open], n[is_open], prior[is_open])
        return np.minimum(further, np.maximum(room, 0).astype(np.int64))

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""How many more rollouts a prompt gets: the budget policies around ``core.stopping``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from v05_verl.config import V05Config
from v05_verl.core.stopping import should_continue, wave_size


@dataclass(frozen=True)
class Budget:
    """Budget policy of one run; the arithmetic is ``core.stopping``'s."""

    config: V05Config

    def further_rollouts(self, rewards: Sequence[float], *, asked: int, waves: int, prior: float | None) -> int:
        """Rollouts to ask for next; 0 ends the prompt.

        Args:
            rewards: of the rollouts that came back so far, on the reward scale.
            asked: rollouts asked for so far, failed ones included; never exceeds k_max.
            waves: waves asked for so far.
            prior: V on the reward scale; None where the value model gave none, which ends the prompt.
        """
        config = self.config
        room = config.k_max - asked
        if config.budget == "fixed" or prior is None or not len(rewards) or room <= 0:
            return 0
        evidence = {
            "group_mean": float(np.mean(rewards)),
            "n": len(rewards),
            "prior": prior,
            "marginal_cost": config.cost,
            "max_rollouts": config.k_max,
            "noise_scale": config.noise_scale,
        }
        if config.budget == "sequential":
            return int(should_continue(**evidence, rule=config.rule))
        if waves >= config.max_waves:
            return 0
        return min(int(wave_size(**evidence)), room)

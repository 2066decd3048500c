# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""How many more rollouts a prompt gets: the budget policies around ``core.stopping``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from v05_verl.config import V05Config
from v05_verl.core.posterior import PriorModel, posterior_wave_size, worth_another
from v05_verl.core.stopping import should_continue, wave_size


@dataclass(frozen=True)
class Budget:
    """Budget policy of one run; the arithmetic is ``core.stopping``'s."""

    config: V05Config

    def further_rollouts(
        self,
        rewards: Sequence[float],
        *,
        asked: int,
        waves: int,
        prior: float | None,
        prior_model: PriorModel | None = None,
    ) -> int:
        """Rollouts to ask for next; 0 ends the prompt.

        Args:
            rewards: of the rollouts that came back so far, on the reward scale.
            asked: rollouts asked for so far, failed ones included; never exceeds k_max.
            waves: waves asked for so far.
            prior: V on the reward scale; None where the value model gave none, which ends the prompt.
            prior_model: what is known about the priors; read in the robust mode.
        """
        config = self.config
        room = config.k_max - asked
        if config.budget == "fixed" or prior is None or not len(rewards) or room <= 0:
            return 0
        if config.budget == "wave" and waves >= config.max_waves:
            return 0
        evidence = (float(np.mean(rewards)), len(rewards), prior)
        price = {"marginal_cost": config.cost, "max_rollouts": config.k_max}
        return min(self._wanted(evidence, price, prior_model), room)

    def _wanted(self, evidence: tuple, price: dict[str, float], prior_model: PriorModel | None) -> int:
        config = self.config
        if config.mode == "robust":
            rule = worth_another if config.budget == "sequential" else posterior_wave_size
            return int(rule(*evidence, prior_model or PriorModel(), **price, reward_range=config.reward_range))
        price = {**price, "noise_scale": config.noise_scale}
        if config.budget == "sequential":
            return int(should_continue(*evidence, **price, rule=config.rule))
        return int(wave_size(*evidence, **price))

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Per-prompt success counts, discounted by age."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from v05_verl.value.base import (
    check_option,
    check_state,
    checked_outcomes,
    checked_prompts,
    checked_step,
    hash_of,
    inside,
)
from v05_verl.value.constant import RunningMean
from v05_verl.value.memory import MAX_PROMPTS, Memory


class Tracker:
    """Beta counts of each prompt, as SPO's tracker (arXiv 2509.13232), but discounted by steps instead of by KL::

        a <- decay^age a + successes       b <- decay^age b + failures       age in training steps
        p  = (decay^age a + strength m) / (decay^age (a + b) + strength)     m = running mean of the policy

    A prompt never seen gets m, and one not seen for long goes back to it.

    Args:
        decay: weight of a rollout that is one step older, in (0, 1]; SPO clamps its own to [.875, .96] per visit.
            Default .98, the project's choice.
        strength: pseudo-rollouts at the running mean, > 0. Default 2, the project's choice.
        mean_decay: the running mean's weight of an outcome that is one step older, in (0, 1]. Default .9.
        max_prompts: prompts remembered; beyond it those not seen for longest are forgotten. Default 200,000.
    """

    def __init__(
        self, decay: float = 0.98, strength: float = 2.0, mean_decay: float = 0.9, max_prompts: int = MAX_PROMPTS
    ):
        decay = check_option("decay", decay, 0, 1, open_lo=True)
        half_life = np.inf if decay == 1 else np.log(0.5) / np.log(decay)
        self._strength = check_option("strength", strength, 0, np.inf, open_lo=True)
        self._mean = RunningMean(check_option("mean_decay", mean_decay, 0, 1, open_lo=True))
        self._memory = Memory([half_life], [0.0], int(check_option("max_prompts", max_prompts, 1, 10**8)))

    def predict(self, prompts: Sequence[str], step: int) -> np.ndarray:
        """(N,) posterior means."""
        ids = [hash_of(prompt) for prompt in checked_prompts(prompts)]
        mean = self._mean.value
        _, successes, trials = self._memory.evidence(ids, checked_step(step), mean)
        return inside((successes[:, 0] + self._strength * mean) / (trials[:, 0] + self._strength))

    def observe(self, prompts: Sequence[str], successes: ArrayLike, trials: ArrayLike, step: int) -> None:
        """Adds the counts and moves the running mean; steps may come in any order."""
        outcomes = checked_outcomes(prompts, successes, trials, step)
        if not outcomes.prompts:
            return
        before = self._mean.value
        self._mean.add(outcomes.rates, outcomes.step)
        ids = [hash_of(prompt) for prompt in outcomes.prompts]
        self._memory.add(ids, outcomes.successes, outcomes.trials, outcomes.step, before, self._mean.value)

    def state_dict(self) -> dict[str, Any]:
        """Counts of every prompt and the running mean."""
        return {"kind": "tracker", "memory": self._memory.state(), "mean": self._mean.state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes over counts and running mean."""
        check_state(state, "tracker", ["memory", "mean"])
        self._memory.load(state["memory"])
        self._mean.load(state["mean"])

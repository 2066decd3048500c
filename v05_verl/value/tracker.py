# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Per-prompt success counts, discounted by age."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from v05_verl.value.base import check_option, check_state, checked_outcomes, checked_prompts, checked_step, inside
from v05_verl.value.constant import RunningMean


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

    def __init__(self, decay: float = 0.98, strength: float = 2.0, mean_decay: float = 0.9, max_prompts: int = 200_000):
        self._decay = check_option("decay", decay, 0, 1, open_lo=True)
        self._strength = check_option("strength", strength, 0, np.inf, open_lo=True)
        self._mean = RunningMean(check_option("mean_decay", mean_decay, 0, 1, open_lo=True))
        self._max_prompts = int(check_option("max_prompts", max_prompts, 1, np.inf))
        self._counts: dict[str, tuple[float, float, int]] = {}  # prompt -> successes, trials, step; oldest first

    def predict(self, prompts: Sequence[str], step: int) -> np.ndarray:
        """(N,) posterior means."""
        step, mean = checked_step(step), self._mean.value
        p = np.empty(len(prompts := checked_prompts(prompts)))
        for i, prompt in enumerate(prompts):
            successes, trials = self._discounted(prompt, step)
            p[i] = (successes + self._strength * mean) / (trials + self._strength)
        return inside(p)

    def observe(self, prompts: Sequence[str], successes: ArrayLike, trials: ArrayLike, step: int) -> None:
        """Adds the counts and moves the running mean."""
        outcomes = checked_outcomes(prompts, successes, trials, step)
        if not outcomes.prompts:
            return
        self._mean.add(outcomes.rates, outcomes.step)
        for prompt, won, tried in zip(outcomes.prompts, outcomes.successes, outcomes.trials, strict=True):
            old_won, old_tried = self._discounted(prompt, outcomes.step)
            self._counts.pop(prompt, None)
            self._counts[prompt] = (old_won + float(won), old_tried + float(tried), outcomes.step)
        while len(self._counts) > self._max_prompts:
            self._counts.pop(next(iter(self._counts)))

    def _discounted(self, prompt: str, step: int) -> tuple[float, float]:
        successes, trials, seen = self._counts.get(prompt, (0.0, 0.0, step))
        fade = self._decay ** max(step - seen, 0)
        return fade * successes, fade * trials

    def state_dict(self) -> dict[str, Any]:
        """Counts of every prompt and the running mean."""
        counts = np.array(list(self._counts.values()), dtype=np.float64).reshape(-1, 3)
        return {"kind": "tracker", "prompts": list(self._counts), "counts": counts, "mean": self._mean.state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes over counts and running mean."""
        check_state(state, "tracker", ["prompts", "counts", "mean"])
        rows = zip(state["prompts"], np.asarray(state["counts"]), strict=True)
        self._counts = {prompt: (float(won), float(tried), int(seen)) for prompt, (won, tried, seen) in rows}
        self._mean.load(state["mean"])

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""What is known of a prompt from the policy's own visits, combined with what its text tells. Ours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import expit, logit

from v05_verl.value.base import Outcomes, hash_of

_PER_PROMPT = 2.0  # about sqrt(1 + .35 * 3^2), the attenuation of a logistic-normal mean


class History:
    """The newest outcomes of every prompt, as pseudo-rollouts beside a predicted success rate::

        past   = sigmoid(logit((successes + m0) / (trials + 1)) + 2 [logit(m1) - logit(m0)])
        weight = n f / (1 + n (1 - f) / fade_strength),  n = trials,  f = exp(-|u(step) - u(step')| / fade)
        p      = (strength p_text + weight past) / (strength + weight)

    m0, m1: the policy's mean success then and now; u(step) = log(1 + step / 10). The factor 2: a mean over prompts
    whose logits spread with sd 3 (U-shaped rates) moves half as far, on the logit scale, as each of them does. However
    many rollouts there were, a visit that has faded to f counts for at most fade_strength f / (1 - f).

    Args:
        strength: pseudo-rollouts that the text's prediction is worth, > 0.
        fade: of u, > 0.
        fade_strength: see above, > 0.
        max_prompts: prompts remembered; those not seen for longest are forgotten first.
    """

    def __init__(
        self, strength: float = 1.0, fade: float = 4.0, fade_strength: float = 8.0, max_prompts: int = 200_000
    ):
        self._strength, self._fade, self._fade_strength = strength, fade, fade_strength
        self._max_prompts = max_prompts
        # id of the prompt -> successes, trials, step, mean of the policy; by id, so that states stay small
        self._visits: dict[int, tuple[float, float, int, float]] = {}

    def add(self, outcomes: Outcomes, level: float) -> None:
        """Remembers a step's outcomes; ``level`` is the policy's mean success at it."""
        rows = zip(outcomes.prompts, outcomes.successes, outcomes.trials, strict=True)
        for prompt, successes, trials in rows:
            name = hash_of(prompt)
            self._visits.pop(name, None)
            self._visits[name] = (float(successes), float(trials), outcomes.step, level)
        while len(self._visits) > self._max_prompts:
            self._visits.pop(next(iter(self._visits)))

    def combined(self, p: np.ndarray, prompts: Sequence[str], step: int, level: float) -> np.ndarray:
        """(N,) text predictions ``p``, moved to the past of those prompts that have one at or before ``step``."""
        result = np.array(p, dtype=np.float64)
        for i, prompt in enumerate(prompts):
            visit = self._visits.get(hash_of(prompt))
            if visit is None or visit[2] > step:
                continue
            successes, n, then, past_level = visit
            fade = np.exp(-(np.log1p(step / 10) - np.log1p(then / 10)) / self._fade)
            weight = n * fade / (1 + n * (1 - fade) / self._fade_strength)
            moved = _PER_PROMPT * (logit(_safe(level)) - logit(_safe(past_level)))
            past = expit(logit((successes + _safe(past_level)) / (n + 1)) + moved)
            result[i] = (self._strength * p[i] + weight * past) / (self._strength + weight)
        return result

    def state(self) -> dict[str, Any]:
        """Ids of prompts and their visits."""
        visits = np.array(list(self._visits.values()), dtype=np.float64).reshape(-1, 4)
        return {"prompts": np.array(list(self._visits), dtype=np.int64), "visits": visits}

    def load(self, state: dict[str, Any]) -> None:
        """Takes over what :meth:`state` returned."""
        rows = zip(state["prompts"], np.asarray(state["visits"]), strict=True)
        self._visits = {int(prompt): (float(s), float(n), int(step), float(m)) for prompt, (s, n, step, m) in rows}


def _safe(rate: float) -> float:
    return min(max(rate, 0.02), 0.98)

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""One step's rollouts: how many each prompt gets, and what they earn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from v05_verl.lab.sampling import Samples

Draw = Callable[[np.ndarray, np.ndarray], Samples]
"""(indices of prompts, rollouts of each) -> samples, whose ``group`` counts within the given indices."""

Ask = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""(group_mean, n, waves so far, indices of prompts) -> further rollouts of each prompt, 0 to stop."""


@dataclass(frozen=True)
class Rollouts:
    """One row per rollout."""

    group: np.ndarray
    """(N,) index of the prompt."""
    wave: np.ndarray
    """(N,) round in which the rollout was asked for, from 0."""
    rewards: np.ndarray
    """(N,) -1 or 1."""
    tokens: np.ndarray
    """(N, R) response tokens, then -1."""
    log_probs: np.ndarray
    """(N, R) log-probabilities at the time of sampling."""

    def __len__(self) -> int:
        return len(self.group)

    @staticmethod
    def joined(parts: list[Rollouts]) -> Rollouts:
        """The rows of all parts, one after the other."""
        names = ("group", "wave", "rewards", "tokens", "log_probs")
        return Rollouts(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def rows(self, chosen: np.ndarray) -> Rollouts:
        """The rows of an index or a mask."""
        parts = (self.group, self.wave, self.rewards, self.tokens, self.log_probs)
        return Rollouts(*(part[chosen] for part in parts))

    def counts(self, prompts: int) -> np.ndarray:
        """(prompts,) rollouts of each prompt."""
        return np.bincount(self.group, minlength=prompts)

    def successes(self, prompts: int) -> np.ndarray:
        """(prompts,) rewards of 1 of each prompt."""
        return np.bincount(self.group, self.rewards > 0, minlength=prompts)


def graded(samples: Samples, indices: np.ndarray, answers: np.ndarray) -> Rollouts:
    """Rollouts of the first wave: a response is right if it is exactly the answer.

    Args:
        samples: their ``group`` counts within ``indices``.
        indices: prompts that were sampled.
        answers: (prompts, R) answer tokens, EOS included, then -1.
    """
    group = indices[samples.group]
    right = (samples.tokens == answers[group]).all(1)
    wave = np.zeros(len(group), dtype=np.int64)
    return Rollouts(group, wave, np.where(right, 1.0, -1.0), samples.tokens, samples.log_probs)


def collect(draw: Draw, answers: np.ndarray, sizes: np.ndarray, k_max: int | None, ask: Ask) -> Rollouts:
    """Rollouts of all prompts: ``sizes`` (prompts,) each, then as many more as ``ask`` wants, never above ``k_max``.

    The policy does not change within a step, so later rollouts are drawn in one batch and revealed one by one: what is
    revealed is distributed as if it had been asked for in turn, and what is not revealed is not counted. With
    ``k_max`` None there is only a first wave; otherwise all sizes are equal.
    """
    everyone = np.arange(len(answers))
    first = graded(draw(everyone, sizes), everyone, answers)
    if k_max is None:
        return first
    k_init = int(sizes[0])
    successes, n = first.successes(len(answers)), first.counts(len(answers))
    wanted = ask(2 * successes / n - 1, n, np.ones_like(n), everyone)
    open_prompts = np.flatnonzero(wanted)
    if len(open_prompts) == 0:
        return first
    spare = k_max - k_init
    pool = graded(draw(open_prompts, np.full(len(open_prompts), spare)), open_prompts, answers)
    wave = _reveal(pool.rewards.reshape(-1, spare), k_init, successes, open_prompts, wanted, ask)
    pool = Rollouts(pool.group, wave.ravel(), pool.rewards, pool.tokens, pool.log_probs)
    return Rollouts.joined([first, pool.rows(pool.wave > 0)])


def _reveal(
    rewards: np.ndarray, k_init: int, successes: np.ndarray, prompts: np.ndarray, wanted: np.ndarray, ask: Ask
) -> np.ndarray:
    """(open prompts, spare) wave in which each spare rollout was asked for; 0 where it never was."""
    wave = np.zeros(rewards.shape, dtype=np.int64)
    shown = np.zeros(len(prompts), dtype=np.int64)
    right_so_far = np.concatenate([np.zeros((len(prompts), 1)), np.cumsum(rewards > 0, axis=1)], axis=1)
    more = wanted[prompts]
    for round_number in range(1, rewards.shape[1] + 1):
        until = np.minimum(shown + more, rewards.shape[1])
        column = np.arange(rewards.shape[1])
        wave[(column >= shown[:, None]) & (column < until[:, None])] = round_number
        shown = until
        active = np.flatnonzero((more > 0) & (shown < rewards.shape[1]))
        if len(active) == 0:
            break
        n = k_init + shown[active]
        right = successes[prompts[active]] + right_so_far[active, shown[active]]
        more = np.zeros_like(more)
        more[active] = ask(2 * right / n - 1, n, np.full_like(n, 1 + round_number), prompts[active])
    return wave

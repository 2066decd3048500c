# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""The policy update, as verl's: clipped ratio, token mean, gradient clipping, AdamW with a linear warm-up."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.optim import AdamW

from v05_verl.lab.prefix_tree import response_log_probs
from v05_verl.lab.rollouts import Rollouts
from v05_verl.lab.tiny_lm import TinyLM

DUAL_CLIP = 3.0


class Optimization(NamedTuple):
    """Identical in all arms but for the learning rate, which is chosen per arm, and DAPO's upper clip."""

    learning_rate: float = 2e-4
    warmup_steps: int = 0
    """Training steps. None by default: arms differ in their number of steps, a warm-up would favour small groups."""
    weight_decay: float = 0.01
    max_grad_norm: float = 1.0
    mini_batches: int = 1
    clip_low: float = 0.2


class Updater:
    """The optimizer and its schedule; ``step`` counts training steps, not mini-batches."""

    def __init__(self, model: TinyLM, settings: Optimization):
        self.model, self.settings = model, settings
        self.optimizer = AdamW(
            model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay, foreach=True
        )

    def update(
        self,
        step: int,
        prompts: list[list[int]],
        rollouts: Rollouts,
        advantages: np.ndarray,
        clip_high: float,
        rng: np.random.Generator,
    ) -> float:
        """One training step; returns the mean gradient norm of its mini-batches before clipping."""
        settings = self.settings
        rate = settings.learning_rate * min(1.0, step / max(settings.warmup_steps, 1))
        for parameters in self.optimizer.param_groups:
            parameters["lr"] = rate
        norms = [
            self._update_once(prompts, rollouts.rows(rows), advantages[rows], clip_high)
            for rows in _split(rollouts.group, settings.mini_batches, rng)
        ]
        return float(np.mean(norms))

    def with_present_log_probs(self, prompts: list[list[int]], rollouts: Rollouts) -> Rollouts:
        """The rollouts as if the present policy had sampled them."""
        with torch.no_grad():
            log_probs = response_log_probs(self.model, prompts, rollouts.group, rollouts.tokens)
        return replace(rollouts, log_probs=log_probs.numpy())

    def _update_once(
        self, prompts: list[list[int]], rollouts: Rollouts, advantages: np.ndarray, clip_high: float
    ) -> float:
        self.optimizer.zero_grad()
        tokens = int((rollouts.tokens >= 0).sum())
        counts = np.flatnonzero(advantages)  # the others add nothing to the gradient
        if len(counts):
            rollouts, advantages = rollouts.rows(counts), advantages[counts]
            log_probs = response_log_probs(self.model, prompts, rollouts.group, rollouts.tokens)
            loss = clipped_loss(log_probs, rollouts, advantages, self.settings.clip_low, clip_high) / tokens
            loss.backward()
        else:
            for parameter in self.model.parameters():
                parameter.grad = torch.zeros_like(parameter)
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.max_grad_norm)
        self.optimizer.step()
        return float(norm)


def clipped_loss(
    log_probs: Tensor, rollouts: Rollouts, advantages: np.ndarray, clip_low: float, clip_high: float
) -> Tensor:
    """Sum over tokens of PPO's -min(ratio A, clip(ratio) A), bounded by -3 A where A < 0 (dual clip, verl's default).

    Args:
        log_probs: (N, R) of the response tokens under the current policy.
        rollouts: N rows with the log-probabilities at the time of sampling.
        advantages: (N,).
        clip_low, clip_high: the ratio is clipped to [1 - clip_low, 1 + clip_high].
    """
    response = torch.from_numpy(rollouts.tokens >= 0)
    old = torch.from_numpy(rollouts.log_probs).to(log_probs.dtype)
    ratio = torch.exp(log_probs - old)
    advantage = torch.from_numpy(advantages).to(log_probs.dtype)[:, None]
    clipped = ratio.clamp(1 - clip_low, 1 + clip_high)
    objective = torch.minimum(ratio * advantage, clipped * advantage)
    objective = torch.where(advantage < 0, torch.maximum(objective, DUAL_CLIP * advantage), objective)
    return -(objective * response).sum()


def _split(group: np.ndarray, parts: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Rows of each mini-batch; a group stays together, and prompts are dealt at random."""
    if parts == 1:
        return [np.arange(len(group))]
    part_of_prompt = rng.permutation(group.max() + 1) % parts
    return [np.flatnonzero(part_of_prompt[group] == part) for part in range(parts)]

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Exact success rates: a toy problem has one right answer, so its probability is the success rate."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from v05_verl.lab.tiny_lm import TinyLM

IGNORED = -100


class Encoded(NamedTuple):
    """Right-padded sequences: the inputs and, at each position, the next token where it belongs to the answer."""

    inputs: Tensor
    targets: Tensor


def encode(prompts: list[list[int]], answers: list[list[int]], pad_id: int) -> Encoded:
    """(batch, longest - 1) inputs and targets; targets are ``IGNORED`` outside the answers, which end with EOS."""
    longest = max(len(prompt) + len(answer) for prompt, answer in zip(prompts, answers, strict=True))
    inputs = np.full((len(prompts), longest - 1), pad_id)
    targets = np.full_like(inputs, IGNORED)
    for row, (prompt, answer) in enumerate(zip(prompts, answers, strict=True)):
        sequence = prompt + answer
        inputs[row, : len(sequence) - 1] = sequence[:-1]
        targets[row, len(prompt) - 1 : len(sequence) - 1] = answer
    return Encoded(torch.from_numpy(inputs), torch.from_numpy(targets))


class Accuracy(NamedTuple):
    """Per problem, on [0, 1]."""

    sampled: np.ndarray
    """Probability that a sample at temperature 1 is exactly the answer."""
    greedy: np.ndarray
    """1.0 where greedy decoding gives exactly the answer, else 0.0."""


@torch.no_grad()
def exact_accuracy(model: TinyLM, encoded: Encoded, batch: int = 256) -> Accuracy:
    """Success rates of every problem without sampling: one forward pass over the right answers.

    Greedy decoding yields the answer exactly where each of its tokens is the most likely one given those before.
    """
    sampled, greedy = [], []
    for inputs, targets in zip(encoded.inputs.split(batch), encoded.targets.split(batch), strict=True):
        logits = model.logits(model(inputs)[0])
        loss = F.cross_entropy(logits.transpose(1, 2), targets, ignore_index=IGNORED, reduction="none")
        wrong = (logits.argmax(-1) != targets) & (targets != IGNORED)
        sampled.append(loss.double().sum(1).neg().exp())
        greedy.append(1.0 - wrong.any(1).double())
    return Accuracy(torch.cat(sampled).numpy(), torch.cat(greedy).numpy())

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""A short supervised start that leaves success rates graded by difficulty."""

from __future__ import annotations

import random
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch.optim import AdamW
from transformers import PreTrainedTokenizerBase

from v05_verl.lab.scoring import IGNORED, Encoded, encode, exact_accuracy
from v05_verl.lab.tasks import Problem, Task
from v05_verl.lab.tiny_lm import Shape, TinyLM


class WarmStart(NamedTuple):
    """Ours: enough to solve the short problems, not the long ones."""

    target: float = 0.45
    """Stop once the mean success rate over the difficulties reaches this, so that seeds start alike."""
    max_steps: int = 600
    batch: int = 128
    learning_rate: float = 2e-3
    check_every: int = 10


def warm_started(task: Task, tokenizer: PreTrainedTokenizerBase, seed: int, settings: WarmStart) -> TinyLM:
    """A new model, trained on right answers to training prompts; the same for the same seed on one thread.

    Raises:
        RuntimeError: the target was not reached within ``max_steps``.
    """
    torch.manual_seed(seed)
    rng = random.Random(f"warm start {task.name} {seed}")
    model = TinyLM(Shape(vocabulary=len(tokenizer)))
    optimizer = AdamW(model.parameters(), lr=settings.learning_rate, weight_decay=0.0, foreach=True)
    probe = [task.draw_split(rng, difficulty, held_out=False) for difficulty in task.difficulties for _ in range(32)]
    probe_encoded = encode_problems(probe, tokenizer)
    reached = 0.0
    for step in range(1, settings.max_steps + 1):
        problems = [_kept_problem(task, rng) for _ in range(settings.batch)]
        encoded = encode_problems(problems, tokenizer)
        logits = model.logits(model(encoded.inputs)[0])
        loss = F.cross_entropy(logits.flatten(0, 1), encoded.targets.flatten(), ignore_index=IGNORED)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % settings.check_every == 0:
            reached = float(exact_accuracy(model, probe_encoded).sampled.mean())
            if reached >= settings.target:
                return model
    raise RuntimeError(
        f"the warm start of {task.name} (seed {seed}) reached a success rate of {reached:.2f}, not "
        f"{settings.target}, in {settings.max_steps} steps; lower the target or raise max_steps"
    )


def _kept_problem(task: Task, rng: random.Random) -> Problem:
    while True:
        difficulty = rng.choice(task.difficulties)
        if rng.random() < task.kept[difficulty - 1]:
            return task.draw_split(rng, difficulty, held_out=False)


def encode_problems(problems: list[Problem], tokenizer: PreTrainedTokenizerBase) -> Encoded:
    prompts, answers = token_ids(problems, tokenizer)
    return encode(prompts, answers, tokenizer.pad_token_id)


def token_ids(problems: list[Problem], tokenizer: PreTrainedTokenizerBase) -> tuple[list[list[int]], list[list[int]]]:
    """Token ids of the prompts and of the answers, EOS at the end of each answer; one id per character."""
    vocabulary = tokenizer.get_vocab()
    prompts = [[vocabulary[character] for character in problem.prompt] for problem in problems]
    answers = [[*(vocabulary[c] for c in problem.answer), tokenizer.eos_token_id] for problem in problems]
    return prompts, answers

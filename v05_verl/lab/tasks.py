# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Toy tasks: verifiable answers, a difficulty that the text reveals, and prompts held out by construction."""

from __future__ import annotations

import random
import zlib
from abc import ABC, abstractmethod
from typing import NamedTuple

DIGITS = "0123456789"
HELD_OUT_SHARE = 5


class Problem(NamedTuple):
    prompt: str
    answer: str
    difficulty: int


class Task(ABC):
    """One family of problems with difficulties 1 to ``len(kept)``.

    ``kept[d - 1]`` is the probability with which the supervised warm start keeps a problem of difficulty d: what it
    rarely saw, the model rarely solves, and reinforcement learning has a graded set of problems to work on.
    """

    name: str
    kept: tuple[float, ...]

    @property
    def difficulties(self) -> range:
        return range(1, len(self.kept) + 1)

    @abstractmethod
    def draw(self, rng: random.Random, difficulty: int) -> Problem:
        """A random problem of the given difficulty."""

    def draw_split(self, rng: random.Random, difficulty: int, *, held_out: bool) -> Problem:
        """A random problem of one side of the split; no prompt is ever on both sides."""
        while True:
            problem = self.draw(rng, difficulty)
            if is_held_out(problem.prompt) == held_out:
                return problem


class Reverse(Task):
    """``12345=`` -> ``54321``; the difficulty is the number of digits, 1 to 8."""

    name = "reverse"
    kept = (1.0, 1.0, 1.0, 1.0, 0.3, 0.3, 0.1, 0.1)

    def draw(self, rng: random.Random, difficulty: int) -> Problem:
        digits = "".join(rng.choice(DIGITS) for _ in range(difficulty))
        return Problem(f"{digits}=", digits[::-1], difficulty)


class Sort(Task):
    """``<3142=`` -> ``1234`` and ``>3142=`` -> ``4321``; 2, 4, 6 or 8 digits, ascending the easier half."""

    name = "sort"
    kept = (1.0, 1.0, 1.0, 1.0, 0.3, 0.3, 0.1, 0.1)

    def draw(self, rng: random.Random, difficulty: int) -> Problem:
        descending, size = divmod(difficulty - 1, 4)
        digits = [rng.choice(DIGITS) for _ in range(2 * size + 2)]
        answer = "".join(sorted(digits, reverse=bool(descending)))
        return Problem(f"{'<>'[descending]}{''.join(digits)}=", answer, difficulty)


class Chain(Task):
    """``3582+=`` -> ``7402``: from the first digit, each further character leads to the next digit by a table of 200
    facts; the answer is the digits passed through. The difficulty is the number of rare facts on the way, plus one.

    Which facts are used depends on the digits between, which the text does not show. So the text of a prompt tells
    little about its difficulty and its history a lot, as with real problems, and held-out prompts need the same facts.
    Rare facts are somewhat more common behind some characters than behind others, which is what the text does tell.
    """

    name = "chain"
    kept = (1.0, 0.06, 0.015, 0.004)
    length = 4
    moves = DIGITS + "+-*%<>|:ab"
    rare_share = 0.35

    def __init__(self) -> None:
        rng = random.Random("chain")
        self.after = {move: rng.sample(DIGITS, len(DIGITS)) for move in self.moves}
        shares = {move: 2 * self.rare_share * (i + 0.5) / len(self.moves) for i, move in enumerate(self.moves)}
        self.rare = {digit + move for digit in DIGITS for move in self.moves if rng.random() < shares[move]}

    def draw(self, rng: random.Random, difficulty: int) -> Problem:
        while True:
            digit, moves, answer, rare = rng.choice(DIGITS), rng.choices(self.moves, k=self.length), "", 0
            prompt = f"{digit}{''.join(moves)}="
            for move in moves:
                rare += digit + move in self.rare
                digit = self.after[move][int(digit)]
                answer += digit
            if min(rare, len(self.kept) - 1) == difficulty - 1:
                return Problem(prompt, answer, difficulty)


TASKS: dict[str, Task] = {task.name: task for task in (Reverse(), Sort(), Chain())}


def is_held_out(prompt: str) -> bool:
    """Whether a prompt belongs to the held-out split: a fifth of all prompts, by a hash of the text."""
    return zlib.crc32(prompt.encode()) % HELD_OUT_SHARE == 0


def find_task(name: str) -> Task:
    """The task of that name; ValueError names those that exist."""
    if name not in TASKS:
        raise ValueError(f"task must be one of {', '.join(TASKS)}, got {name!r}")
    return TASKS[name]

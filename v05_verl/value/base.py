# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""What every value model is: priors for prompts out, outcomes of the current policy in."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike

from v05_verl.core import checks
from v05_verl.state_checks import check_fields
from v05_verl.state_checks import state_array as state_array  # for value models of one's own

P_MIN = 1e-4
"""Predictions stay in [P_MIN, 1 - P_MIN]: the reward of one more rollout is never taken as certain."""


@runtime_checkable
class ValueModel(Protocol):
    """Predicts how often the current policy solves a prompt.

    A model is deterministic given the same calls, and the order of the rows inside one call does not matter (up to
    rounding). It knows prompts as plain texts (the user's message); it knows nothing of rollouts, rewards or verl.
    """

    def predict(self, prompts: Sequence[str], step: int) -> np.ndarray:
        """(N,) float64 success rates in the open interval (0, 1), for the policy as it is at training step ``step``."""

    def observe(self, prompts: Sequence[str], successes: ArrayLike, trials: ArrayLike, step: int) -> None:
        """Takes in outcomes of step ``step``: (N,) ``successes`` (may be fractional) out of (N,) ``trials`` > 0.

        In asynchronous training steps come out of order, by a few; a step may come in several calls.
        """

    def state_dict(self) -> dict[str, Any]:
        """Everything learnt so far, as plain data: what :func:`v05_verl.state_file.save` takes."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes over a state that ``state_dict`` of the same model returned; ValueError where it does not fit."""


class Outcomes(NamedTuple):
    """Rows of one call, sorted by prompt, rows of the same prompt added up."""

    prompts: list[str]
    successes: np.ndarray
    trials: np.ndarray
    step: int

    @property
    def rates(self) -> np.ndarray:
        return self.successes / self.trials

    def rows(self, index: np.ndarray) -> Outcomes:
        """The rows at ``index``."""
        return Outcomes([self.prompts[i] for i in index], self.successes[index], self.trials[index], self.step)


def checked_prompts(prompts: Sequence[str]) -> list[str]:
    """``prompts`` as a list; ValueError where it is one string or holds anything but strings."""
    if isinstance(prompts, str):
        raise ValueError("prompts must be a list of texts, got one text; wrap it in a list")
    prompts = list(prompts)
    for i, prompt in enumerate(prompts):
        if not isinstance(prompt, str):
            raise ValueError(f"prompts[{i}] must be a text, got {type(prompt).__name__}")
    return prompts


def checked_step(step: int) -> int:
    """``step`` as an int of at least 0; ValueError otherwise."""
    if isinstance(step, bool) or int(step) != step or step < 0:
        raise ValueError(f"step must be a whole number of at least 0, got {step!r}")
    return int(step)


def checked_outcomes(prompts: Sequence[str], successes: ArrayLike, trials: ArrayLike, step: int) -> Outcomes:
    """The rows of one ``observe`` call, checked, merged by prompt and put into an order of their own.

    Raises:
        ValueError: lengths that differ, NaN, trials <= 0, successes outside [0, trials], a prompt that is no text.
    """
    prompts = checked_prompts(prompts)
    successes, trials = checks.finite("successes", successes), checks.finite("trials", trials)
    checks.same_length(prompts=np.empty(len(prompts)), successes=successes, trials=trials)
    for i in range(len(prompts)):
        if trials[i] <= 0:
            raise ValueError(f"trials[{i}] must be above 0, got {trials[i]:g} (prompt {prompts[i][:60]!r})")
        if not 0 <= successes[i] <= trials[i]:
            raise ValueError(
                f"successes[{i}] = {successes[i]:g} is outside [0, trials = {trials[i]:g}] (prompt {prompts[i][:60]!r})"
            )
    order = sorted(range(len(prompts)), key=lambda i: (prompts[i], successes[i], trials[i]))
    names: list[str] = []
    index: np.ndarray = np.empty(len(prompts), dtype=np.int64)
    for i in order:
        if not names or names[-1] != prompts[i]:
            names.append(prompts[i])
        index[i] = len(names) - 1
    index, successes, trials = index[order], successes[order], trials[order]
    return Outcomes(
        names,
        np.bincount(index, successes, len(names)),
        np.bincount(index, trials, len(names)),
        checked_step(step),
    )


def inside(p: np.ndarray) -> np.ndarray:
    """``p`` clipped to [P_MIN, 1 - P_MIN], float64."""
    return np.clip(np.asarray(p, dtype=np.float64), P_MIN, 1 - P_MIN)


def check_state(state: dict[str, Any], kind: str, keys: Sequence[str]) -> None:
    """ValueError unless ``state`` was made by the value model ``kind`` and holds exactly ``keys``."""
    found = state.get("kind") if isinstance(state, dict) else type(state)
    if not isinstance(found, str) or found != kind:
        raise ValueError(f"the state is not one of the value model {kind!r}: its kind is {found!r:.60}")
    check_fields(f"value model {kind!r}", state, ("kind", *keys))


def check_option(name: str, value: float, lo: float, hi: float, *, open_lo: bool = False) -> float:
    """``value`` as a float inside [lo, hi] ((lo, hi] with ``open_lo``); ValueError naming the option otherwise."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"option {name} must be a number, got {value!r}") from error
    if not (lo <= number <= hi) or (open_lo and number == lo):
        raise ValueError(f"option {name} must lie in {'(' if open_lo else '['}{lo:g}, {hi:g}], got {number:g}")
    return number


def hash_of(text: str) -> int:
    """A 63-bit id of a text, the same in every process (Python's own hash is salted)."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little") >> 1

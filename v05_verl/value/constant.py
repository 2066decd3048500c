# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""One success rate for all prompts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from v05_verl.core import checks
from v05_verl.state_checks import state_array
from v05_verl.value.base import (
    check_option,
    check_state,
    checked_outcomes,
    checked_prompts,
    checked_step,
    inside,
)


class RunningMean:
    """Mean success rate of the policy, discounted by age: weight decay^(steps since), pseudo-counts at 1/2 first."""

    def __init__(self, decay: float, pseudo_prompts: float = 1.0):
        self.decay, self.pseudo_prompts = decay, pseudo_prompts
        self.total, self.weight, self.step = 0.0, 0.0, 0

    @property
    def value(self) -> float:
        return (self.total + 0.5 * self.pseudo_prompts) / (self.weight + self.pseudo_prompts)

    def add(self, rates: np.ndarray, step: int) -> None:
        """Every prompt counts once, however many rollouts it had: easy prompts must not weigh less.

        Steps may come in any order.
        """
        newest = max(self.step, step)
        fade, own = self.decay ** (newest - self.step), self.decay ** (newest - step)
        self.total = fade * self.total + own * float(np.sum(rates))
        self.weight = fade * self.weight + own * len(rates)
        self.step = newest

    def state(self) -> list[float]:
        return [self.total, self.weight, float(self.step)]

    def load(self, state: Sequence[float]) -> None:
        """Takes over what :meth:`state` returned; ValueError where it is damaged."""
        total, weight, step = state_array("mean", state, (3,), lo=0)
        checks.between("state: mean's total", total, 0, weight)
        self.total, self.weight, self.step = float(total), float(weight), int(checks.whole("state: mean's step", step))


class Constant:
    """The same p for every prompt: the control without any knowledge of the prompt.

    Args:
        p: fixed success rate in (0, 1); None (default): the running mean of the policy's outcomes (as in EBPO's
            global mean, arXiv 2602.05165), 1/2 before the first.
        decay: weight of an outcome that is one step older, in (0, 1]; the project's choice, .9: a mean over about
            ten steps. Not used with a fixed p.
    """

    def __init__(self, p: float | None = None, decay: float = 0.9):
        self._p = None if p is None else check_option("p", p, 0, 1)
        if self._p in (0.0, 1.0):
            raise ValueError(f"option p must lie inside (0, 1), got {p:g}")
        self._mean = RunningMean(check_option("decay", decay, 0, 1, open_lo=True))

    def predict(self, prompts: Sequence[str], step: int) -> np.ndarray:
        """(N,) the same p; ``step`` is not used."""
        checked_step(step)
        value = self._mean.value if self._p is None else self._p
        return inside(np.full(len(checked_prompts(prompts)), value))

    def observe(self, prompts: Sequence[str], successes: ArrayLike, trials: ArrayLike, step: int) -> None:
        """Moves the running mean."""
        outcomes = checked_outcomes(prompts, successes, trials, step)
        if outcomes.prompts:
            self._mean.add(outcomes.rates, outcomes.step)

    def state_dict(self) -> dict[str, Any]:
        """The running mean."""
        return {"kind": "constant", "mean": self._mean.state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes over the running mean."""
        check_state(state, "constant", ["mean"])
        self._mean.load(state["mean"])

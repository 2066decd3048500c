# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Online recalibration of any value model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from v05_verl.core.recalibration import Recalibration, fit_recalibration
from v05_verl.state_checks import state_array, state_text
from v05_verl.value.base import check_option, check_state, checked_outcomes, inside


class Recalibrated:
    """Another value model, whose predictions are put right by slope and shift on the logit scale.

    Both are fitted, after every step, on the last ``window`` pairs of what the model predicted and what came of it:
    :func:`v05_verl.core.recalibration.fit_recalibration`, with its priors on (1, 0). Ours.

    Args:
        of: name of the value model, as for :func:`v05_verl.value.build`.
        window: pairs kept, at least 1. Default 512.
        **options: of that model.
    """

    def __init__(self, of: str = "gp", window: int = 512, **options: Any):
        from v05_verl.value import build

        self._of = of
        self._model = build(of, **options)
        self._window = int(check_option("window", window, 1, np.inf))
        self._pairs = np.empty((0, 3))  # predicted, successes, trials
        self._recalibration = Recalibration()

    @property
    def recalibration(self) -> Recalibration:
        """Slope and shift in use."""
        return self._recalibration

    def predict(self, prompts: Sequence[str], step: int) -> np.ndarray:
        """(N,) recalibrated success rates."""
        return inside(self._recalibration(self._model.predict(prompts, step)))

    def observe(self, prompts: Sequence[str], successes: ArrayLike, trials: ArrayLike, step: int) -> None:
        """Compares the model's own predictions with the outcomes, then lets it learn from them."""
        outcomes = checked_outcomes(prompts, successes, trials, step)
        if not outcomes.prompts:
            return
        predicted = self._model.predict(outcomes.prompts, step)
        pairs = np.column_stack([predicted, outcomes.successes, outcomes.trials])
        self._pairs = np.concatenate([self._pairs, pairs])[-self._window :]
        self._recalibration = fit_recalibration(*self._pairs.T)
        self._model.observe(prompts, successes, trials, step)

    def metrics(self) -> dict[str, float]:
        """Slope and shift, and what the model itself reports."""
        own = self._model.metrics() if hasattr(self._model, "metrics") else {}
        return {**own, "slope": float(self._recalibration.slope), "shift": float(self._recalibration.shift)}

    def state_dict(self) -> dict[str, Any]:
        """The pairs and the model's own state."""
        return {"kind": "recalibrated", "of": self._of, "pairs": self._pairs.copy(), "model": self._model.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes over both; ValueError where the state is of another model."""
        check_state(state, "recalibrated", ["of", "pairs", "model"])
        if state_text("of", state["of"]) != self._of:
            raise ValueError(f"the state is of value model {state['of']!r:.60}, not {self._of!r}")
        pairs = state_array("pairs", state["pairs"], (None, 3), lo=0, hi=(1, np.inf, np.inf))[-self._window :]
        recalibration = fit_recalibration(*pairs.T)  # refuses what cannot be
        self._model.load_state_dict(state["model"])
        self._pairs, self._recalibration = pairs, recalibration

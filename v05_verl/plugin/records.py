# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""What the rollout scheduler tells the trainer about each prompt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

TICKET_KEY = "v05_prior_ticket"
"""Batch field, and so keyword of a worker's ``_run_prompt``, that brings the priors of a step."""

GROUP_SIZE_KEY = "__rollout_n__"
"""verl's own batch field for the rollouts of each prompt."""


@dataclass
class PromptRecord:
    """One training prompt, from dispatch to its last rollout."""

    uid: str
    text: str
    """The prompt as the value model saw it."""
    prior: float | None = None
    """V on the reward scale; None where the value model gave none."""
    prior_error: str | None = None
    """Why there is no prior."""
    prior_wait_s: float = 0.0
    """Seconds from the end of the first wave until the prior was in hand."""
    wave_of_session: list[int] = field(default_factory=list)
    """For each rollout asked for, the number of its wave."""
    failed_sessions: list[int] = field(default_factory=list)
    """Rollouts that raised an error."""
    reward_info: dict[str, list[float]] = field(default_factory=dict)
    """Numbers that the reward function returned beside the score, one per rollout."""
    error: str | None = None
    """Why the scheduler itself failed on this prompt."""

    def note_reward_info(self, info: Mapping[str, Any]) -> None:
        """Takes in what the reward function returned for one rollout; texts are left out."""
        for name, value in info.items():
            if name != "score" and isinstance(value, int | float | np.number):
                self.reward_info.setdefault(name, []).append(float(value))

    @property
    def asked(self) -> int:
        return len(self.wave_of_session)

    @property
    def waves(self) -> int:
        return self.wave_of_session[-1] + 1 if self.wave_of_session else 0

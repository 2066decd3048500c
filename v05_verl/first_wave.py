# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""How many rollouts the prompts of a step start with: what the methods decide, and ``k_init: auto``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from v05_verl.core.group_size import GroupSize, first_wave_sizes, group_size
from v05_verl.prior_record import PriorRecord


class FirstWave(NamedTuple):
    """Group sizes of one step, decided before anything is generated."""

    sizes: np.ndarray
    """(P,) rollouts of the first wave, int64; P is the number of prompts of the step."""
    choice: GroupSize | None = None
    """Why, where the priors decided."""
    total: int | None = None
    """Rollouts of the whole step, where the budget fixes them."""

    def metrics(self, record: PriorRecord) -> dict[str, float]:
        """``k_init: auto``: k, the errors that it expects of baselines, and those of priors as ``record`` has them.

        What is not known yet is left out.
        """
        error, _, expected = record.measured_risk()
        chosen = {} if self.choice is None else self.choice._asdict()
        values = {"k": self.sizes.max(), **chosen, "prior_error": error, "prior_error_expected": expected}
        return {f"v05/auto/{name}": float(value) for name, value in values.items() if np.isfinite(value)}


@dataclass(frozen=True)
class AutoSize:
    """``k_init: auto``: as many prompts as the prior's worth allows, see :mod:`v05_verl.core.group_size`; ours."""

    reference_n: int = 4
    """The baseline is to be as good as leave one out among so many; also the most rollouts per prompt."""
    slack: float = 1.5
    """Times the reference's risk."""
    min_pairs: int = 256
    """Pairs of priors and outcomes that must be known before k leaves ``reference_n``; so many stand for the next."""
    probe_share: float = 0.125
    """Of the rollouts, for groups of ``reference_n`` where k = 1."""
    step_rollouts: int | None = None
    """None: prompts times ``reference_n``."""

    def first_wave(self, prompts: int, record: PriorRecord, reward_range: tuple[float, float]) -> FirstWave:
        """See :meth:`v05_verl.method.Method.first_wave`."""
        rollouts = self.step_rollouts or prompts * self.reference_n
        choice, k = None, self.reference_n
        if record.seen >= self.min_pairs:
            noise, uncertainty = record.noise()
            choice = group_size(
                record.recent(self.min_pairs),
                record.model,
                reference_n=self.reference_n,
                slack=self.slack,
                overconfidence=record.overconfidence(),
                most_noise=noise + uncertainty if np.isfinite(noise) else np.inf,
                reward_range=reward_range,
            )
            k = choice.k
        sizes = first_wave_sizes(rollouts, k, probe_n=self.reference_n, probe_share=self.probe_share)
        return FirstWave(sizes, choice)

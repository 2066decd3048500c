# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Which prompts are worth rollouts at all. Ours."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from v05_verl.core import checks


def most_uncertain(prior: ArrayLike, count: int, reward_range: tuple[float, float] = (-1.0, 1.0)) -> np.ndarray:
    """The ``count`` prompts with the largest predicted reward variance (hi - V)(V - lo), in their given order.

    A rollout of a prompt that is always or never solved has no advantage; this variance is that of the reward of one
    rollout if V is right, and bounds its share in the gradient's signal.

    Args:
        prior: (P,) V inside the reward range.
        count: prompts to take, 1 to P. Among equals the first are taken.
        reward_range: (lo, hi).

    Returns:
        (count,) indices, ascending.

    Raises:
        ValueError: NaN or a value outside the range; count below 1 or above P.
    """
    lo, hi = checks.checked_range(reward_range)
    prior = checks.in_range("prior", prior, reward_range)
    if not 1 <= count <= len(prior):
        raise ValueError(f"count must be from 1 to the {len(prior)} prompts there are, got {count}")
    return np.sort(np.argsort(-(hi - prior) * (prior - lo), kind="stable")[:count])

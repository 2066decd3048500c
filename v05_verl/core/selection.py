# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Which prompts are worth rollouts at all. Ours.

A rollout of a prompt that is always or never solved has no advantage. Both rules take the ``count`` prompts of largest
worth if their priors are right.

Args of both:
    prior: (P,) V inside the reward range.
    count: prompts to take, 1 to P. Among equals the first are taken.
    reward_range: (lo, hi).

Both return (count,) indices, ascending, and raise ValueError for NaN or a value outside the range, or a count below 1
or above P.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from v05_verl.core import checks


def most_uncertain(prior: ArrayLike, count: int, reward_range: tuple[float, float] = (-1.0, 1.0)) -> np.ndarray:
    """Worth (hi - V)(V - lo): the predicted variance of a rollout's reward, which bounds its share in the signal.

    This looks one step ahead: prompts that are hard, but not hopeless, wait until all easier ones are mastered.
    """
    lo, hi = checks.checked_range(reward_range)
    prior = checks.in_range("prior", prior, reward_range)
    return _largest((hi - prior) * (prior - lo), count)


def most_promising(prior: ArrayLike, count: int, reward_range: tuple[float, float] = (-1.0, 1.0)) -> np.ndarray:
    """Worth (hi - V)^2 (V - lo): that variance times what is left to gain, largest at a success rate of 1/3."""
    lo, hi = checks.checked_range(reward_range)
    prior = checks.in_range("prior", prior, reward_range)
    return _largest((hi - prior) ** 2 * (prior - lo), count)


RULES = {"promise": most_promising, "variance": most_uncertain}
"""By the value of ``v05.prompt_choice``."""


def _largest(worth: np.ndarray, count: int) -> np.ndarray:
    if not 1 <= count <= len(worth):
        raise ValueError(f"count must be from 1 to the {len(worth)} prompts there are, got {count}")
    return np.sort(np.argsort(-worth, kind="stable")[:count])

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Which prompts are worth rollouts at all. Ours.

A rollout of a prompt that is always or never solved has no advantage. Each rule gives every prompt a worth by its
prior, or draws one; :func:`choose` takes those of largest worth.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from v05_verl.core import scale

Choice = Literal["promise", "variance", "sampled", "thompson"]


def choose(
    choice: Choice,
    prior: ArrayLike,
    count: int,
    reward_range: tuple[float, float] = (-1.0, 1.0),
    *,
    rng: np.random.Generator | None = None,
    strength: float = 8.0,
) -> np.ndarray:
    """(count,) indices of the prompts to take, ascending.

    With p = success rate by the prior and q = 1 - p, taken are those of largest worth:

    * ``promise``: p q^2, the variance of a reward times what is left to gain, largest at 1/3; ours.
    * ``variance``: p q, which bounds a rollout's share in the signal. It looks one step ahead: prompts that are hard,
      but not hopeless, wait until all easier ones are mastered.
    * ``sampled``: drawn without replacement with weights sqrt(p q) + .05, as SPO (arXiv 2509.13232).
    * ``thompson``: the success rate drawn from Beta(s p, s q) that is nearest 1/2, as MoPPS (arXiv 2507.04632), whose
      Beta counts each prompt's own outcomes.

    Args:
        choice: the rule.
        prior: (P,) V inside the reward range.
        count: prompts to take, 1 to P. Among equals the first are taken.
        reward_range: (lo, hi).
        rng: of the rules that draw, which need it.
        strength: s > 0, pseudo-rollouts that the prior is worth; read by ``thompson``.

    Raises:
        ValueError: NaN or a value outside the range, a count below 1 or above P, a rule that draws without ``rng``.
    """
    p = scale.to_success(prior, reward_range)
    if not 1 <= count <= len(p):
        raise ValueError(f"count must be from 1 to the {len(p)} prompts there are, got {count}")
    worth = _worth(choice, p, rng, strength)
    return np.sort(np.argsort(-worth, kind="stable")[:count])


def _worth(choice: Choice, p: np.ndarray, rng: np.random.Generator | None, strength: float) -> np.ndarray:
    if choice == "promise":
        return p * (1 - p) ** 2
    if choice == "variance":
        return p * (1 - p)
    if rng is None:
        raise ValueError(f"the choice {choice!r} draws, and was given no rng")
    if choice == "sampled":  # the largest of log weight + Gumbel noise is a draw by weight, the next one of the rest, …
        return np.log(np.sqrt(p * (1 - p)) + 0.05) + rng.gumbel(size=len(p))
    tiny = 1e-6  # a Beta needs two positive counts
    return -np.abs(rng.beta(np.maximum(strength * p, tiny), np.maximum(strength * (1 - p), tiny)) - 0.5)

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
from v05_verl.core.posterior import PriorModel, expected_outcome_variance, expected_promise

Choice = Literal["promise", "variance", "sampled", "thompson"]


def choose(
    choice: Choice,
    prior: ArrayLike,
    count: int,
    reward_range: tuple[float, float] = (-1.0, 1.0),
    *,
    model: PriorModel | None = None,
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

    With a ``model`` of what priors have turned out to be worth, the first two are expectations under it, E[p q^2] and
    E[p q], p being anywhere about the recalibrated prior: priors of prompts that are taken because they look promising
    err on one side. The other two are as their papers have them.

    Args:
        choice: the rule.
        prior: (P,) V inside the reward range.
        count: prompts to take, 1 to P. Among equals the first are taken.
        reward_range: (lo, hi).
        model: what is known about the priors, or None to take them as they are.
        rng: of the rules that draw, which need it.
        strength: s > 0, pseudo-rollouts that the prior is worth; read by ``thompson``.

    Raises:
        ValueError: NaN or a value outside the range, a count below 1 or above P, a rule that draws without ``rng``.
    """
    p = scale.to_success(prior, reward_range)
    if not 1 <= count <= len(p):
        raise ValueError(f"count must be from 1 to the {len(p)} prompts there are, got {count}")
    if model is not None and choice in ("promise", "variance"):
        worth = _expected_worth(choice, prior, model, reward_range)
    else:
        worth = _worth(choice, p, rng, strength)
    return np.sort(np.argsort(-worth, kind="stable")[:count])


def _expected_worth(
    choice: Choice, prior: ArrayLike, model: PriorModel, reward_range: tuple[float, float]
) -> np.ndarray:
    if choice == "promise":
        return expected_promise(prior, model, reward_range=reward_range)
    return expected_outcome_variance(reward_range[0], 0, prior, model, reward_range=reward_range)


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

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""What each prompt's further rollouts are expected to be worth after its first wave, for ``core.spending``. All ours.

Each function gives (P, M) steps in squared-reward units: [i, m] is the expected gain of rollout n_i + m + 1, -inf
beyond most_i; M = the largest most - n (0 if none). Counts are of rollouts with a reward: a rollout that failed lowers
``most`` of its prompt by one instead, so that it counts as asked and is not replaced. A NaN in ``prior`` is a prompt
without a prior.

==============================  =====================================================================================
:func:`variance_steps`          fall of the expected variance of a leave-one-out gradient
:func:`baseline_steps`          fall of the Bayes risk of the baseline, robust mode
:func:`shrinkage_steps`         fall of the estimated risk of the baseline, paper mode (the quantity of the paper's
                                stopping rule)
==============================  =====================================================================================
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from v05_verl.core import checks
from v05_verl.core.posterior import PriorModel, expected_falls, expected_outcome_variance
from v05_verl.core.scale import noise_scale
from v05_verl.core.shrinkage import fuse
from v05_verl.core.stopping import next_fall


def variance_steps(
    group_mean: ArrayLike,
    n: ArrayLike,
    prior: ArrayLike,
    model: PriorModel,
    most: ArrayLike,
    *,
    reward_range: tuple[float, float] = (-1.0, 1.0),
) -> np.ndarray:
    """A / (k (k - 1)) at k = n_i + m rollouts, with A = (hi - lo)^2 E[p (1 - p) | prior, wave]: VIP after a look.

    The variance of a prompt's gradient with leave-one-out baselines is A / (k - 1) (VIP, arXiv 2602.01601 [P]), here
    with the expectation over the posterior of ``core.posterior``. It is infinite at k = 1 and undefined at 0. There
    the step is A, twice that of the third rollout: the single rollout's baseline is the prior, whose risk is below A
    (A / s under a Beta posterior worth s > 1 rollouts), so the second cannot gain more. No row rises.

    Args:
        group_mean: (P,) v_k inside the reward range; not read where n = 0.
        n: (P,) k, whole numbers of at least 0.
        prior: (P,) V inside the reward range or NaN, which leaves the outlier component and the wave.
        model: what is known about the priors.
        most: k_max, less the failed rollouts of the prompt; whole numbers, one or (P,).
        reward_range: (lo, hi).

    Raises:
        ValueError: as :func:`v05_verl.core.posterior.posterior`; most not whole or of another length.
    """
    n, most = _checked(n, most)
    outcome = expected_outcome_variance(group_mean, n, prior, model, reward_range=reward_range)
    k = _counts(n, most)
    step = 4 * noise_scale(reward_range) * outcome[:, None] / np.maximum(k * (k - 1), 1)
    return _limited(step, k, most)


def baseline_steps(
    group_mean: ArrayLike,
    n: ArrayLike,
    prior: ArrayLike,
    model: PriorModel,
    most: ArrayLike,
    *,
    reward_range: tuple[float, float] = (-1.0, 1.0),
) -> np.ndarray:
    """Further fall of the Bayes risk by the (m + 1)-th further rollout, all asked for at once; at least 0.

    Differences of :func:`v05_verl.core.posterior.expected_falls`. A row may rise, where one rollout cannot change the
    mean by enough and several can. O(P M^2) time. Arguments and errors: as :func:`variance_steps`.
    """
    n, most = _checked(n, most)
    k = _counts(n, most)
    falls = expected_falls(group_mean, n, prior, model, most=k.shape[1], reward_range=reward_range)
    return _limited(np.maximum(np.diff(falls, axis=1, prepend=0.0), 0.0), k, most)


def shrinkage_steps(
    group_mean: ArrayLike,
    n: ArrayLike,
    prior: ArrayLike,
    most: ArrayLike,
    *,
    reward_range: tuple[float, float] = (-1.0, 1.0),
) -> np.ndarray:
    """s_max^2 D^2 / ((k D + 1) ((k + 1) D + 1)) at k = n_i + m, D of the wave held fixed; no row rises.

    The discrete rule of :func:`v05_verl.core.stopping.should_continue` buys exactly the steps above its price. 0 where
    the prior is accepted, unknown (NaN), or no rollout came back: the test has nothing to say there. For
    :func:`v05_verl.core.spending.spend_in_turn`. Arguments and errors: as :func:`variance_steps`.
    """
    n, most = _checked(n, most)
    prior = np.asarray(prior, dtype=np.float64)
    checks.same_length(n=n, group_mean=np.asarray(group_mean), prior=prior)
    tested = (n > 0) & ~np.isnan(prior)
    bias = np.zeros(len(n))
    mean = checks.in_range("group_mean", np.asarray(group_mean)[tested], reward_range)
    prior = checks.in_range("prior", prior[tested], reward_range)
    scale = noise_scale(reward_range)
    bias[tested] = fuse(mean, n[tested], prior, scale).prior_bias_sq / scale
    k = _counts(n, most)
    return _limited(scale * next_fall(bias[:, None], k), k, most)


def _checked(n: ArrayLike, most: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    n, most = checks.whole("n", n), checks.whole("most", most)
    most = np.broadcast_to(most, n.shape) if most.ndim == 0 else most
    checks.same_length(n=n, most=most)
    return n, most


def _counts(n: np.ndarray, most: np.ndarray) -> np.ndarray:
    """(P, M) rollouts before each step."""
    return n[:, None] + np.arange(max(int((most - n).max(initial=0)), 0))


def _limited(step: np.ndarray, k: np.ndarray, most: np.ndarray) -> np.ndarray:
    return np.where(k < most[:, None], step, -np.inf)

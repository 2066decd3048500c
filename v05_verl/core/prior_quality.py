# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""How good priors are, judged by a few rollouts per prompt. All ours.

Give the rollouts of the *first* wave only: how many later ones there are depends on the rewards, which biases every
estimate here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from v05_verl.core import checks

VISITS = ("first", "second", "third_to_fifth", "later")
"""Classes of visits of a prompt, as :func:`visit_class` numbers them."""


def mean_squared_error(prior: ArrayLike, group_mean: ArrayLike, group_var: ArrayLike, n: ArrayLike) -> float:
    """Mean of (V - mu)^2 over prompts, freed of the sampling noise of the group means.

    E[(V - v_k)^2] = (V - mu)^2 + sigma^2 / k, so the unbiased variance of each group over its k is taken off. The
    result can be below 0 by chance. Groups of one rollout have no variance and are left out; NaN where none is left.

    Args:
        prior: (P,) V, on the reward scale.
        group_mean: (P,) v_k.
        group_var: (P,) unbiased variance of the rewards of the group (ddof = 1); ignored where n = 1.
        n: (P,) k.
    """
    prior, group_mean, n = checks.finite("prior", prior), checks.finite("group_mean", group_mean), checks.counts("n", n)
    usable = n >= 2
    if not usable.any():
        return float("nan")
    noise = np.asarray(group_var, dtype=np.float64)[usable] / n[usable]
    return float(np.mean((prior[usable] - group_mean[usable]) ** 2 - noise))


def area_under_curve(prior: ArrayLike, solved: ArrayLike) -> float:
    """Probability that a solved prompt has the higher prior than an unsolved one, ties counting half.

    Args:
        prior: (P,) V.
        solved: (P,) booleans; the V0 paper calls a prompt solved when its mean reward is at least the middle of the
            range.

    Returns:
        In [0, 1]; NaN where all prompts are solved or none is.
    """
    prior, solved = checks.finite("prior", prior), np.asarray(solved, dtype=bool)
    checks.same_length(prior=prior, solved=solved)
    positives, negatives = int(solved.sum()), int((~solved).sum())
    if positives == 0 or negatives == 0:
        return float("nan")
    rank_sum = rankdata(prior)[solved].sum()
    return float((rank_sum - positives * (positives + 1) / 2) / (positives * negatives))


def calibration_slope(prior: ArrayLike, group_mean: ArrayLike) -> float:
    """Slope of the least-squares line of group means on priors.

    1 is calibrated, above 1 compressed priors, below 1 priors that are too bold. NaN where priors hardly differ, by
    less than a hundredth of what group means do (standard deviations): the slope would be that of their rounding. So
    it never exceeds 100.
    """
    prior, group_mean = checks.finite("prior", prior), checks.finite("group_mean", group_mean)
    checks.same_length(prior=prior, group_mean=group_mean)
    if len(prior) == 0 or np.ptp(prior) == 0 or prior.std() < 0.01 * group_mean.std():
        return float("nan")
    centred = prior - prior.mean()
    return float(np.sum(centred * group_mean) / np.sum(centred**2))


def visit_class(visit: ArrayLike) -> np.ndarray:
    """(P,) indices into :data:`VISITS` of the numbers of visits, 1 for the first."""
    return np.asarray(np.digitize(checks.counts("visit", visit), [2, 3, 6]))


def by_visit(
    visit: ArrayLike, prior: ArrayLike, group_mean: ArrayLike, group_var: ArrayLike, n: ArrayLike, middle: float
) -> dict[str, float]:
    """``mse/CLASS``, ``auc/CLASS`` and ``prompts/CLASS`` of priors, for every class of :data:`VISITS` that occurs.

    Args:
        visit: (P,) which visit of its prompt a row is, 1 for the first.
        prior, group_mean, group_var, n: as for :func:`mean_squared_error`.
        middle: mean reward from which on a prompt counts as solved, as for :func:`area_under_curve`.

    Returns:
        Floats; NaN where a class allows no estimate.
    """
    index = visit_class(visit)
    columns = [np.asarray(column, dtype=np.float64) for column in (prior, group_mean, group_var, n)]
    checks.same_length(visit=index, **dict(zip(("prior", "group_mean", "group_var", "n"), columns, strict=True)))
    values: dict[str, float] = {}
    for i in np.unique(index):
        own_prior, own_mean, own_var, own_n = (column[index == i] for column in columns)
        values[f"mse/{VISITS[i]}"] = mean_squared_error(own_prior, own_mean, own_var, own_n)
        values[f"auc/{VISITS[i]}"] = area_under_curve(own_prior, own_mean >= middle)
        values[f"prompts/{VISITS[i]}"] = float(len(own_prior))
    return values

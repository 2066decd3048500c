# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""The robust mode: a posterior of each prompt's success rate that knows how much priors have been worth. All ours.

A prior V is first recalibrated on the logit scale; the success rate is then Beta around it or, with probability eps,
anything (a hallucinated prior)::

    m = sigmoid(shift + slope * logit(p_V))           p_V = (V - lo) / (hi - lo)
    p ~ (1 - eps) Beta(m s, (1 - m) s) + eps Beta(a0, b0)

The six parameters are fitted by (penalised) maximum likelihood on past pairs of priors and outcomes
(:mod:`v05_verl.core.posterior_fit`). Rewards inside the range count as fractions of a success, and a rollout counts as
w of them: rewards that vary less than success or failure would, such as shares of tests or a range that is wider than
what the reward function returns, tell more of their mean (quasi-likelihood, dispersion 1 / w).
"""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, logit

from v05_verl.core import checks
from v05_verl.core.beta_mixture import BetaMixture
from v05_verl.core.scale import to_success
from v05_verl.core.segments import Segments, admissible, starts

P_MIN = 0.01
"""Priors and m stay this far from 0 and 1: no prior is taken as certain."""

PosteriorKind = Literal["fused", "predictable", "shared"]


class PriorModel(NamedTuple):
    """What is known about the priors; the defaults, before anything is, trust them as much as one rollout."""

    shift: float = 0.0
    """Added to the logit of the prior."""
    slope: float = 1.0
    """Factor on the logit of the prior, > 0; above 1 where priors are compressed."""
    strength: float = 1.0
    """s > 0, pseudo-rollouts that a prior is worth."""
    outlier_share: float = 0.1
    """eps in (0, 1), share of priors that say nothing about their prompt."""
    outlier_a: float = 0.5
    """a0 > 0 of the success rates of those prompts."""
    outlier_b: float = 0.5
    """b0 > 0."""
    rollout_weight: int = 1
    """w, whole number of at least 1: outcomes, each a success or a failure, that a rollout counts as."""

    def recalibrated(self, success_rate: np.ndarray) -> np.ndarray:
        """m for predicted success rates, in (0, 1)."""
        return squeezed_sigmoid(self.shift + self.slope * logit(np.clip(success_rate, P_MIN, 1 - P_MIN)))


class Posterior(NamedTuple):
    """Result of :func:`posterior`; every field has the broadcast shape of its arguments."""

    mean: np.ndarray
    """Posterior mean of the mean reward: the baseline, on the reward scale."""
    variance: np.ndarray
    """Posterior variance of the mean reward, squared-reward units: the Bayes risk of that baseline."""
    value_of_information: np.ndarray
    """Exact expected fall of ``variance`` by one more rollout, squared-reward units."""


def posterior(
    group_mean: ArrayLike,
    n: ArrayLike,
    prior: ArrayLike,
    model: PriorModel,
    *,
    reward_range: tuple[float, float] = (-1.0, 1.0),
) -> Posterior:
    """Posterior of each prompt's mean reward after n rollouts.

    With S = w n (v_k - lo) / (hi - lo) successes and F = w n - S, each component has the posterior Beta(a + S, b + F)
    and the weight of its share times B(a + S, b + F) / B(a, b). The value of one more rollout is the variance of the
    posterior mean over its outcome: for w = 1 P(success) P(failure) (mean after success - mean after failure)^2.

    Args:
        group_mean: v_k inside the reward range; any shape; not read where n = 0.
        n: k, whole numbers of at least 0; broadcast.
        prior: V inside the reward range; broadcast.
        model: what is known about the priors.
        reward_range: (lo, hi).

    Raises:
        ValueError: n negative or not whole, NaN, a value outside the range, parameters of the model out of range.
    """
    lo, hi = checks.checked_range(reward_range)
    components = _after_rollouts(group_mean, n, prior, model, reward_range)
    width, gain = hi - lo, components.variance_of_next_mean(model.rollout_weight)
    return Posterior(lo + width * components.mean(), width**2 * components.variance(), width**2 * gain)


def worth_another(
    group_mean: ArrayLike,
    n: ArrayLike,
    prior: ArrayLike,
    model: PriorModel,
    *,
    marginal_cost: float,
    max_rollouts: int,
    reward_range: tuple[float, float] = (-1.0, 1.0),
) -> np.ndarray:
    """Whether one more rollout of each prompt lowers the Bayes risk of its baseline by more than its price.

    The one-step look-ahead of :func:`v05_verl.core.stopping.should_continue` with the exact value of information in
    place of the plug-in; it may go on where the rollouts agree with the prior, and stop where they do not.
    Never at n >= max_rollouts. Arguments and errors: as :func:`posterior` and ``should_continue``.
    """
    gain = posterior(group_mean, n, prior, model, reward_range=reward_range).value_of_information
    below = np.asarray(n) < float(checks.counts("max_rollouts", max_rollouts))
    return (gain > checks.positive("marginal_cost", marginal_cost)) & below


def posterior_wave_size(
    group_mean: ArrayLike,
    n: ArrayLike,
    prior: ArrayLike,
    model: PriorModel,
    *,
    marginal_cost: float,
    max_rollouts: int,
    reward_range: tuple[float, float] = (-1.0, 1.0),
) -> np.ndarray:
    """Further rollouts to ask for at once: the m >= 0 that maximises the expected fall of the Bayes risk minus c m.

    The fall by m rollouts is the variance of the posterior mean over their beta-binomial outcome; for m = 1 it is
    ``Posterior.value_of_information``. Looking m ahead also buys where a single rollout cannot change the mean by
    enough and several can. n + m never exceeds ``max_rollouts``; 0 means stop.

    Arguments and errors: as :func:`posterior` and ``core.stopping.should_continue``. Integer array of the broadcast
    shape.
    """
    lo, hi = checks.checked_range(reward_range)
    price = checks.positive("marginal_cost", marginal_cost)
    most = int(checks.counts("max_rollouts", max_rollouts))
    components = _after_rollouts(group_mean, n, prior, model, reward_range)
    n = np.broadcast_to(n, components.a.shape[1:])
    best, size = np.zeros(n.shape), np.zeros(n.shape, dtype=np.int64)
    falls = components.variances_of_mean(most - int(n.min(initial=most)), model.rollout_weight)
    for m, variance in enumerate(falls, start=1):
        net = (hi - lo) ** 2 * variance - price * m
        better = (net > best) & (n + m <= most)
        best, size = np.where(better, net, best), np.where(better, m, size)
    return size


def expected_outcome_variance(
    group_mean: ArrayLike,
    n: ArrayLike,
    prior: ArrayLike,
    model: PriorModel,
    *,
    reward_range: tuple[float, float] = (-1.0, 1.0),
) -> np.ndarray:
    """E[p (1 - p)] / w of each prompt after n rollouts, in (0, 1/4): the variance of one reward over (hi - lo)^2.

    E[p (1 - p)] is the mean of a b / ((a + b) (a + b + 1)) over the components' posteriors Beta(a, b). n = 0 is before
    generation.
    A NaN in ``prior`` is a prompt without a prior: its posterior is that of the outlier component alone.
    Other arguments and errors: as :func:`posterior`. Array of the broadcast shape.
    """
    components = _with_or_without_prior(group_mean, n, prior, model, reward_range)
    return components.outcome_variance() / model.rollout_weight


def expected_promise(
    prior: ArrayLike, model: PriorModel, *, reward_range: tuple[float, float] = (-1.0, 1.0)
) -> np.ndarray:
    """E[p (1 - p)^2] of each prompt before any rollout, in (0, 4/27); priors may be NaN as above, errors as
    :func:`posterior`.
    """
    return _with_or_without_prior(reward_range[0], 0, prior, model, reward_range).promise()


def prior_variance(
    prior: ArrayLike, model: PriorModel, *, reward_range: tuple[float, float] = (-1.0, 1.0)
) -> np.ndarray:
    """Variance of each prompt's mean reward before any rollout, squared-reward units; priors may be NaN as above."""
    lo, hi = checks.checked_range(reward_range)
    return (hi - lo) ** 2 * _with_or_without_prior(lo, 0, prior, model, (lo, hi)).variance()


def expected_falls(
    group_mean: ArrayLike,
    n: ArrayLike,
    prior: ArrayLike,
    model: PriorModel,
    *,
    most: int,
    reward_range: tuple[float, float] = (-1.0, 1.0),
) -> np.ndarray:
    """Expected fall of the Bayes risk of each prompt's baseline by 1, 2, ..., ``most`` further rollouts at once.

    Broadcast shape with a last axis of ``most`` >= 0 more, squared-reward units; its first column is
    ``Posterior.value_of_information``. Priors may be NaN as in :func:`expected_outcome_variance`.
    """
    lo, hi = checks.checked_range(reward_range)
    components = _with_or_without_prior(group_mean, n, prior, model, reward_range)
    falls = np.empty((*components.a.shape[1:], most))
    for m, variance in enumerate(components.variances_of_mean(most, model.rollout_weight)):
        falls[..., m] = (hi - lo) ** 2 * variance
    return falls


def row_posterior_baselines(
    rewards: ArrayLike,
    group: ArrayLike,
    wave: ArrayLike,
    prior: ArrayLike,
    model: PriorModel,
    *,
    kind: PosteriorKind,
    reward_range: tuple[float, float] = (-1.0, 1.0),
) -> np.ndarray:
    """Baseline of every rollout: the posterior mean from all rollouts of its prompt, or from the admissible ones.

    ``"predictable"`` uses the other rollouts of the first wave, for later waves all rollouts of earlier waves, as in
    :func:`v05_verl.core.baseline.row_baselines`: the gradient stays unbiased. Where none is admissible the baseline is
    the mean under the prior alone.

    Args:
        rewards, group, wave, prior: (N,), as in ``row_baselines``.
        model: what is known about the priors; it must not have been fitted on these rollouts.
        kind: ``"fused"`` (or ``"shared"``, its older name) or ``"predictable"``.
        reward_range: (lo, hi).

    Raises:
        ValueError: unknown kind, lengths that differ, and as :func:`posterior`.
    """
    if kind not in get_args(PosteriorKind):
        raise ValueError(f"kind must be one of {', '.join(get_args(PosteriorKind))}, got {kind!r}")
    rewards = checks.in_range("rewards", rewards, reward_range)
    group, wave, prior = np.asarray(group), np.asarray(wave), checks.in_range("prior", prior, reward_range)
    if checks.same_length(rewards=rewards, group=group, wave=wave, prior=prior) == 0:
        return rewards
    order = np.lexsort((rewards, wave, group))
    in_group = Segments(starts(group[order]))
    if kind != "predictable":
        total, count = in_group.total(rewards[order]), in_group.count
    else:
        total, count = admissible(rewards[order], group[order], wave[order], in_group)
    mean = np.clip(total / np.maximum(count, 1), *reward_range)
    baselines = np.empty_like(rewards)
    baselines[order] = posterior(mean, count, prior[order], model, reward_range=reward_range).mean
    return baselines


def squeezed_sigmoid(x: np.ndarray) -> np.ndarray:
    """A sigmoid from P_MIN to 1 - P_MIN."""
    return P_MIN + (1 - 2 * P_MIN) * expit(x)


def _after_rollouts(
    group_mean: ArrayLike, n: ArrayLike, prior: ArrayLike, model: PriorModel, reward_range: tuple[float, float]
) -> BetaMixture:
    """Posterior components of every prompt, with every argument checked."""
    n = checks.counts("n + 1", np.asarray(n, dtype=np.float64) + 1) - 1
    group_mean = np.where(n > 0, group_mean, reward_range[0])
    rate, predicted = to_success(group_mean, reward_range), to_success(prior, reward_range)
    checks.broadcastable(group_mean=rate, n=n, prior=predicted)
    return _components(model, predicted, rate * n * model.rollout_weight, (1 - rate) * n * model.rollout_weight)


def _with_or_without_prior(
    group_mean: ArrayLike, n: ArrayLike, prior: ArrayLike, model: PriorModel, reward_range: tuple[float, float]
) -> BetaMixture:
    """As ``_after_rollouts``; where the prior is NaN, all weight on the outlier component."""
    prior = np.asarray(prior, dtype=np.float64)
    components = _after_rollouts(group_mean, n, np.where(np.isnan(prior), reward_range[0], prior), model, reward_range)
    around_prior = np.where(np.isnan(prior), -np.inf, components.log_share[0])
    return components._replace(log_share=np.stack([around_prior, components.log_share[1]]))


def _components(model: PriorModel, predicted: np.ndarray, successes: np.ndarray, failures: np.ndarray) -> BetaMixture:
    """Around the recalibrated prior and the outliers', after successes and failures."""
    check_prior_model(model)
    m = model.recalibrated(predicted)
    shape = np.broadcast_shapes(m.shape, successes.shape)
    a = np.stack([np.broadcast_to(m * model.strength, shape), np.full(shape, model.outlier_a)])
    b = np.stack([np.broadcast_to((1 - m) * model.strength, shape), np.full(shape, model.outlier_b)])
    share = np.array([1 - model.outlier_share, model.outlier_share]).reshape(2, *([1] * len(shape)))
    return BetaMixture(a, b, np.log(share)).after(successes, failures)


def check_prior_model(model: PriorModel) -> None:
    """ValueError naming the first parameter that is out of range."""
    checks.finite("shift", model.shift)
    for name in ("slope", "strength", "outlier_a", "outlier_b"):
        checks.positive(name, getattr(model, name))
    checks.counts("rollout_weight", model.rollout_weight)
    if not 0 < model.outlier_share < 1:
        raise ValueError(f"outlier_share must lie in (0, 1), got {model.outlier_share:g}")

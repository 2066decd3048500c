# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""The methods: from rewards and priors to baselines, and to how many rollouts a prompt is still worth.

``Paper`` is V0.5 as its paper has it, ``Robust`` puts a posterior in place of the plug-in test (ours), ``Group`` is
what does without a prior (GRPO's and RLOO's baselines). verl's worker, the estimator and the light loop all call these;
the arithmetic is ``core``'s. Nothing here knows verl, Ray or an engine, and every method is immutable.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from v05_verl.budget import Budget
from v05_verl.config import V05Config
from v05_verl.core import checks, scale
from v05_verl.core.baseline import Kind, row_baselines
from v05_verl.core.posterior import PriorModel, posterior_wave_size, row_posterior_baselines, worth_another
from v05_verl.core.scaling import AdvantageScale, bnpo_weight, whitened
from v05_verl.core.stopping import Rule, critical_disagreement, wave_size
from v05_verl.first_wave import AutoSize, FirstWave
from v05_verl.prior_record import PriorRecord
from v05_verl.step_budget import Allocated, Total


class Method(Protocol):
    """What verl's side and the light loop ask of a method."""

    k_init: int
    """Rollouts of the first wave of each prompt; the most of them where a step decides by itself."""

    def first_wave(self, prompts: int, record: PriorRecord | None = None) -> FirstWave:
        """Group sizes of a step for which ``prompts`` prompts of ``k_init`` rollouts are configured.

        ``record`` holds what is known about priors so far; methods of fixed group sizes do not read it.
        """

    learns_priors: bool
    """Whether a record of past priors and outcomes is to be kept for it."""

    def sizes(self, prior: ArrayLike, wave: FirstWave) -> np.ndarray:
        """(P,) rollouts of the first wave, int64, once the priors of the prompts of ``first_wave`` are known."""

    def second_wave(
        self, group_mean: ArrayLike, n: ArrayLike, prior: ArrayLike, asked: ArrayLike, total: int
    ) -> np.ndarray | None:
        """(P,) rollouts that make the step's ``total``, see :meth:`v05_verl.step_budget.Total.further`.

        None for a budget that has no total to spend: there :meth:`further` decides prompt by prompt.
        """

    def advantages(self, rewards: ArrayLike, baselines: ArrayLike, group: ArrayLike) -> np.ndarray:
        """(N,) what each rollout's log probabilities are weighted by; ``group`` names its prompt."""

    def baselines(self, rewards: ArrayLike, group: ArrayLike, wave: ArrayLike, prior: ArrayLike) -> np.ndarray:
        """(N,) baselines of N rollouts, see :func:`v05_verl.core.baseline.row_baselines` for the arguments.

        ``prior`` is V on the reward scale, NaN where the value model gave none: such prompts get their group mean.
        """

    def further(
        self, group_mean: ArrayLike, n: ArrayLike, waves: ArrayLike, prior: ArrayLike, asked: ArrayLike | None = None
    ) -> np.ndarray:
        """(P,) rollouts to ask for next, int64; 0 ends the prompt.

        Args:
            group_mean: (P,) v_k of the rollouts that came back; not read where n = 0.
            n: (P,) how many came back; with none there is no evidence, and the prompt ends.
            waves: (P,) waves asked for so far.
            prior: (P,) V on the reward scale; NaN, where the value model gave none, ends the prompt.
            asked: (P,) rollouts asked for so far, failed ones included, which never exceed k_max; default: n.
        """

    def knowing(self, prior_model: PriorModel | None) -> Method:
        """The method with what is now known about its priors; itself where it does not use that."""


class _Steps:
    """What a step's budget makes of a method; the same for all of them."""

    k_init: int
    reward_range: tuple[float, float] = (-1.0, 1.0)
    prior_model: PriorModel = PriorModel()
    plan: Allocated | Total | None = None
    advantage_scale: AdvantageScale = "none"

    @property
    def learns_priors(self) -> bool:
        """See :class:`Method`."""
        return self.plan is not None and self.plan.uses_prior_model

    def first_wave(self, prompts: int, record: PriorRecord | None = None) -> FirstWave:
        """See :class:`Method`."""
        total = None if self.plan is None else self.plan.total(prompts, self.k_init)
        return FirstWave(np.full(prompts, self.k_init, dtype=np.int64), total=total)

    def sizes(self, prior: ArrayLike, wave: FirstWave) -> np.ndarray:
        """See :class:`Method`."""
        if not isinstance(self.plan, Allocated) or wave.total is None:
            return wave.sizes
        return self.plan.sizes(prior, wave.total, self.prior_model)

    def second_wave(
        self, group_mean: ArrayLike, n: ArrayLike, prior: ArrayLike, asked: ArrayLike, total: int
    ) -> np.ndarray | None:
        """See :class:`Method`."""
        if not isinstance(self.plan, Total):
            return None
        return self.plan.further(group_mean, n, prior, asked, total, self.prior_model)

    def advantages(self, rewards: ArrayLike, baselines: ArrayLike, group: ArrayLike) -> np.ndarray:
        """See :class:`Method`; r - b, times mean n / n_i with one weight per prompt, then scaled where asked."""
        values = np.asarray(rewards, dtype=np.float64) - np.asarray(baselines)
        if isinstance(self.plan, Allocated) and self.plan.weight == "prompt":
            _, prompt, n = np.unique(group, return_inverse=True, return_counts=True)
            values = values * n.mean() / n[prompt]
        if self.advantage_scale == "whiten":
            return whitened(values)
        if self.advantage_scale == "bnpo":
            return values * bnpo_weight(rewards, group, self.reward_range)
        return values


@dataclass(frozen=True)
class Paper(_Steps):
    """V0.5 (arXiv 2603.10848): shrinkage fusion, and one-step look-ahead on the risk of the fused baseline."""

    k_init: int = 4
    budget: Budget = Budget()
    rule: Rule = "discrete"
    """Look-ahead of the budget ``sequential``."""
    baseline: Kind = "fused"
    """A kind of :func:`v05_verl.core.baseline.row_baselines`; ``fused`` is the paper's."""
    reward_range: tuple[float, float] = (-1.0, 1.0)
    plan: Allocated | Total | None = None
    """Where given, each step has a fixed number of rollouts."""
    prior_model: PriorModel = PriorModel()
    """Read by ``plan`` alone."""
    advantage_scale: AdvantageScale = "none"
    """See :mod:`v05_verl.core.scaling`."""

    @property
    def noise_scale(self) -> float:
        """s_max^2."""
        return scale.noise_scale(self.reward_range)

    def baselines(self, rewards: ArrayLike, group: ArrayLike, wave: ArrayLike, prior: ArrayLike) -> np.ndarray:
        """See :class:`Method`."""

        def by_kind(*rows):
            return row_baselines(*rows, kind=self.baseline, noise_scale=self.noise_scale)

        return _group_mean_without_prior(by_kind, rewards, group, wave, prior)

    def further(
        self, group_mean: ArrayLike, n: ArrayLike, waves: ArrayLike, prior: ArrayLike, asked: ArrayLike | None = None
    ) -> np.ndarray:
        """See :class:`Method`; :func:`~v05_verl.core.stopping.should_continue` or ``wave_size`` decides."""

        def by_rule(group_mean, n, prior):
            if self.budget.name == "sequential":
                disagreement = np.abs(checks.finite("group_mean", group_mean) - prior)
                return disagreement > self._critical[n.astype(np.int64)]
            c, k_max = self.budget.marginal_cost, self.budget.k_max
            return wave_size(group_mean, n, prior, marginal_cost=c, max_rollouts=k_max, noise_scale=self.noise_scale)

        return self.budget.wanted(by_rule, group_mean, n, waves, prior, asked)

    @cached_property
    def _critical(self) -> np.ndarray:
        """By n from 0 to k_max, the disagreement above which ``should_continue`` goes on."""
        n, c, k_max = np.arange(1, self.budget.k_max + 1), self.budget.marginal_cost, self.budget.k_max
        above = critical_disagreement(
            n, marginal_cost=c, max_rollouts=k_max, noise_scale=self.noise_scale, rule=self.rule
        )
        return np.concatenate([[np.inf], above])

    def knowing(self, prior_model: PriorModel | None) -> Paper:
        """Itself without a plan that asks for the ``prior_model``: the paper's test takes priors as they are."""
        return self if prior_model is None or not self.learns_priors else replace(self, prior_model=prior_model)


@dataclass(frozen=True)
class Robust(_Steps):
    """Posterior mean as baseline, exact value of information as stopping rule: :mod:`v05_verl.core.posterior`; ours."""

    k_init: int = 4
    budget: Budget = Budget()
    baseline: Kind = "predictable"
    """``fused``: posterior mean from all rollouts; ``predictable``: from admissible ones; or a kind of ``Paper``."""
    reward_range: tuple[float, float] = (-1.0, 1.0)
    prior_model: PriorModel = PriorModel()
    auto: AutoSize | None = None
    """Where given, each step's group size follows from what the priors are worth."""
    plan: Allocated | Total | None = None
    """Where given, each step has a fixed number of rollouts."""
    advantage_scale: AdvantageScale = "none"
    """See :mod:`v05_verl.core.scaling`."""

    learns_priors = True

    def first_wave(self, prompts: int, record: PriorRecord | None = None) -> FirstWave:
        """See :class:`Method`."""
        if self.auto is None:
            return super().first_wave(prompts)
        if record is None:
            raise ValueError("k_init: auto decides by the record of past priors, and there is none")
        wave = self.auto.first_wave(prompts, record, self.reward_range)
        return wave if self.plan is None else wave._replace(total=self.plan.total(prompts, self.auto.reference_n))

    def baselines(self, rewards: ArrayLike, group: ArrayLike, wave: ArrayLike, prior: ArrayLike) -> np.ndarray:
        """See :class:`Method`."""
        kind = self.baseline
        if kind == "group_mean" or kind == "leave_one_out":
            return Paper(baseline=kind, reward_range=self.reward_range).baselines(rewards, group, wave, prior)

        def posterior_mean(rewards, group, wave, prior):
            return row_posterior_baselines(
                rewards, group, wave, prior, self.prior_model, kind=kind, reward_range=self.reward_range
            )

        return _group_mean_without_prior(posterior_mean, rewards, group, wave, prior)

    def further(
        self, group_mean: ArrayLike, n: ArrayLike, waves: ArrayLike, prior: ArrayLike, asked: ArrayLike | None = None
    ) -> np.ndarray:
        """See :class:`Method`; :func:`~v05_verl.core.posterior.worth_another` or ``posterior_wave_size`` decides."""
        rule = worth_another if self.budget.name == "sequential" else posterior_wave_size

        def by_value_of_information(group_mean, n, prior):
            c, k_max, model = self.budget.marginal_cost, self.budget.k_max, self.prior_model
            return rule(
                group_mean, n, prior, model, marginal_cost=c, max_rollouts=k_max, reward_range=self.reward_range
            )

        return self.budget.wanted(by_value_of_information, group_mean, n, waves, prior, asked)

    def knowing(self, prior_model: PriorModel | None) -> Robust:
        """With the fitted ``prior_model``."""
        return self if prior_model is None else replace(self, prior_model=prior_model)


@dataclass(frozen=True)
class Group(_Steps):
    """No prior: the baseline is the mean of the group (GRPO) or of its other rollouts (RLOO), k is fixed."""

    k_init: int = 16
    baseline: Kind = "group_mean"
    """``group_mean`` or ``leave_one_out``."""

    def baselines(self, rewards: ArrayLike, group: ArrayLike, wave: ArrayLike, prior: ArrayLike) -> np.ndarray:
        """See :class:`Method`; ``prior`` is not read. A group of one has no other rollout: 0, as in verl's RLOO."""
        return row_baselines(rewards, group, wave, np.zeros(len(rewards)), kind=self.baseline)

    def further(
        self, group_mean: ArrayLike, n: ArrayLike, waves: ArrayLike, prior: ArrayLike, asked: ArrayLike | None = None
    ) -> np.ndarray:
        """None."""
        return np.zeros(np.shape(np.atleast_1d(n)), dtype=np.int64)

    def knowing(self, prior_model: PriorModel | None) -> Group:
        """Itself."""
        return self


def build(config: V05Config) -> Paper | Robust:
    """The configured method; in the robust mode nothing is known about its priors yet."""
    budget = Budget(config.budget, config.k_max, config.cost, config.max_waves)
    plan, reward_range, scale_by = _plan(config), config.reward_range, config.advantage_scale
    if config.k_init == "auto":
        auto = AutoSize(**config.auto.model_dump(), step_rollouts=config.step_rollouts)
        return Robust(
            auto.reference_n, budget, config.baseline, reward_range, auto=auto, plan=plan, advantage_scale=scale_by
        )
    if config.mode == "robust":
        return Robust(config.k_init, budget, config.baseline, reward_range, plan=plan, advantage_scale=scale_by)
    return Paper(config.k_init, budget, config.rule, config.baseline, reward_range, plan, advantage_scale=scale_by)


def _plan(config: V05Config) -> Allocated | Total | None:
    if config.budget == "allocated":
        rule, (lower, upper) = config.allocation, config.allocation_bounds
        weight, total = config.prompt_weight, config.step_rollouts
        return Allocated(rule.method, lower, upper, rule.coefficient, weight, total, config.reward_range)
    if config.budget == "total":
        objective = "test" if (config.mode, config.total_objective) == ("paper", "baseline") else config.total_objective
        return Total(config.k_max, objective, config.cost, config.step_rollouts, config.reward_range)
    return None


def _group_mean_without_prior(kind, rewards, group, wave, prior) -> np.ndarray:
    """``kind`` for the prompts that have a prior, the group mean for those that have none (NaN)."""
    rewards, group, wave, prior = (np.asarray(values) for values in (rewards, group, wave, prior))
    known = np.isfinite(np.asarray(prior, dtype=np.float64))
    baselines = np.empty(len(rewards))
    baselines[known] = kind(rewards[known], group[known], wave[known], prior[known])
    without = ~known
    baselines[without] = row_baselines(
        rewards[without], group[without], wave[without], prior[without], kind="group_mean"
    )
    return baselines

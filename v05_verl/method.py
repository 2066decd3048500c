# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""The methods: from rewards and priors to baselines, and to how many rollouts a prompt is still worth.

``Paper`` is V0.5 as its paper has it, ``Robust`` puts a posterior in place of the plug-in test (ours), ``Group`` is
what does without a prior (GRPO's and RLOO's baselines). verl's worker, the estimator and the light loop all call these;
the arithmetic is ``core``'s. Nothing here knows verl, Ray or an engine, and every method is immutable.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike

from v05_verl.config import V05Config
from v05_verl.core import scale
from v05_verl.core.baseline import row_baselines
from v05_verl.core.group_size import GroupSize, first_wave_sizes, group_size
from v05_verl.core.posterior import PriorModel, posterior_wave_size, row_posterior_baselines, worth_another
from v05_verl.core.stopping import Rule, should_continue, wave_size
from v05_verl.prior_record import PriorRecord

POSTERIOR_BASELINES = ("fused", "predictable")
"""Kinds of baseline that ``Robust`` takes from its posterior; the others are those of ``Paper``."""


class Method(Protocol):
    """What verl's side and the light loop ask of a method."""

    k_init: int
    """Rollouts of the first wave of each prompt; the most of them where a step decides by itself."""

    def first_wave(self, prompts: int, record: PriorRecord | None = None) -> FirstWave:
        """Group sizes of a step for which ``prompts`` prompts of ``k_init`` rollouts are configured.

        ``record`` holds what is known about priors so far; methods of fixed group sizes do not read it.
        """

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


class FirstWave(NamedTuple):
    """Group sizes of one step, decided before anything is generated."""

    sizes: np.ndarray
    """(P,) rollouts of the first wave, int64; P is the number of prompts of the step."""
    choice: GroupSize | None = None
    """Why, where the priors decided."""


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
        """See :class:`Method`."""
        rollouts = self.step_rollouts or prompts * self.reference_n
        choice, k = None, self.reference_n
        if record.seen >= self.min_pairs:
            choice = group_size(
                record.recent(self.min_pairs),
                record.model,
                reference_n=self.reference_n,
                slack=self.slack,
                overconfidence=record.overconfidence(),
                reward_range=reward_range,
            )
            k = choice.k
        sizes = first_wave_sizes(rollouts, k, probe_n=self.reference_n, probe_share=self.probe_share)
        return FirstWave(sizes, choice)


@dataclass(frozen=True)
class Budget:
    """When a prompt gets further rollouts, and at what price.

    ``fixed``: never; ``sequential``: one more at a time [P]; ``wave``: all that the evidence asks for at once, in at
    most ``max_waves`` waves (ours).
    """

    name: str = "sequential"
    k_max: int = 16
    marginal_cost: float = 1 / 256
    """c, squared-reward units; not read by ``fixed``."""
    max_waves: int = 2
    """The first wave included; read by ``wave``."""

    @property
    def price(self) -> dict[str, float]:
        """Keywords of ``core``'s rules."""
        return {"marginal_cost": self.marginal_cost, "max_rollouts": self.k_max}

    def wanted(self, rule, group_mean, n, waves, prior, asked) -> np.ndarray:
        """``rule(group_mean, n, prior)`` where a prompt is open, cut to the room that is left; else 0."""
        group_mean, n, waves, prior = np.broadcast_arrays(
            *(np.atleast_1d(np.asarray(values, dtype=np.float64)) for values in (group_mean, n, waves, prior))
        )
        room = self.k_max - (n if asked is None else np.atleast_1d(asked))
        is_open = (room > 0) & (n > 0) & np.isfinite(prior)
        if self.name == "fixed":
            is_open &= False
        if self.name == "wave":
            is_open &= waves < self.max_waves
        further = np.zeros(n.shape, dtype=np.int64)
        if is_open.any():
            further[is_open] = rule(group_mean[is_open], n[is_open], prior[is_open])
        return np.minimum(further, np.maximum(room, 0).astype(np.int64))


@dataclass(frozen=True)
class Paper:
    """V0.5 (arXiv 2603.10848): shrinkage fusion, and one-step look-ahead on the risk of the fused baseline."""

    k_init: int = 4
    budget: Budget = Budget()
    rule: Rule = "discrete"
    """Look-ahead of the budget ``sequential``."""
    baseline: str = "fused"
    """A kind of :func:`v05_verl.core.baseline.row_baselines`; ``fused`` is the paper's."""
    reward_range: tuple[float, float] = (-1.0, 1.0)

    @property
    def noise_scale(self) -> float:
        """s_max^2."""
        return scale.noise_scale(self.reward_range)

    def first_wave(self, prompts: int, record: PriorRecord | None = None) -> FirstWave:
        """See :class:`Method`."""
        return FirstWave(np.full(prompts, self.k_init, dtype=np.int64))

    def baselines(self, rewards: ArrayLike, group: ArrayLike, wave: ArrayLike, prior: ArrayLike) -> np.ndarray:
        """See :class:`Method`."""

        def by_kind(*rows):
            return row_baselines(*rows, kind=self.baseline, noise_scale=self.noise_scale)

        return _group_mean_without_prior(by_kind, rewards, group, wave, prior)

    def further(
        self, group_mean: ArrayLike, n: ArrayLike, waves: ArrayLike, prior: ArrayLike, asked: ArrayLike | None = None
    ) -> np.ndarray:
        """See :class:`Method`; :func:`~v05_verl.core.stopping.should_continue` or ``wave_size`` decides."""

        def by_rule(*evidence):
            if self.budget.name == "sequential":
                return should_continue(*evidence, **self.budget.price, noise_scale=self.noise_scale, rule=self.rule)
            return wave_size(*evidence, **self.budget.price, noise_scale=self.noise_scale)

        return self.budget.wanted(by_rule, group_mean, n, waves, prior, asked)

    def knowing(self, prior_model: PriorModel | None) -> Paper:
        """Itself: the paper's test takes priors as they are."""
        return self


@dataclass(frozen=True)
class Robust:
    """Posterior mean as baseline, exact value of information as stopping rule: :mod:`v05_verl.core.posterior`; ours."""

    k_init: int = 4
    budget: Budget = Budget()
    baseline: str = "predictable"
    """``fused``: posterior mean from all rollouts; ``predictable``: from admissible ones; or a kind of ``Paper``."""
    reward_range: tuple[float, float] = (-1.0, 1.0)
    prior_model: PriorModel = PriorModel()
    auto: AutoSize | None = None
    """Where given, each step's group size follows from what the priors are worth."""

    def first_wave(self, prompts: int, record: PriorRecord | None = None) -> FirstWave:
        """See :class:`Method`."""
        if self.auto is None:
            return FirstWave(np.full(prompts, self.k_init, dtype=np.int64))
        if record is None:
            raise ValueError("k_init: auto decides by the record of past priors, and there is none")
        return self.auto.first_wave(prompts, record, self.reward_range)

    def baselines(self, rewards: ArrayLike, group: ArrayLike, wave: ArrayLike, prior: ArrayLike) -> np.ndarray:
        """See :class:`Method`."""
        if self.baseline not in POSTERIOR_BASELINES:
            return Paper(baseline=self.baseline, reward_range=self.reward_range).baselines(rewards, group, wave, prior)

        def posterior_mean(*rows):
            return row_posterior_baselines(*rows, self.prior_model, kind=self.baseline, reward_range=self.reward_range)

        return _group_mean_without_prior(posterior_mean, rewards, group, wave, prior)

    def further(
        self, group_mean: ArrayLike, n: ArrayLike, waves: ArrayLike, prior: ArrayLike, asked: ArrayLike | None = None
    ) -> np.ndarray:
        """See :class:`Method`; :func:`~v05_verl.core.posterior.worth_another` or ``posterior_wave_size`` decides."""
        rule = worth_another if self.budget.name == "sequential" else posterior_wave_size

        def by_value_of_information(*evidence):
            return rule(*evidence, self.prior_model, **self.budget.price, reward_range=self.reward_range)

        return self.budget.wanted(by_value_of_information, group_mean, n, waves, prior, asked)

    def knowing(self, prior_model: PriorModel | None) -> Robust:
        """With the fitted ``prior_model``."""
        return self if prior_model is None else replace(self, prior_model=prior_model)


@dataclass(frozen=True)
class Group:
    """No prior: the baseline is the mean of the group (GRPO) or of its other rollouts (RLOO), k is fixed."""

    k_init: int = 16
    baseline: str = "group_mean"
    """``group_mean`` or ``leave_one_out``."""

    def first_wave(self, prompts: int, record: PriorRecord | None = None) -> FirstWave:
        """See :class:`Method`."""
        return FirstWave(np.full(prompts, self.k_init, dtype=np.int64))

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
    common = {"baseline": config.baseline, "reward_range": config.reward_range}
    if config.k_init == "auto":
        auto = AutoSize(**config.auto.model_dump(), step_rollouts=config.step_rollouts)
        return Robust(auto.reference_n, budget, **common, auto=auto)
    if config.mode == "robust":
        return Robust(config.k_init, budget, **common)
    return Paper(config.k_init, budget, config.rule, **common)


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

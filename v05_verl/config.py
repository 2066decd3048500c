# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""The ``v05`` configuration group as frozen models; ``conf/v05/default.yaml`` holds the same keys.

Source of a default: [P] the paper (arXiv 2603.10848), [ours] this project's choice where the paper leaves it open.
Pydantic checks types and ranges; a wrong key is a ValueError whose sentence names it.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Annotated, Any, Literal

from omegaconf import DictConfig, OmegaConf
from pydantic import Field, ValidationError, field_validator, model_validator

from v05_verl.core import checks, scale
from v05_verl.core.allocation import Method as AllocationMethod
from v05_verl.core.allocation import least_lower
from v05_verl.core.baseline import Kind
from v05_verl.core.scaling import AdvantageScale
from v05_verl.core.selection import Choice
from v05_verl.core.stopping import Rule
from v05_verl.schema import Count, Schema, Whole, sentences

KEYS_FILE = "v05_verl/conf/v05/default.yaml"


class ValueConfig(Schema):
    """The value model that predicts priors, and the Ray actor that hosts it."""

    name: str = "gp"
    """constant, tracker, gp, v0, or "package.module:Class". [ours]; the paper uses V0."""
    options: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Keyword arguments of each model, by name; those of ``name`` are used, those of "custom" for one's own class."""
    recalibrate: Whole = 0
    """Pairs of prior and outcomes on which slope and shift of the priors are refitted each step; 0: off. [ours]"""
    timeout_s: float = Field(60.0, gt=0)
    """Seconds that a prompt waits for its prior once its first wave is in. [ours]"""
    on_failure: Literal["fallback", "stop"] = "fallback"
    """fallback: use group means and ``k_init`` rollouts while the model restarts; stop: end the run. [ours]"""
    num_cpus: float = Field(1.0, ge=0)
    """CPU share that Ray reserves for each replica."""
    num_gpus: float = Field(0.0, ge=0)
    """GPU share that Ray reserves for each replica; may be a fraction."""
    replicas: Count = 1
    """Actors that share the prompts of a step; each sees every outcome."""

    @property
    def model(self) -> tuple[str, dict[str, Any]]:
        """Name and keyword arguments for ``v05_verl.value.build``."""
        options = dict(self.options.get("custom" if ":" in self.name else self.name, {}))
        if self.recalibrate:
            return "recalibrated", {"of": self.name, "window": self.recalibrate, **options}
        return self.name, options


class AutoConfig(Schema):
    """How ``k_init: auto`` decides, see ``core.group_size``; all [ours]."""

    reference_n: Count = Field(4, ge=2)
    """Each baseline is to be as good as leave one out among so many; also the most rollouts per prompt."""
    slack: float = Field(1.5, gt=0)
    """Times that baseline's risk; above 1 trades certainty of the baseline for more prompts."""
    min_pairs: Count = Field(256, ge=16)
    """Pairs of priors and outcomes that must be known before k leaves ``reference_n``."""
    probe_share: float = Field(0.125, ge=0, lt=1)
    """Share of the rollouts in groups of ``reference_n`` where k = 1, which alone cannot tell what priors are worth."""


class AllocationConfig(Schema):
    """How the budget ``allocated`` shares out a step's rollouts, see ``step_budget.Allocated``."""

    method: AllocationMethod | Literal["variance"] = "vip_loo"
    """A method of ``core.allocation``, or ``variance``: ``vip_loo`` from one rollout on. [ours]"""
    lower: Count | None = None
    """Fewest rollouts of a prompt; None: 2, or the method's least where that is more."""
    upper: Count | None = None
    """Most; None: ``k_max``."""
    coefficient: Literal["expected", "plugin"] = "expected"
    """VIP's 4pq: expected under what past priors were worth [ours], or at the prior itself [P]."""

    @model_validator(mode="after")
    def _is_defined(self) -> AllocationConfig:
        if self.lower is not None and self.lower < self.least:
            raise ValueError(
                f"v05.allocation.lower = {self.lower}: {self.method} needs at least {self.least} rollouts per prompt"
            )
        if self.coefficient == "plugin" and not self.method.startswith("vip"):
            raise ValueError(
                f"v05.allocation.method = {self.method} does not read v05.allocation.coefficient, which is read only "
                "with vip_mean or vip_loo. Drop it"
            )
        return self

    @property
    def least(self) -> int:
        """Fewest rollouts for which the method is defined."""
        return 1 if self.method == "variance" else least_lower(self.method)


class V05Config(Schema):
    """Every key of the group ``v05``."""

    mode: Literal["paper", "robust"] = "paper"
    """paper: fusion and stopping rule of the paper [P]; robust: ``core.posterior`` for both [ours]."""
    k_init: Count | Literal["auto"] = 4
    """Rollouts of the first wave, per prompt [P: 4]; auto: by what the priors have turned out to be worth [ours]."""
    step_rollouts: Count | None = None
    """Rollouts per step. None: data.train_batch_size x k_init (auto: reference_n), with ``total`` twice that. [ours]"""
    auto: AutoConfig = Field(default_factory=AutoConfig)
    k_max: Count = 16
    """Most rollouts of one prompt; not read by the budget ``fixed``. [P]"""
    budget: Literal["fixed", "sequential", "wave", "allocated", "total"] = "sequential"
    """fixed: ``k_init`` only; sequential: one more at a time [P]; wave: all that the evidence asks for [ours].
    allocated: ``step_rollouts`` in all, shared out by the priors before generation; total: ``k_init`` each, then the
    rest of ``step_rollouts`` where it is worth most [ours]."""
    allocation: AllocationConfig = Field(default_factory=AllocationConfig)
    total_objective: Literal["variance", "baseline"] = "variance"
    """What the budget ``total`` lowers most: variance of the gradient, or risk of the baseline. [ours]"""
    prompt_weight: Literal["rollout", "prompt"] = "rollout"
    """rollout: each the same weight in the gradient [ours]; prompt: each prompt the same, VIP's objective [P]."""
    rule: Rule = "discrete"
    """Look-ahead of the paper's sequential budget. [ours: the paper gives the risk, not the rule]"""
    max_waves: Count = 2
    """Waves of the budget ``wave``, the first included. [ours]"""
    marginal_cost: float | Literal["auto"] = "auto"
    """c in squared-reward units, or "auto" = s_max^2 / k_max^2: 0.0039 [P] for k_max = 16 and rewards in [-1, 1]."""
    baseline: Kind = "fused"
    """See ``core.baseline.row_baselines``; fused is [P]. In the robust mode the first two are the posterior mean from
    all, or from the admissible, rollouts."""
    reward_range: Annotated[tuple[float, float], Field(strict=False)] = (-1.0, 1.0)
    """(lo, hi) of the outcome reward [P: -1 and 1]; a reward outside stops the run. The group has no default: null is
    the range that the reward function itself declares, see ``plugin.launch``."""
    prompt_pool: Count = 1
    """Prompts looked at for each one trained on; ``prompt_choice`` says which are taken. [ours]"""
    prompt_choice: Choice = "promise"
    """Which are taken: the largest predicted reward variance, times what is left to gain [ours: promise] or not; drawn
    by its root [SPO: sampled]; a success rate drawn near 1/2 [MoPPS: thompson]. See ``core.selection``."""
    advantage_scale: AdvantageScale = "none"
    """whiten: over the rollouts of a step [SPO]; bnpo: by the density of the group's success rate [BNPO]. See
    ``core.scaling``."""
    total_rollouts: Count | None = None
    """End the run with the step in which about so many training rollouts are spent; None: verl's own limits. [ours]"""
    poll_interval_s: float | None = Field(None, gt=0)
    """Seconds between two looks at the replay buffer; None: verl's own 2 s. [ours]"""
    value: ValueConfig = Field(default_factory=ValueConfig)

    @field_validator("reward_range", mode="wrap")
    @classmethod
    def _as_range(cls, given: Any, numbers: Callable[[Any], tuple[float, float]]) -> tuple[float, float]:
        try:
            return checks.checked_range(numbers(given))
        except ValueError as error:
            raise ValueError("must be [lo, hi] with finite lo < hi") from error

    @field_validator("marginal_cost")
    @classmethod
    def _above_zero(cls, given: float | str) -> float | str:
        if not isinstance(given, str) and given <= 0:
            raise ValueError('must be above 0 or "auto"')
        return given

    @model_validator(mode="after")
    def _keys_act(self) -> V05Config:
        for is_wrong, sentence in chain(self._auto_conflicts(), self._budget_conflicts()):
            if is_wrong:
                raise ValueError(sentence)
        idle = [f"{key}, which is read only with {where}" for key, where, is_read in self._conditions() if not is_read]
        if idle:
            setting = f"v05.mode={self.mode} v05.budget={self.budget}"
            raise ValueError(f"{setting} does not read {'; nor '.join(idle)}. Drop it, or change mode or budget")
        return self

    def _auto_conflicts(self) -> Iterator[tuple[bool, str]]:
        if self.k_init != "auto":
            return
        budgets = self.budget in ("fixed", "allocated")
        yield (
            not (self.mode == "robust" and budgets and self.baseline == "predictable"),
            "v05.k_init = auto weighs the fitted worth of the priors against the rollouts of one wave: it needs "
            "v05.mode=robust v05.budget=fixed v05.baseline=predictable (or +arm=v05_auto; v05.budget=allocated shares "
            f"the same rollouts out by prompt), not v05.mode={self.mode} v05.budget={self.budget} "
            f"v05.baseline={self.baseline}",
        )
        yield (
            self.budget == "allocated" and self.allocation_bounds[0] > 1,
            f"v05.allocation.lower = {self.allocation_bounds[0]} with v05.k_init = auto, which may ask for one "
            "rollout per prompt: set v05.allocation.lower=1 and, for instance, v05.allocation.method=variance",
        )

    def _budget_conflicts(self) -> Iterator[tuple[bool, str]]:
        """(whether it is so, sentence) of all that is undefined or biased."""
        yield (
            self.budget not in ("fixed", "allocated") and self.first_n > self.k_max,
            f"v05.k_init = {self.k_init} is above v05.k_max = {self.k_max}; lower k_init or raise k_max",
        )
        yield (
            self.prompt_weight == "prompt" and self.budget in ("sequential", "wave", "total"),
            f"v05.prompt_weight = prompt with v05.budget = {self.budget} is biased: how many rollouts a prompt gets "
            "depends on their rewards, and so would the weight of each; use v05.prompt_weight=rollout or "
            "v05.budget=allocated",
        )
        yield (
            self.advantage_scale == "bnpo"
            and (self.first_n < 2 or self.baseline not in ("group_mean", "leave_one_out")),
            f"v05.advantage_scale = bnpo with v05.k_init = {self.k_init} and v05.baseline = {self.baseline} is not "
            "BNPO, which weighs r - mean of the group: use v05.k_init of 2 or more and v05.baseline=group_mean",
        )
        if self.budget == "total":
            yield (
                self.baseline != "predictable",
                f"v05.baseline = {self.baseline} with v05.budget = total is biased: a rollout of the first wave "
                "decides how many others its baseline is made of; use v05.baseline=predictable",
            )
            yield (
                self.step_rollouts is None and 2 * self.first_n > self.k_max,
                f"v05.budget = total without v05.step_rollouts spends 2 x v05.k_init = {2 * self.first_n} rollouts per "
                f"prompt, above v05.k_max = {self.k_max}; set v05.step_rollouts, lower k_init or raise k_max",
            )
        if self.budget == "allocated":
            lower, upper = self.allocation_bounds
            yield (
                not lower <= upper <= self.k_max,
                f"v05.allocation: lower = {lower}, upper = {upper} must rise in this order up to v05.k_max = "
                f"{self.k_max}",
            )
            yield (
                self.step_rollouts is None and self.k_init != "auto" and not lower <= self.k_init <= upper,
                f"v05.budget = allocated without v05.step_rollouts spends v05.k_init = {self.k_init} rollouts per "
                f"prompt, which is not between v05.allocation.lower = {lower} and upper = {upper}",
            )

    def step_rollouts_problem(self, prompts: int) -> str | None:
        """What is wrong with ``step_rollouts`` on a step of ``prompts`` prompts (data.train_batch_size)."""
        if self.step_rollouts is None or self.k_init == "auto" or self.budget not in ("allocated", "total"):
            return None
        lower, upper = (self.k_init, self.k_max) if self.budget == "total" else self.allocation_bounds
        if prompts * lower <= self.step_rollouts <= prompts * upper:
            return None
        return (
            f"v05.step_rollouts = {self.step_rollouts} with v05.budget={self.budget} must be from {prompts * lower} to "
            f"{prompts * upper}: {prompts} prompts (data.train_batch_size) of {lower} to {upper} rollouts each"
        )

    @property
    def first_n(self) -> int:
        """Rollouts of a prompt's first wave, the most of them with ``k_init: auto``."""
        return self.auto.reference_n if self.k_init == "auto" else self.k_init

    @property
    def allocation_bounds(self) -> tuple[int, int]:
        """Fewest and most rollouts of a prompt with the budget ``allocated``."""
        given = self.allocation
        lower = max(2, given.least) if given.lower is None else given.lower
        return lower, self.k_max if given.upper is None else given.upper

    def _conditions(self) -> list[tuple[str, str, bool]]:
        """(key, with what it is read, whether it is) of every key that is set and that some mode or budget ignores."""
        tests = self.budget == "total" and (self.mode, self.total_objective) == ("paper", "baseline")
        priced = self.budget in ("sequential", "wave") or tests
        allocated = self.budget == "allocated"
        readers = {
            "k_max": ("a budget other than fixed", self.budget != "fixed"),
            "marginal_cost": ("budget sequential or wave, or total in mode paper for the baseline", priced),
            "rule": ("mode paper and budget sequential", self.mode == "paper" and self.budget == "sequential"),
            "max_waves": ("budget wave", self.budget == "wave"),
            "step_rollouts": (
                "k_init auto or budget allocated or total",
                self.k_init == "auto" or self.budget in ("allocated", "total"),
            ),
            "allocation": ("budget allocated", allocated),
            "prompt_weight": ("budget allocated", allocated),
            "total_objective": ("budget total", self.budget == "total"),
            "prompt_choice": ("prompt_pool above 1", self.prompt_pool > 1),
            "auto": ("k_init auto", self.k_init == "auto"),
        }
        fields = type(self).model_fields
        set_keys = [key for key in readers if getattr(self, key) != fields[key].get_default(call_default_factory=True)]
        conditions = [(f"v05.{key}", *readers[key]) for key in set_keys]
        if self.value.recalibrate:
            where = "mode paper (robust recalibrates by itself)"
            conditions.append(("v05.value.recalibrate", where, self.mode == "paper"))
        return conditions

    @property
    def noise_scale(self) -> float:
        """s_max^2 of the reward range."""
        return scale.noise_scale(self.reward_range)

    @property
    def cost(self) -> float:
        """c as a number, squared-reward units."""
        if self.marginal_cost == "auto":
            return scale.auto_marginal_cost(self.reward_range, self.k_max)
        return self.marginal_cost


def from_verl(config: DictConfig) -> V05Config:
    """The group ``v05`` of verl's whole configuration, checked; ValueError with a sentence where a key is wrong."""
    return from_group(OmegaConf.to_container(config.v05, resolve=True))


def from_group(group: dict[str, Any]) -> V05Config:
    """The settings of a plain dictionary with the keys of ``conf/v05/default.yaml``; ValueError as ``from_verl``."""
    given = {} if not isinstance(group, dict) else dict(group)
    if "reward_range" in given and given["reward_range"] is None:
        raise ValueError(
            "v05.reward_range is not set and the reward function does not declare a range of its own: add "
            "v05.reward_range=[lo,hi] with the least and the largest reward that it returns, for example [0,1]"
        )
    if isinstance(value := given.get("value"), dict):
        own = {name: setting for name, setting in value.items() if name in ValueConfig.model_fields}
        options = {name: {} if each is None else each for name, each in value.items() if name not in own}
        for name, each in options.items():
            if not isinstance(each, dict):
                what = "neither a setting of the value model's host nor the options of a model"
                raise ValueError(f"v05.value.{name} = {reprlib.repr(each)} is {what}")
        given["value"] = {**own, "options": options}
    try:
        return V05Config.model_validate(given if isinstance(group, dict) else group)
    except ValidationError as error:
        raise ValueError("\n".join(sentences(error, "v05", f"; its keys stand in {KEYS_FILE}"))) from error

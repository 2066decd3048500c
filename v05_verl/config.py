# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""The ``v05`` configuration group as frozen dataclasses; ``conf/v05/default.yaml`` holds the same keys.

Source of a default: [P] the paper (arXiv 2603.10848), [ours] this project's choice where the paper leaves it open.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from omegaconf import DictConfig, OmegaConf

from v05_verl.core import scale
from v05_verl.core.baseline import KINDS

MODES = ("paper", "robust")
BUDGETS = ("fixed", "sequential", "wave")
RULES = ("discrete", "continuous")
ON_FAILURE = ("fallback", "stop")


@dataclass(frozen=True)
class ValueConfig:
    """The value model that predicts priors, and the Ray actor that hosts it."""

    name: str = "gp"
    """constant, tracker, gp, v0, or "package.module:Class". [ours]; the paper uses V0."""
    options: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Keyword arguments of each model, by name; those of ``name`` are used, those of "custom" for one's own class."""
    recalibrate: int = 0
    """Pairs of prior and outcomes on which slope and shift of the priors are refitted each step; 0: off. [ours]"""
    timeout_s: float = 60.0
    """Seconds that a prompt waits for its prior once its first wave is in. [ours]"""
    on_failure: str = "fallback"
    """fallback: use group means and ``k_init`` rollouts while the model restarts; stop: end the run. [ours]"""
    num_cpus: float = 1.0
    """CPU share that Ray reserves for each replica."""
    num_gpus: float = 0.0
    """GPU share that Ray reserves for each replica; may be a fraction."""
    replicas: int = 1
    """Actors that share the prompts of a step; each sees every outcome."""

    def __post_init__(self):
        _one_of("v05.value.on_failure", self.on_failure, ON_FAILURE)
        _require(self.recalibrate >= 0, f"v05.value.recalibrate must be at least 0 pairs, got {self.recalibrate}")
        _require(self.timeout_s > 0, f"v05.value.timeout_s must be above 0 seconds, got {self.timeout_s}")
        _require(self.replicas >= 1, f"v05.value.replicas must be at least 1, got {self.replicas}")
        _require(self.num_cpus >= 0, f"v05.value.num_cpus must be at least 0, got {self.num_cpus}")
        _require(self.num_gpus >= 0, f"v05.value.num_gpus must be at least 0, got {self.num_gpus}")

    @property
    def model(self) -> tuple[str, dict[str, Any]]:
        """Name and keyword arguments for ``v05_verl.value.build``."""
        options = dict(self.options.get("custom" if ":" in self.name else self.name, {}))
        if self.recalibrate:
            return "recalibrated", {"of": self.name, "window": self.recalibrate, **options}
        return self.name, options


@dataclass(frozen=True)
class V05Config:
    """Every key of the group ``v05``."""

    mode: str = "paper"
    """paper: fusion and stopping rule of the paper [P]; robust: ``core.posterior`` for both [ours]."""
    k_init: int = 4
    """Rollouts of the first wave, per prompt. [P]"""
    k_max: int = 16
    """Most rollouts of one prompt. [P]"""
    budget: str = "sequential"
    """fixed: ``k_init`` only; sequential: one more at a time [P]; wave: all that the evidence asks for [ours]."""
    rule: str = "discrete"
    """Look-ahead of the sequential budget: discrete or continuous. [ours: the paper gives the risk, not the rule]"""
    max_waves: int = 2
    """Waves of the budget ``wave``, the first included. [ours]"""
    marginal_cost: Any = "auto"
    """c in squared-reward units, or "auto" = s_max^2 / k_max^2: 0.0039 [P] for k_max = 16 and rewards in [-1, 1]."""
    baseline: str = "fused"
    """fused [P], predictable, group_mean or leave_one_out; see ``core.baseline.row_baselines``. In the robust mode the
    first two are the posterior mean from all, or from the admissible, rollouts."""
    reward_range: tuple[float, float] = (-1.0, 1.0)
    """(lo, hi) of the outcome reward [P: -1 and 1]; a reward outside stops the run."""
    prompt_pool: int = 1
    """Prompts looked at for each one trained on; taken are those with the largest predicted reward variance. [ours]"""
    total_rollouts: int | None = None
    """End the run with the step in which about so many training rollouts are spent; None: verl's own limits. [ours]"""
    poll_interval_s: float | None = None
    """Seconds between two looks at the replay buffer; None: verl's own 2 s. [ours]"""
    value: ValueConfig = field(default_factory=ValueConfig)

    def __post_init__(self):
        object.__setattr__(self, "reward_range", _checked_range(self.reward_range))
        _require(self.k_init >= 1, f"v05.k_init must be at least 1 rollout, got {self.k_init}")
        _require(
            self.k_init <= self.k_max,
            f"v05.k_init = {self.k_init} is above v05.k_max = {self.k_max}; lower k_init or raise k_max",
        )
        _one_of("v05.mode", self.mode, MODES)
        _require(self.prompt_pool >= 1, f"v05.prompt_pool must be at least 1, got {self.prompt_pool}")
        _one_of("v05.budget", self.budget, BUDGETS)
        _one_of("v05.rule", self.rule, RULES)
        _one_of("v05.baseline", self.baseline, KINDS)
        _require(self.max_waves >= 1, f"v05.max_waves must be at least 1, got {self.max_waves}")
        for key in ("poll_interval_s", "total_rollouts"):
            given = getattr(self, key)
            _require(given is None or given > 0, f"v05.{key} must be null or above 0, got {given}")
        if self.marginal_cost != "auto":
            cost = _as_number("v05.marginal_cost", self.marginal_cost)
            _require(cost > 0, f'v05.marginal_cost must be above 0 or "auto", got {self.marginal_cost}')
            object.__setattr__(self, "marginal_cost", cost)

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
    group = OmegaConf.to_container(config.v05, resolve=True)
    value = dict(group.pop("value", {}))
    known = {f.name for f in fields(ValueConfig)}
    options = {name: options or {} for name, options in value.items() if name not in known}
    settings = {name: setting for name, setting in value.items() if name in known}
    unknown = sorted(set(group) - {f.name for f in fields(V05Config)})
    _require(not unknown, f"v05 has no key {', '.join(unknown)}; its keys stand in v05_verl/conf/v05/default.yaml")
    for name, given in options.items():
        _require(
            isinstance(given, dict),
            f"v05.value.{name} = {given!r} is neither a setting of the value model's host nor the options of a model",
        )
    return V05Config(**group, value=ValueConfig(**settings, options=options))


def _require(condition: bool, sentence: str) -> None:
    if not condition:
        raise ValueError(sentence)


def _one_of(key: str, given: str, allowed: tuple[str, ...]) -> None:
    _require(given in allowed, f"{key} must be one of {', '.join(allowed)}, got {given!r}")


def _as_number(key: str, given: Any) -> float:
    _require(isinstance(given, int | float), f"{key} must be a number, got {given!r}")
    return float(given)


def _checked_range(given: Any) -> tuple[float, float]:
    _require(isinstance(given, list | tuple) and len(given) == 2, f"v05.reward_range must be [lo, hi], got {given!r}")
    lo, hi = (_as_number("v05.reward_range", bound) for bound in given)
    _require(lo < hi, f"v05.reward_range must be [lo, hi] with lo < hi, got {given!r}")
    return lo, hi

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""The arms of the comparison: what a method does with a prompt, everything else being equal."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

Budget = Literal["fixed", "sequential", "wave", "value_of_information"]
Baseline = Literal["group_mean", "leave_one_out", "fused", "predictable", "posterior", "posterior_predictable"]
Scale = Literal["none", "group_std", "prior_std"]
Weight = Literal["rollout", "prompt"]


SMALL_GP = {"context": 512, "fit_rows": 192, "fit_iterations": 12}
"""On the toy tasks as good as the default context of 2,048 rows, at a fifth of its time."""
HISTORY_GP = {**SMALL_GP, "context": 4608}
"""Holds more than an epoch of 4,096 prompts, so that a prompt meets its own past outcome."""


@dataclass(frozen=True)
class Arm:
    """One method; the defaults are V0.5 in the paper's setting."""

    name: str
    prompts: int = 32
    """Prompts per training step."""
    k_init: int = 4
    """Rollouts of the first wave."""
    k_max: int = 16
    budget: Budget = "sequential"
    marginal_cost: float = 1 / 256
    """c, squared-reward units on the -1/+1 scale."""
    prior: str | None = "gp"
    """Value model by name, ``oracle`` for the exact success rate, None for methods without a prior."""
    prior_options: dict[str, Any] = field(default_factory=lambda: dict(SMALL_GP))
    baseline: Baseline = "fused"
    scale: Scale = "none"
    weight: Weight = "rollout"
    """``prompt``: every group counts alike in the loss, not every rollout; they differ where group sizes do."""
    clip_high: float = 0.2
    pool: int = 1
    """Prompts considered for every one that is taken; taken are those with the largest predicted reward variance."""
    drop_all_same: bool = False
    """DAPO's dynamic sampling: groups whose rewards are all the same are dropped and replaced."""

    def __post_init__(self):
        if self.prompts < 1 or self.k_init < 1:
            raise ValueError(f"arm {self.name}: prompts and k_init must be at least 1")
        if self.budget != "fixed" and self.k_init > self.k_max:
            raise ValueError(f"arm {self.name}: k_init = {self.k_init} is above k_max = {self.k_max}")
        if self.prior is None and (self.baseline not in ("group_mean", "leave_one_out") or self.budget != "fixed"):
            raise ValueError(f"arm {self.name}: without a prior only fixed group means and leave-one-out are defined")


def _without_prior(name: str, n: int, baseline: Baseline, **changed: Any) -> Arm:
    return Arm(name, k_init=n, budget="fixed", prior=None, baseline=baseline, **changed)


def _grpo(name: str, n: int, **changed: Any) -> Arm:
    return _without_prior(name, n, "group_mean", scale="group_std", **changed)


def _fixed(name: str, k: int, **changed: Any) -> Arm:
    """Fixed k with as many prompts as give 128 rollouts a step."""
    return Arm(name, **{"prompts": 128 // k, "k_init": k, "budget": "fixed"} | changed)


V05 = Arm("v05")

_ALL = [
    _grpo("grpo_n16", 16),
    _grpo("grpo_n8", 8),
    _grpo("grpo_n4", 4),
    _grpo("grpo_n16_p8", 16, prompts=8),
    _without_prior("drgrpo_n16", 16, "group_mean"),
    _without_prior("rloo_n16", 16, "leave_one_out"),
    _without_prior("rloo_n4", 4, "leave_one_out"),
    _without_prior("rloo_n2", 2, "leave_one_out", prompts=64),
    _grpo("dapo_n16", 16, clip_high=0.28, drop_all_same=True),
    V05,
    replace(V05, name="v05_wave", budget="wave"),
    replace(V05, name="v05_prompt_weight", weight="prompt"),
    replace(V05, name="v05_predictable", baseline="predictable"),
    _fixed("v05_fixed1", 1),
    _fixed("v05_fixed2", 2),
    _fixed("v05_fixed4", 4),
    _fixed("v05_fixed8", 8),
    _without_prior("v05_no_prior", 4, "group_mean"),
    replace(V05, name="v05_constant", prior="constant", prior_options={}),
    replace(V05, name="v05_tracker", prior="tracker", prior_options={}),
    replace(V05, name="v05_oracle", prior="oracle"),
    _fixed("v05_fixed4_oracle", 4, prior="oracle"),
    _fixed("v05_fixed2_oracle", 2, prior="oracle"),
    replace(V05, name="v05_cost_quarter", marginal_cost=1 / 1024),
    replace(V05, name="v05_cost_x4", marginal_cost=4 / 256),
    *(_fixed(f"v05_fixed{k}_predictable", k, baseline="predictable") for k in (2, 4)),
    *(_fixed(f"v05_fixed{k}_robust", k, baseline="posterior_predictable") for k in (1, 2, 4)),
    *(_fixed(f"v05_fixed{k}_robust_std", k, baseline="posterior_predictable", scale="prior_std") for k in (1, 2, 4)),
    *(_fixed(f"v05_fixed{k}_robust_pool", k, baseline="posterior_predictable", pool=2) for k in (1, 2, 4)),
    _fixed("v05_fixed2_robust_pool4", 2, baseline="posterior_predictable", pool=4),
    _fixed("v05_fixed2_robust_history", 2, baseline="posterior_predictable", prior_options=HISTORY_GP),
    _fixed("v05_fixed2_robust_tracker", 2, baseline="posterior_predictable", prior="tracker", prior_options={}),
    _fixed("v05_fixed1_robust_constant", 1, baseline="posterior_predictable", prior="constant", prior_options={}),
    _fixed("v05_fixed2_robust_constant", 2, baseline="posterior_predictable", prior="constant", prior_options={}),
    _fixed("v05_fixed1_robust_oracle", 1, baseline="posterior_predictable", prior="oracle"),
    _fixed("v05_fixed2_robust_oracle", 2, baseline="posterior_predictable", prior="oracle"),
    _fixed("rloo_n4_pool", 4, baseline="leave_one_out", pool=2),
    _fixed("v05_fixed4_robust_shared", 4, baseline="posterior"),
    replace(V05, name="v05_robust", budget="value_of_information", baseline="posterior_predictable"),
    replace(V05, name="v05_robust_k2", k_init=2, budget="value_of_information", baseline="posterior_predictable"),
]
MAIN_ARMS = (
    "grpo_n16 grpo_n16_p8 grpo_n4 dapo_n16 rloo_n4 rloo_n2 v05 v05_wave v05_fixed1 v05_fixed2 v05_fixed4 v05_robust "
    "v05_fixed1_robust v05_fixed2_robust v05_fixed1_robust_pool v05_fixed2_robust_pool rloo_n4_pool"
).split()
"""What a study without a list of arms runs."""
ARMS: dict[str, Arm] = {arm.name: arm for arm in _ALL}


def find_arm(name: str) -> Arm:
    """The arm of that name; ValueError names those that exist."""
    if name not in ARMS:
        raise ValueError(f"arm must be one of {', '.join(ARMS)}, got {name!r}")
    return ARMS[name]

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""What the light loop needs of an arm's file (``conf/arm``): the same definition that runs through verl."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from v05_verl import arms, config, method
from v05_verl.core.selection import Choice
from v05_verl.method import Group, Method

PROMPTS = 32
"""Prompts per training step of an arm with groups of four."""
REWARD_RANGE = (-1.0, 1.0)
ORACLE = "v05_verl.lab.oracle:Oracle"
SMALL = {"gp": {"context": 512, "fit_rows": 192, "fit_iterations": 12}}
"""Options of value models in every arm: on the toy tasks as good as the default context, at a fifth of its time."""


@dataclass(frozen=True)
class LightArm:
    """One arm."""

    name: str
    method: Method
    prompts: int
    """Per training step."""
    k_max: int | None = None
    """Most rollouts of a prompt; None where the first wave is all."""
    prior: str | None = None
    """Value model by name, ``oracle`` for the exact success rate, None for methods without a prior."""
    prior_options: dict[str, Any] = field(default_factory=dict)
    divides_by_std: bool = False
    """By the standard deviation of the group's rewards, as GRPO."""
    clip_high: float = 0.2
    pool: int = 1
    """Prompts looked at for every one that is taken."""
    choice: Choice = "promise"
    """Which are taken."""
    drop_all_same: bool = False
    """DAPO's dynamic sampling: groups whose rewards are all the same are dropped and replaced."""


def find_arm(name: str) -> LightArm:
    """The arm of that name as the light loop runs it; ValueError names those that exist."""
    arm = arms.load(name)
    if arm.is_v05:
        return _with_prior(arm)
    estimator = arm.get("algorithm.adv_estimator")
    n = arm.get("actor_rollout_ref.rollout.n")
    return LightArm(
        name,
        Group(n, {"grpo": "group_mean", "rloo": "leave_one_out"}[estimator]),
        arm.prompts(PROMPTS),
        divides_by_std=estimator == "grpo" and arm.get("algorithm.norm_adv_by_std_in_grpo", True),
        clip_high=arm.get("actor_rollout_ref.actor.clip_ratio_high", 0.2),
        drop_all_same=arm.get("algorithm.filter_groups.enable", False),
    )


def _with_prior(arm: arms.Arm) -> LightArm:
    settings = config.from_group({**arm.config["v05"], "reward_range": list(REWARD_RANGE)})
    name, options = settings.value.model
    options = {**options, **SMALL.get(name, {})}
    prior, options = ("oracle", {}) if name == ORACLE else (name, options)
    return LightArm(
        arm.name,
        method.build(settings),
        arm.prompts(PROMPTS),
        k_max=None if settings.budget in ("fixed", "allocated") else settings.k_max,
        prior=prior,
        prior_options=options,
        pool=settings.prompt_pool,
        choice=settings.prompt_choice,
        clip_high=arm.get("actor_rollout_ref.actor.clip_ratio_high", 0.2),
    )

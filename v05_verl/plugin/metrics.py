# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""The ``v05/*`` metrics of one training step; a metric that a step does not define (no priors, say) is left out."""

from __future__ import annotations

import math

import numpy as np

from v05_verl.config import V05Config
from v05_verl.core import prior_quality, scale
from v05_verl.core.shrinkage import fuse
from v05_verl.method import Robust
from v05_verl.plugin.accounting import Ledger
from v05_verl.plugin.batch import PromptBatch
from v05_verl.plugin.estimator import BatchRows, Estimate
from v05_verl.plugin.records import Counts, PromptRecord
from v05_verl.step_budget import Allocated


def of_step(
    prompts: PromptBatch, rows: BatchRows, estimate: Estimate, config: V05Config, step: int
) -> dict[str, float]:
    """Metrics of the prompts that a step is trained on.

    Args:
        prompts: the prompts.
        rows: their rows, verl's padding included.
        estimate: rewards and baselines of the rows.
        config: the run's settings.
        step: the training step.
    """
    values = {
        **_rollouts(prompts, config),
        **_prior(prompts, config),
        **_prior_waiting(prompts.records),
        **_staleness(prompts.records, rows, step),
        **_robust(rows),
        **_allocation(prompts, rows, config),
        **_reward_info(prompts.records),
        "v05/baseline/mean": float(np.mean(estimate.baselines[rows.is_real])),
        "v05/advantage/abs_mean": float(np.mean(np.abs((estimate.rewards - estimate.baselines)[rows.is_real]))),
        "v05/batch/rows": float(rows.is_real.sum()),
        "v05/batch/padding_rows": float((~rows.is_real).sum()),
    }
    return {name: value for name, value in values.items() if np.isfinite(value)}


def of_ledger(ledger: Ledger, added: Counts, dropped: int) -> dict[str, float]:
    """Metrics of all rollouts of the run; ``added``, ``dropped``: since the step before."""
    values = {
        "v05/rollouts/step": added.asked,
        "v05/rollouts/failed": added.failed,
        "v05/rollouts/failed_prompts": added.failed_prompts,
        "v05/rollouts/dropped": dropped,
        "v05/rollouts/waiting": ledger.waiting,
        "v05/rollouts/in_flight": ledger.in_flight,
        "v05/rollouts/unaccounted": ledger.unaccounted,
        "v05/spent/rollouts": ledger.counts.asked,
        "v05/spent/tokens": ledger.counts.tokens,
    }
    return {name: float(value) for name, value in values.items()}


def _rollouts(prompts: PromptBatch, config: V05Config) -> dict[str, float]:
    asked = np.array([record.asked for record in prompts.records])
    waves = np.array([record.waves for record in prompts.records])
    extra = prompts.trials - prompts.first_n
    return {
        "v05/rollouts/per_prompt/mean": float(asked.mean()),
        "v05/rollouts/per_prompt/min": float(asked.min()),
        "v05/rollouts/per_prompt/p50": float(np.percentile(asked, 50)),
        "v05/rollouts/per_prompt/p90": float(np.percentile(asked, 90)),
        "v05/rollouts/per_prompt/max": float(asked.max()),
        "v05/rollouts/extended_frac": float(np.mean(waves > 1)),
        "v05/rollouts/k_max_frac": float(np.mean(asked >= config.k_max)),
        "v05/rollouts/waves/mean": float(waves.mean()),
        "v05/rollouts/extra_on_uniform_frac": float(extra[prompts.is_uniform].sum() / max(extra.sum(), 1)),
        "v05/rollouts/uniform_frac": float(prompts.is_uniform.mean()),
    }


def _staleness(records: list[PromptRecord], rows: BatchRows, step: int) -> dict[str, float]:
    """Updates between the policy that ended a rollout, or that a prior was asked for, and the step's own policy."""
    behind = step - rows.step[rows.is_real]
    asked_at = np.array([record.asked_at for record in records])
    return {
        "v05/staleness/mean": float(behind.mean()),
        "v05/staleness/max": float(behind.max()),
        "v05/prior/age": float(np.mean(rows.step[rows.is_real] - asked_at[rows.group[rows.is_real]])),
    }


def _prior(prompts: PromptBatch, config: V05Config) -> dict[str, float]:
    known = np.isfinite(prompts.prior)
    values = {"v05/prior/missing_frac": float(np.mean(~known))}
    if not known.any():
        return values
    prior = prompts.prior[known]
    fusion = fuse(prompts.mean[known], prompts.trials[known], prior, config.noise_scale)
    values |= {
        "v05/prior/mean": float(prior.mean()),
        "v05/prior/accepted_frac": float(np.mean(fusion.weight == 0)),
        "v05/prior/weight_on_group_mean": float(fusion.weight.mean()),
    }
    judged = known & (prompts.first_n > 0)
    if not judged.any():
        return values
    prior, mean, n = prompts.prior[judged], prompts.first_mean[judged], prompts.first_n[judged]
    middle = sum(config.reward_range) / 2
    return values | {
        "v05/prior/mse": prior_quality.mean_squared_error(prior, mean, prompts.first_var[judged], n),
        "v05/prior/auc": prior_quality.area_under_curve(prior, mean >= middle),
        "v05/prior/calibration_slope": prior_quality.calibration_slope(prior, mean),
    }


def by_visit(prompts: PromptBatch, visit: np.ndarray, config: V05Config) -> dict[str, float]:
    """Quality of the priors by how often their prompts had been trained on; ``visit`` (P,) is 1 for the first time."""
    judged = np.isfinite(prompts.prior) & (prompts.first_n > 0)
    columns = (visit, prompts.prior, prompts.first_mean, prompts.first_var, prompts.first_n)
    values = prior_quality.by_visit(*(column[judged] for column in columns), middle=sum(config.reward_range) / 2)
    return {f"v05/prior/{name}": value for name, value in values.items() if np.isfinite(value)}


def _robust(rows: BatchRows) -> dict[str, float]:
    """What the robust mode believed of this step's priors; shift and slope on the logit scale."""
    if not isinstance(rows.method, Robust):
        return {}
    names = ("shift", "slope", "strength", "outlier_share", "rollout_weight")
    return {f"v05/robust/{name}": float(getattr(rows.method.prior_model, name)) for name in names}


def _allocation(prompts: PromptBatch, rows: BatchRows, config: V05Config) -> dict[str, float]:
    """How the budgets ``allocated`` and ``total`` spent the step, by what is known of the priors as it is trained."""
    plan = rows.method.plan
    if plan is None:
        return {}
    model, asked = rows.method.prior_model, np.array([record.asked for record in prompts.records])
    known = np.isfinite(prompts.prior)
    success, n = scale.to_success(prompts.prior[known], config.reward_range), asked[known]
    values = {"v05/allocation/prior_dead": float(np.sum(success**n + (1 - success) ** n)) if known.any() else np.nan}
    if isinstance(plan, Allocated):
        first, most = plan.lower, plan.upper
        price, idle = plan.spent(prompts.prior, asked, model)
    else:
        first, most = np.array([sum(record.wave_sizes[:1]) for record in prompts.records]), plan.k_max
        price, idle = plan.spent(prompts.first_mean, prompts.first_n, prompts.prior, first, asked - first, model)
        values["v05/total/idle_frac"] = idle
    return values | {
        "v05/allocation/lower_frac": float(np.mean(asked <= first)),
        "v05/allocation/upper_frac": float(np.mean(asked >= most)),
        "v05/allocation/price": price,
    }


def _prior_waiting(records: list[PromptRecord]) -> dict[str, float]:
    waited = np.array([record.prior_wait_s for record in records])
    return {
        "v05/prior/wait_s/p50": float(np.percentile(waited, 50)),
        "v05/prior/wait_s/mean": float(waited.mean()),
        "v05/prior/wait_s/max": float(waited.max()),
    }


def _reward_info(records: list[PromptRecord]) -> dict[str, float]:
    """Means over rollouts of what the reward function returns beside the score (verl logs them in validation only)."""
    names = sorted({name for record in records for name in record.reward_info})
    sums = {name: [record.reward_info[name] for record in records if name in record.reward_info] for name in names}
    return {
        f"v05/reward/{name}/mean": math.fsum(total for total, _ in pairs) / sum(n for _, n in pairs)
        for name, pairs in sums.items()
    }

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""The ``v05/*`` metrics of one training step; a metric that a step does not define (no priors, say) is left out."""

from __future__ import annotations

import numpy as np

from v05_verl.config import V05Config
from v05_verl.core import prior_quality
from v05_verl.core.shrinkage import fuse
from v05_verl.method import FirstWave, Robust
from v05_verl.plugin.batch import PromptBatch
from v05_verl.plugin.estimator import BatchRows, Estimate
from v05_verl.plugin.records import PromptRecord
from v05_verl.prior_record import PriorRecord


def of_step(
    prompts: PromptBatch, rows: BatchRows, estimate: Estimate, dispatched: list[PromptRecord], config: V05Config
) -> dict[str, float]:
    """All metrics of a step.

    Args:
        prompts: the prompts that are trained on.
        rows: the batch's rows.
        estimate: rewards and baselines of the rows.
        dispatched: records of all prompts of the step, those whose rollouts all failed included.
        config: the run's settings.
    """
    values = {
        **_rollouts(prompts, dispatched, config),
        **_prior(prompts, config),
        **_prior_waiting(dispatched),
        **_robust(rows),
        **_reward_info(dispatched),
        "v05/baseline/mean": float(np.mean(estimate.baselines[rows.is_real])),
        "v05/advantage/abs_mean": float(np.mean(np.abs((estimate.rewards - estimate.baselines)[rows.is_real]))),
        "v05/batch/rows": float(rows.is_real.sum()),
        "v05/batch/padding_rows": float((~rows.is_real).sum()),
    }
    return {name: value for name, value in values.items() if np.isfinite(value)}


def _rollouts(prompts: PromptBatch, dispatched: list[PromptRecord], config: V05Config) -> dict[str, float]:
    asked = np.array([record.asked for record in dispatched])
    waves = np.array([record.waves for record in dispatched])
    extra = prompts.trials - prompts.first_n
    return {
        "v05/rollouts/step": float(asked.sum()),
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
        "v05/rollouts/failed": float(sum(len(record.failed_sessions) for record in dispatched)),
        "v05/rollouts/failed_prompts": float(sum(len(record.failed_sessions) == record.asked for record in dispatched)),
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


def _robust(rows: BatchRows) -> dict[str, float]:
    """What the robust mode believed of this step's priors; shift and slope on the logit scale."""
    if not isinstance(rows.method, Robust):
        return {}
    names = ("shift", "slope", "strength", "outlier_share")
    return {f"v05/robust/{name}": float(getattr(rows.method.prior_model, name)) for name in names}


def of_group_size(wave: FirstWave, record: PriorRecord) -> dict[str, float]:
    """Metrics of ``k_init: auto``: k, the errors that it expects of baselines, and those of priors as they came out."""
    k = {"v05/auto/k": float(wave.choice.k if wave.choice else wave.sizes.max())}
    chosen = wave.choice._asdict() if wave.choice else {}
    error, _, expected = record.measured_risk()
    values = {f"v05/auto/{name}": float(value) for name, value in chosen.items()} | k
    values |= {"v05/auto/prior_error": error, "v05/auto/prior_error_expected": expected}
    return {name: value for name, value in values.items() if np.isfinite(value)}


def _prior_waiting(dispatched: list[PromptRecord]) -> dict[str, float]:
    waited = np.array([record.prior_wait_s for record in dispatched])
    return {
        "v05/prior/wait_s/p50": float(np.percentile(waited, 50)),
        "v05/prior/wait_s/mean": float(waited.mean()),
        "v05/prior/wait_s/max": float(waited.max()),
    }


def _reward_info(dispatched: list[PromptRecord]) -> dict[str, float]:
    """Means over rollouts of what the reward function returns beside the score (verl logs them in validation only)."""
    names = sorted({name for record in dispatched for name in record.reward_info})
    values = {name: [x for record in dispatched for x in record.reward_info.get(name, [])] for name in names}
    return {f"v05/reward/{name}/mean": float(np.mean(numbers)) for name, numbers in values.items()}

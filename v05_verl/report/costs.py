# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""What a run had spent after each of its steps: rollouts, tokens and seconds of training."""

from __future__ import annotations

import numpy as np
import pandas as pd

from v05_verl.report.metrics_files import STEPS
from v05_verl.schema import Count, Schema

COLUMNS = ("rollouts", "tokens", "seconds", "rollouts_per_prompt")

COST_STATEMENT = (
    "Rollouts and tokens are those of training, as v05/spent/* counts them; for arms without that metric, prompts per "
    "step x rollouts per prompt of the configuration, and mean response length x these rollouts. Groups that DAPO's "
    "filter dropped count as rollouts; their tokens are not logged and not counted. Wall time is the sum of "
    "timing_s/step; validation is apart. Steps that a restart repeated count once."
)


class StepSize(Schema):
    """Rollouts of one training step of an arm with groups of one size, from the composed configuration."""

    prompts: Count
    """data.train_batch_size"""
    n: Count
    """actor_rollout_ref.rollout.n"""


def spent(metrics: pd.DataFrame, size: StepSize | None) -> pd.DataFrame:
    """Cumulative rollouts, tokens and seconds, and the mean rollouts per prompt of each step.

    Args:
        metrics: verl's metrics by step (index, ascending); the first row may be step 0, the validation before training.
        size: None where no configuration is known; then only what ``v05/*`` metrics count is known.

    Returns:
        Columns COLUMNS by the same steps; NaN where a value is not known. A step without training metrics counts with
        its regular rollouts where groups have one size, and with no tokens and seconds.
    """
    return pd.DataFrame(
        {
            "rollouts": _rollouts(metrics, size),
            "tokens": _tokens(metrics, size),
            "seconds": (column(metrics, "timing_s/step") * steps(metrics)).fillna(0).cumsum(),
            "rollouts_per_prompt": _per_prompt(metrics, size),
        }
    )


def column(metrics: pd.DataFrame, name: str) -> pd.Series:
    """The metric by step; all NaN where the run has none of that name."""
    return metrics[name] if name in metrics else pd.Series(np.nan, index=metrics.index, dtype=float)


def steps(metrics: pd.DataFrame) -> pd.Series:
    """Training steps that each record stands for."""
    return column(metrics, STEPS).fillna(1)


def _rollouts(metrics: pd.DataFrame, size: StepSize | None) -> pd.Series:
    counted = column(metrics, "v05/spent/rollouts")
    if counted.notna().any():
        return counted.where(metrics.index > 0, 0.0)
    if size is None:
        return counted
    return (metrics.index.to_series() * size.prompts + _filtered_groups(metrics).cumsum()) * float(size.n)


def _tokens(metrics: pd.DataFrame, size: StepSize | None) -> pd.Series:
    counted = column(metrics, "v05/spent/tokens")
    if counted.notna().any():
        return counted.where(metrics.index > 0, 0.0)
    if size is None:
        return counted
    return (column(metrics, "response_length/mean") * size.prompts * size.n).fillna(0).cumsum()


def _per_prompt(metrics: pd.DataFrame, size: StepSize | None) -> pd.Series:
    """Rollouts of a step per prompt that it trains on; DAPO's dropped groups included."""
    counted = column(metrics, "v05/rollouts/per_prompt/mean")
    if counted.notna().any() or size is None:
        return counted
    per_prompt = size.n * (1 + _filtered_groups(metrics) / size.prompts)
    return per_prompt.where(column(metrics, "training/global_step").notna())


def _filtered_groups(metrics: pd.DataFrame) -> pd.Series:
    """Groups of a step that DAPO's filter dropped, and those drawn beyond need; 0 where none is logged."""
    names = ("evicted_samples", "discarded_surplus_samples")
    return sum(column(metrics, f"training/filter_groups/{name}").fillna(0) for name in names)

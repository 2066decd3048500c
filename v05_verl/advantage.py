# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""The advantage estimator ``v05``: priors and waves of the rows in, advantages out; the formulas are ``core``'s."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from verl.trainer.ppo.core_algos import register_adv_est

from v05_verl.config import V05Config
from v05_verl.core.baseline import row_baselines
from v05_verl.core.posterior import PriorModel, row_posterior_baselines


@dataclass
class BatchRows:
    """What the estimator needs beyond verl's arguments, one entry per row of the batch, padding rows included."""

    config: V05Config
    texts: list[str]
    """Prompt of each group."""
    is_real: np.ndarray
    """False for verl's padding rows, which enter no statistic."""
    is_final: np.ndarray
    """True for the last output of a session; earlier outputs of a multi-turn session share its advantage."""
    session: np.ndarray
    """Integer id of the session."""
    group: np.ndarray
    """Integer id of the prompt."""
    wave: np.ndarray
    prior: np.ndarray
    """V on the reward scale; NaN where the value model gave none."""
    prior_model: PriorModel | None = None
    """What the robust mode knew about priors before these rollouts."""
    rewards: np.ndarray | None = None
    """Set by the estimator: outcome reward of each row."""
    baselines: np.ndarray | None = None
    """Set by the estimator: baseline of each row, NaN for padding rows."""


_current: BatchRows | None = None


@contextmanager
def rows_of_batch(rows: BatchRows) -> Iterator[BatchRows]:
    """Makes ``rows`` known to the estimator, which verl calls with neither priors nor waves."""
    global _current
    _current = rows
    try:
        yield rows
    finally:
        _current = None


def session_baselines(
    rewards, group, wave, prior, config: V05Config, prior_model: PriorModel | None = None
) -> np.ndarray:
    """Baselines of the configured mode and kind; the group mean for prompts without a prior (NaN)."""
    baselines = np.empty(len(rewards))
    for known in (True, False):
        chosen = np.isfinite(prior) == known
        rows = rewards[chosen], group[chosen], wave[chosen], prior[chosen]
        if known and config.mode == "robust" and config.baseline in _POSTERIOR_KIND:
            kind, model = _POSTERIOR_KIND[config.baseline], prior_model or PriorModel()
            baselines[chosen] = row_posterior_baselines(*rows, model, kind=kind, reward_range=config.reward_range)
        else:
            kind = config.baseline if known else "group_mean"
            baselines[chosen] = row_baselines(*rows, kind=kind, noise_scale=config.noise_scale)
    return baselines


_POSTERIOR_KIND = {"fused": "shared", "predictable": "predictable"}


@register_adv_est("v05")
def compute_v05_outcome_advantage(
    token_level_rewards: torch.Tensor,
    response_mask: torch.Tensor,
    config=None,
    index: np.ndarray | None = None,
    **kwargs,
) -> tuple[torch.Tensor, torch.Tensor]:
    """A_i = r_i - b_i on every response token (V0.5, arXiv 2603.10848; no division by a standard deviation: ours).

    Args:
        token_level_rewards: (bs, response_length) outcome reward on one token of each row.
        response_mask: (bs, response_length) 1 on the policy's tokens.
        config: verl's ``algorithm`` section; not read.
        index: (bs,) uid of each row; not read, since the trainer gives the rows.

    Returns:
        (advantages, returns), both (bs, response_length) and equal; zero for padding rows.

    Raises:
        RuntimeError: called outside ``V05Trainer``.
        ValueError: a reward that is NaN or outside ``v05.reward_range``, with its prompt.
    """
    if _current is None:
        raise RuntimeError(
            "algorithm.adv_estimator=v05 was called without priors: it works in its own trainer only. Load the group "
            "with 'hydra.searchpath=[pkg://v05_verl.conf]' +v05=default, which sets trainer.v1.trainer_mode=v05_sync"
        )
    scores = token_level_rewards.sum(dim=-1)
    baselines = _row_baselines(scores.double().cpu().numpy(), _current)
    advantages = scores - torch.as_tensor(np.nan_to_num(baselines), dtype=scores.dtype, device=scores.device)
    advantages[torch.as_tensor(~_current.is_real)] = 0.0
    advantages = advantages.unsqueeze(-1) * response_mask
    return advantages, advantages


def _row_baselines(rewards: np.ndarray, rows: BatchRows) -> np.ndarray:
    """Baselines of the sessions' final rows, handed to all rows of each session; NaN for padding rows."""
    _check_rewards(rewards, rows)
    final = rows.is_real & rows.is_final
    by_session = np.full(int(rows.session.max(initial=-1)) + 1, np.nan)
    by_session[rows.session[final]] = session_baselines(
        rewards[final], rows.group[final], rows.wave[final], rows.prior[final], rows.config, rows.prior_model
    )
    rows.rewards = rewards
    rows.baselines = np.where(rows.is_real, by_session[rows.session], np.nan)
    return rows.baselines


def _check_rewards(rewards: np.ndarray, rows: BatchRows) -> None:
    lo, hi = rows.config.reward_range
    wrong = rows.is_real & ~((rewards >= lo) & (rewards <= hi))  # NaN is in no range
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(
            f"v05: reward {rewards[row]:g} of prompt {rows.texts[rows.group[row]][:200]!r} is outside v05.reward_range "
            f"[{lo:g}, {hi:g}] ({int(wrong.sum())} of {int(rows.is_real.sum())} rewards of this step are). Correct the "
            "reward function, or set v05.reward_range to its range"
        )

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""The advantage estimator ``v05``: priors and waves of the rows in, advantages out; the formulas are the method's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from verl.trainer.ppo.core_algos import register_adv_est

from v05_verl.core import scale
from v05_verl.core.baseline import centred_penalties
from v05_verl.method import Method


@dataclass(frozen=True)
class BatchRows:
    """What the estimator needs beyond verl's arguments, one entry per row of the batch, padding rows included."""

    method: Method
    """With what was known about priors before these rollouts."""
    reward_range: tuple[float, float]
    texts: list[str]
    """Prompt of each group."""
    is_real: np.ndarray
    """False for verl's padding rows, which enter no statistic."""
    is_final: np.ndarray
    """True for the last output of a session; earlier outputs of a multi-turn session share its advantage."""
    session: np.ndarray
    """Integer id of the session."""
    group: np.ndarray
    """Integer id of the prompt; -1 for padding rows."""
    wave: np.ndarray
    prior: np.ndarray
    """V on the reward scale; NaN where the value model gave none."""
    step: np.ndarray
    """Training step that the policy which ended the row belongs to; older than the batch's in asynchronous modes."""
    outcome: np.ndarray | None = None
    """Reward without verl's KL penalty, where ``algorithm.use_kl_in_reward`` takes one off; None: there is none."""


class Estimate(NamedTuple):
    """What the estimator found, one entry per row."""

    rewards: np.ndarray
    """Outcome reward, inside the reward range for real rows."""
    baselines: np.ndarray
    """NaN for padding rows."""
    advantages: np.ndarray
    """0 for padding rows."""


class _Call(NamedTuple):
    rows: BatchRows
    results: list[Estimate]


_call: ContextVar[_Call] = ContextVar("rows that verl's call of the estimator is about")


@contextmanager
def estimating(rows: BatchRows) -> Iterator[Callable[[], Estimate]]:
    """Makes ``rows`` known to the estimator, which verl calls with neither priors nor waves.

    Yields a function that returns the :class:`Estimate` once verl has called the estimator.
    """
    call = _Call(rows, [])
    token = _call.set(call)
    try:
        yield lambda: call.results[-1]
    finally:
        _call.reset(token)


@register_adv_est("v05")
def compute_v05_outcome_advantage(
    token_level_rewards: torch.Tensor,
    response_mask: torch.Tensor,
    config=None,
    index: np.ndarray | None = None,
    **kwargs,
) -> tuple[torch.Tensor, torch.Tensor]:
    """A_i = r_i - b_i on every response token (V0.5, arXiv 2603.10848; no division by a standard deviation: ours).

    With ``v05.prompt_weight`` and ``v05.advantage_scale`` scaled, see :meth:`v05_verl.method.Method.advantages`.

    Args:
        token_level_rewards: (bs, response_length) outcome reward on one token of each row, less beta times the
            tokens' KL divergences with ``algorithm.use_kl_in_reward``.
        response_mask: (bs, response_length) 1 on the policy's tokens.
        config: verl's ``algorithm`` section; not read.
        index: (bs,) uid of each row; not read, since the trainer gives the rows.

    Returns:
        (advantages, returns), both (bs, response_length) and equal; zero for padding rows.

    Raises:
        RuntimeError: called outside a v05 trainer.
        ValueError: a reward that is NaN or outside ``v05.reward_range``, with its prompt.
    """
    call = _call.get(None)
    if call is None:
        raise RuntimeError(
            "algorithm.adv_estimator=v05 was called without priors: it works in its own trainer only. Load the group "
            "with 'hydra.searchpath=[pkg://v05_verl.conf]' +v05=default, which sets trainer.v1.trainer_mode"
        )
    scores = token_level_rewards.sum(dim=-1)
    estimate = estimate_rows(scores.double().cpu().numpy(), call.rows)
    call.results.append(estimate)
    advantages = torch.as_tensor(estimate.advantages, dtype=scores.dtype, device=scores.device)
    advantages = advantages.unsqueeze(-1) * response_mask
    return advantages, advantages


def estimate_rows(rewards: np.ndarray, rows: BatchRows) -> Estimate:
    """Baselines of the sessions' final rows, handed to all rows of each session; ``rewards`` (bs,) as verl has them.

    Priors, baselines and the reward range are about outcomes. A KL penalty in the rewards has its own baseline.
    Raises ValueError as :func:`compute_v05_outcome_advantage`.
    """
    outcomes = rewards if rows.outcome is None else rows.outcome
    outcomes = np.where(rows.is_real, within_range(outcomes, rows), 0.0)
    final = rows.is_real & rows.is_final
    group = rows.group[final]
    baselines = rows.method.baselines(outcomes[final], group, rows.wave[final], rows.prior[final])

    def to_rows(of_final: np.ndarray) -> np.ndarray:
        by_session = np.full(int(rows.session.max(initial=-1)) + 1, np.nan)
        by_session[rows.session[final]] = of_final
        return np.where(rows.is_real, by_session[rows.session], np.nan)

    subtracted = baselines
    if rows.outcome is not None:
        subtracted = baselines + centred_penalties(session_penalties(rewards, rows)[final], group)
    # In verl's precision, so that group means give verl's advantages to the last bit.
    advantages = to_rows(rows.method.advantages(outcomes[final], subtracted.astype(np.float32), group))
    return Estimate(outcomes, to_rows(baselines), np.where(rows.is_real, advantages, 0.0))


def session_penalties(rewards: np.ndarray, rows: BatchRows) -> np.ndarray:
    """(bs,) what verl took off the outcomes of all outputs of each row's session; ValueError where it is not finite."""
    penalties = np.where(rows.is_real, rows.outcome - rewards, 0.0)
    if not np.isfinite(penalties).all():
        row = int(np.argmin(np.isfinite(penalties)))
        raise ValueError(
            f"v05: the KL penalty of prompt {rows.texts[rows.group[row]][:200]!r} is {penalties[row]:g}: log "
            "probabilities of the policy or of the reference model are not finite"
        )
    return np.bincount(rows.session, penalties)[rows.session]


def within_range(rewards: np.ndarray, rows: BatchRows) -> np.ndarray:
    """``rewards`` (bs,), real ones cut to the range; ValueError where one lies outside by more than a rounding."""
    lo, hi = rows.reward_range
    wrong = rows.is_real & ~scale.is_within(rewards, rows.reward_range)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(
            f"v05: reward {rewards[row]:g} of prompt {rows.texts[rows.group[row]][:200]!r} is outside v05.reward_range "
            f"[{lo:g}, {hi:g}] ({int(wrong.sum())} of {int(rows.is_real.sum())} rewards of this step are). Correct the "
            "reward function, or set v05.reward_range to its range"
        )
    return np.clip(rewards, lo, hi)

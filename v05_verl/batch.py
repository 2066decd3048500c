# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""From verl's rows to sessions and prompts: names and shapes only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from transfer_queue import KVBatchMeta

from v05_verl.advantage import BatchRows
from v05_verl.config import V05Config
from v05_verl.core import scale
from v05_verl.core.posterior import PriorModel
from v05_verl.rollout.records import PromptRecord


def collect_rows(
    batch: KVBatchMeta,
    records: dict[str, PromptRecord],
    config: V05Config,
    prior_model: PriorModel | None = None,
) -> tuple[BatchRows, list[PromptRecord]]:
    """Rows of a batch for the estimator, and the record of each group (``records[i]`` is group i).

    verl's row keys are "<uid>_<session>_<output>"; padding rows are tagged and have no record.

    Raises:
        LookupError: a real row of a prompt that the scheduler has no record of.
    """
    parts = [key.rsplit("_", 2) for key in batch.keys]
    is_real = np.array([not tag.get("is_padding", False) for tag in batch.tags], dtype=bool)
    uids = sorted({uid for (uid, _, _), real in zip(parts, is_real, strict=True) if real})
    unknown = [uid for uid in uids if uid not in records]
    if unknown:
        raise LookupError(f"no rollout record of prompt {unknown[0]} ({len(unknown)} prompts): was a worker replaced?")
    group_of_uid = {uid: group for group, uid in enumerate(uids)}

    n = len(parts)
    group, wave = np.full(n, -1), np.zeros(n, dtype=np.int64)
    prior, session, is_final = np.full(n, np.nan), np.zeros(n, dtype=np.int64), np.zeros(n, dtype=bool)
    final_row: dict[tuple[str, str], tuple[int, int]] = {}
    session_id: dict[tuple[str, str], int] = {}
    for row, (uid, number, output) in enumerate(parts):
        session[row] = session_id.setdefault((uid, number), len(session_id))
        if not is_real[row]:
            continue
        record = records[uid]
        group[row] = group_of_uid[uid]
        wave[row] = record.wave_of_session[int(number)]
        prior[row] = np.nan if record.prior is None else record.prior
        final_row[uid, number] = max(final_row.get((uid, number), (-1, -1)), (int(output), row))
    is_final[[row for _, row in final_row.values()]] = True
    groups = [records[uid] for uid in uids]
    rows = BatchRows(
        config=config,
        texts=[record.text for record in groups],
        is_real=is_real,
        is_final=is_final,
        session=session,
        group=group,
        wave=wave,
        prior=prior,
        prior_model=prior_model,
    )
    return rows, groups


@dataclass(frozen=True)
class PromptBatch:
    """One entry per prompt of the step; rewards are those of its sessions' final rows."""

    records: list[PromptRecord]
    prior: np.ndarray
    """V on the reward scale, NaN where missing."""
    trials: np.ndarray
    mean: np.ndarray
    """v_k over all rollouts."""
    is_uniform: np.ndarray
    """All rewards equal."""
    first_n: np.ndarray
    """Rollouts of the first wave that came back."""
    first_mean: np.ndarray
    first_var: np.ndarray
    """Unbiased variance of the first wave's rewards; NaN for one rollout."""
    successes: np.ndarray
    """Sum of the rewards mapped to [0, 1]."""

    @property
    def texts(self) -> list[str]:
        return [record.text for record in self.records]

    @classmethod
    def of(cls, rows: BatchRows, records: list[PromptRecord], config: V05Config) -> PromptBatch:
        """Summary of ``rows`` whose rewards the estimator has filled in."""
        final = rows.is_real & rows.is_final
        group, wave, rewards = rows.group[final], rows.wave[final], rows.rewards[final]
        by_prompt = [np.sort(rewards[group == i]) for i in range(len(records))]
        # A prompt whose whole first wave failed has later rollouts only, and no first wave to judge its prior by.
        first = [np.sort(rewards[(group == i) & (wave == 0)]) for i in range(len(records))]
        return cls(
            records=records,
            prior=np.array([np.nan if record.prior is None else record.prior for record in records]),
            trials=np.array([len(r) for r in by_prompt]),
            mean=np.array([r.mean() for r in by_prompt]),
            is_uniform=np.array([r[0] == r[-1] for r in by_prompt]),
            first_n=np.array([len(r) for r in first]),
            first_mean=np.array([r.mean() if len(r) else np.nan for r in first]),
            first_var=np.array([r.var(ddof=1) if len(r) > 1 else np.nan for r in first]),
            successes=np.array([scale.to_success(r, config.reward_range).sum() for r in by_prompt]),
        )

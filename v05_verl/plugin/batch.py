# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""From verl's rows to sessions and prompts: names and shapes only."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from transfer_queue import KVBatchMeta

from v05_verl.core import scale
from v05_verl.method import Method
from v05_verl.plugin.estimator import BatchRows, Estimate
from v05_verl.plugin.records import PromptRecord


def collect_rows(
    batch: KVBatchMeta,
    records: dict[str, PromptRecord],
    method: Method,
    reward_range: tuple[float, float],
) -> tuple[BatchRows, list[PromptRecord]]:
    """Rows of a batch for the estimator, and the record of each group (``records[i]`` is group i).

    verl's row keys are "<uid>_<session>_<output>"; padding rows are tagged and have no record.

    Raises:
        LookupError: a real row of a prompt that has no record.
    """
    uid, number, output = _parts(batch.keys)
    is_real = np.array([not tag.get("is_padding", False) for tag in batch.tags], dtype=bool)
    (prompt, names), (turn, turns) = _encoded(uid), _encoded(number)
    session, _ = pd.factorize(prompt * len(turns) + turn)
    real = np.unique(prompt[is_real])
    real = real[np.argsort(names[real])]
    place = np.full(len(names), -1)
    place[real] = np.arange(len(real))
    group, uids = np.where(is_real, place[prompt], -1), names[real]
    unknown = [name for name in uids if name not in records]
    if unknown:
        raise LookupError(
            f"no rollout record of prompt {unknown[0]} ({len(unknown)} prompts): its rows were not written by "
            "V05AgentLoopWorker; dispatch training prompts through V05AgentLoopManager"
        )
    groups = [records[name] for name in uids]

    wave, prior = np.zeros(len(uid), dtype=np.int64), np.full(len(uid), np.nan)
    sizes = [record.wave_sizes for record in groups]
    of_wave = np.array([(i, size) for each in sizes for i, size in enumerate(each)], dtype=np.int64).reshape(-1, 2)
    waves = np.repeat(*of_wave.T)
    first = np.cumsum([0, *map(sum, sizes)])[:-1]
    wave[is_real] = waves[first[group[is_real]] + _whole(number.filter(pa.array(is_real)))]
    prior[is_real] = _priors(groups)[group[is_real]]
    rows = BatchRows(
        method=method,
        reward_range=reward_range,
        texts=[record.text for record in groups],
        is_real=is_real,
        is_final=is_real & _is_last_output(session, _whole(output)),
        session=session,
        group=group,
        wave=wave,
        prior=prior,
        step=_steps(batch.tags),
    )
    return rows, groups


def joined(parts: list[tuple[BatchRows, Estimate, list[PromptRecord]]]) -> tuple[BatchRows, Estimate, list]:
    """The batches of one training step as one; their prompts differ."""
    if len(parts) == 1:
        return parts[0]
    rows, estimates, records = zip(*parts, strict=True)
    groups = np.cumsum([0, *(len(each) for each in records)])
    sessions = np.cumsum([0, *(each.session.max(initial=-1) + 1 for each in rows)])
    numbered = [
        replace(each, group=np.where(each.is_real, each.group + groups[i], -1), session=each.session + sessions[i])
        for i, each in enumerate(rows)
    ]
    arrays = [each.name for each in fields(BatchRows) if isinstance(getattr(rows[0], each.name), np.ndarray)]
    whole = replace(
        rows[-1],
        texts=[text for each in rows for text in each.texts],
        **{name: np.concatenate([getattr(each, name) for each in numbered]) for name in arrays},
    )
    estimate = Estimate(*(np.concatenate(values) for values in zip(*estimates, strict=True)))
    return whole, estimate, [record for each in records for record in each]


def share_of(total: int, parts: int, i: int) -> int:
    """Part i of ``total`` in whole numbers: as even as can be over any run of parts, all of it in the end."""
    return (i + 1) * total // parts - i * total // parts


def outcomes_by_step(rows: BatchRows, estimate: Estimate) -> list[tuple[int, list[str], np.ndarray, np.ndarray]]:
    """(step, texts, successes, trials) for each policy version that ended rollouts of the batch, oldest first.

    Rollouts of one prompt may come from several versions; each of them is an outcome of the version that ended it.
    """
    final = rows.is_real & rows.is_final
    success = scale.to_success(estimate.rewards[final], rows.reward_range)
    group, step = rows.group[final], rows.step[final]
    outcomes = []
    for each in np.unique(step):
        here = step == each
        # Summed in sorted order, as in PromptBatch.
        order = np.lexsort((success[here], group[here]))
        prompts, index, trials = np.unique(group[here][order], return_inverse=True, return_counts=True)
        successes = np.bincount(index, success[here][order], len(prompts))
        outcomes.append((int(each), [rows.texts[i] for i in prompts], successes, trials))
    return outcomes


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
    """NaN for a prompt whose whole first wave failed: it has no first wave to judge its prior by."""
    first_var: np.ndarray
    """Unbiased variance of the first wave's rewards; NaN below two rollouts."""
    successes: np.ndarray
    """Sum of the rewards mapped to [0, 1]."""

    @property
    def texts(self) -> list[str]:
        return [record.text for record in self.records]

    @classmethod
    def of(cls, rows: BatchRows, estimate: Estimate, records: list[PromptRecord]) -> PromptBatch:
        """Summary of a batch whose rewards the estimator has seen."""
        final = rows.is_real & rows.is_final
        group, wave, rewards = rows.group[final], rows.wave[final], estimate.rewards[final]
        # Summed in sorted order: the result does not depend on the order in which rollouts came back.
        order = np.lexsort((rewards, group))
        group, wave, rewards = group[order], wave[order], rewards[order]
        prompts, is_first = len(records), wave == 0
        trials, mean, _ = _moments(rewards, group, prompts)
        first_n, first_mean, first_var = _moments(rewards[is_first], group[is_first], prompts)
        last = np.cumsum(trials) - 1
        return cls(
            records=records,
            prior=_priors(records),
            trials=trials,
            mean=mean,
            is_uniform=rewards[last - trials + 1] == rewards[last],
            first_n=first_n,
            first_mean=first_mean,
            first_var=first_var,
            successes=np.bincount(group, scale.to_success(rewards, rows.reward_range), prompts),
        )


def _steps(tags: list[dict]) -> np.ndarray:
    """The training step that each row's policy belongs to: version s - 1 generates for step s, as in synchronous runs.

    A rollout that was cut by updates counts for the last version. Engines that report none: the step of its dispatch.
    """
    versions = [tag.get("max_global_steps") for tag in tags]
    steps = (
        tag.get("global_steps", 0) if version is None else version + 1
        for tag, version in zip(tags, versions, strict=True)
    )
    return np.fromiter(steps, np.int64, len(tags))


def _parts(keys: list[str]) -> list[pa.Array]:
    """uids, sessions and outputs of row keys, as texts."""
    parts = pc.split_pattern(pa.array(keys, pa.large_string()), "_", max_splits=2, reverse=True).flatten()
    return [parts.take(pa.array(np.arange(place, len(parts), 3))) for place in range(3)]


def _encoded(texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """(number of each text, texts by number)."""
    encoded = texts.dictionary_encode()
    return encoded.indices.to_numpy().astype(np.int64), np.array(encoded.dictionary.to_pylist(), dtype=object)


def _whole(texts: pa.Array) -> np.ndarray:
    return pc.cast(texts, pa.int64()).to_numpy()


def _priors(records: list[PromptRecord]) -> np.ndarray:
    return np.array([np.nan if record.prior is None else record.prior for record in records])


def _is_last_output(session: np.ndarray, output: np.ndarray) -> np.ndarray:
    """True for the row with the largest output number of each session."""
    order = np.lexsort((output, session))
    ends = np.append(session[order][1:] != session[order][:-1], True)[: len(order)]
    is_last = np.zeros(len(session), dtype=bool)
    is_last[order[ends]] = True
    return is_last


def _moments(rewards: np.ndarray, group: np.ndarray, groups: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Count, mean and unbiased variance of the rewards of each group; NaN where the count does not allow one."""
    n = np.bincount(group, minlength=groups)
    mean = np.bincount(group, rewards, groups) / np.where(n > 0, n, np.nan)
    squares = np.bincount(group, (rewards - mean[group]) ** 2, groups)
    return n, mean, squares / np.where(n > 1, n - 1, np.nan)

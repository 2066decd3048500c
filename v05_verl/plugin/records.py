# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""What the rollout scheduler tells the trainer: of each prompt on the prompt's own rows, of all rollouts in counts.

The record of a prompt is a tag of the first of its rows in TransferQueue. It so goes where the rows go: it waits with a
group that ended before the step that trains it, is dropped with a group that is evicted, and is saved with the queue.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Annotated, Any

import numpy as np
import transfer_queue as tq
from pydantic import Field, NonNegativeFloat
from transfer_queue import KVBatchMeta

from v05_verl.schema import DataError, Schema, Whole, checked

TICKET_KEY = "v05_prior_ticket"
"""Batch field, and so keyword of a worker's ``_run_prompt``, that brings the priors of a step."""
RECORD_TAG = "v05"
"""Tag of the first row of each group that holds its record."""
TEXT_FIELD = "v05_text"
"""Field of every row: its prompt as the value model saw it."""

GROUP_SIZE_KEY = "__rollout_n__"
"""verl's own batch field for the rollouts of each prompt."""
SHARE_KEY = "v05_share"
"""Batch field with the budget ``total``: each prompt's even share. Prompts of one worker spend the sum of theirs."""


RewardSum = Annotated[tuple[Annotated[float, Field(allow_inf_nan=True)], Whole], Field(strict=False)]
"""(sum, count) of what a reward function returned, whatever it was; a list after its way through the queue."""


class PromptRecord(Schema, frozen=False):
    """One training prompt, from dispatch to its last rollout."""

    uid: str
    text: str
    """The prompt as the value model saw it."""
    asked_at: Whole = 0
    """Training step for which the prior was asked."""
    prior: float | None = None
    """V on the reward scale; None where the value model gave none."""
    prior_error: str | None = None
    """Why there is no prior."""
    generation: Annotated[int, Field(ge=-1)] | None = None
    """Which start of the value model was asked, -1: one still loading; see ``plugin.value_client.PriorTicket``."""
    prior_wait_s: NonNegativeFloat = 0.0
    """Seconds from the end of the first wave until the prior was in hand or given up."""
    wave_sizes: list[Whole] = Field(default_factory=list)
    """Rollouts asked for in each wave; session s belongs to the wave in whose turn it was asked."""
    failed: Whole = 0
    """Rollouts that raised an error or came back empty."""
    reward_info: dict[str, RewardSum] = Field(default_factory=dict)
    """Sum and count of each number that the reward function returned beside the score."""

    @property
    def asked(self) -> int:
        return sum(self.wave_sizes)

    @property
    def waves(self) -> int:
        return len(self.wave_sizes)

    def tag(self) -> dict[str, Any]:
        """The record as a tag: plain data without the text, which is a field of the row."""
        return {RECORD_TAG: self.model_dump(exclude={"uid", "text"})}

    @classmethod
    def of_tag(cls, uid: str, text: str, tag: Mapping[str, Any]) -> PromptRecord:
        """The record that :meth:`tag` wrote; DataError where it is none."""
        where = f"the rollout record of prompt {uid} in TransferQueue"
        written = tag.get(RECORD_TAG) if isinstance(tag, Mapping) else None
        if not isinstance(written, Mapping):
            raise DataError(f"{where} is {reprlib.repr(written)}")
        record = checked(cls, {**written, "uid": uid, "text": text}, where)
        if record.failed > record.asked:
            raise DataError(f"{where}: {record.failed} of {record.asked} rollouts failed")
        return record


def uid_of(row_key: str) -> str:
    """uid of a row; verl's row keys are "<uid>_<session>_<output>"."""
    return row_key.rsplit("_", 2)[0]


def session_of(row_key: str) -> str:
    """Name of a row's session, unique over prompts."""
    return row_key.rsplit("_", 1)[0]


def records_of(batch: KVBatchMeta) -> dict[str, PromptRecord]:
    """The records on the rows of a batch, by uid; reads the texts from TransferQueue."""
    found = {
        key: tag
        for key, tag in zip(batch.keys, batch.tags, strict=True)
        if RECORD_TAG in tag and not tag.get("is_padding", False)  # verl copies the tags of a row to its padding
    }
    if not found:
        return {}
    rows = tq.kv_batch_get(keys=list(found), partition_id=batch.partition_id, select_fields=[TEXT_FIELD])
    texts = [getattr(text, "data", text) for text in rows[TEXT_FIELD]]
    return {
        uid_of(key): PromptRecord.of_tag(uid_of(key), text, tag)
        for text, (key, tag) in zip(texts, found.items(), strict=True)
    }


def outcomes_of(batch: KVBatchMeta) -> np.ndarray:
    """(rows,) sums of the rows' scores as the reward function gave them; read from TransferQueue."""
    rows = tq.kv_batch_get(keys=batch.keys, partition_id=batch.partition_id, select_fields=["rm_scores"])
    return np.array([float(scores.sum()) for scores in rows["rm_scores"].unbind()])


@dataclass
class RunningPrompt:
    """A prompt whose rollouts are under way in a worker."""

    record: PromptRecord
    row_keys: list[str] = field(default_factory=list)
    """Rows written so far."""
    rewards: dict[int, float] = field(default_factory=dict)
    """By session, of the rollouts that came back whole."""
    reward_info: dict[str, list[float]] = field(default_factory=dict)

    def note(self, session: int, row_keys: Iterable[str], reward: float | None, info: Mapping[str, Any]) -> None:
        """Takes in a rollout whose rows are written, and what the reward function returned; texts are left out."""
        self.row_keys += row_keys
        if reward is not None:
            self.rewards[session] = float(reward)
        for name, value in info.items():
            if name != "score" and isinstance(value, int | float | np.number):
                self.reward_info.setdefault(name, []).append(float(value))

    def row_tags(self) -> tuple[list[str], list[dict[str, Any]]]:
        """Key and tag of the row that carries the record; both empty where no rollout came back."""
        self.record.reward_info = {name: (math.fsum(x), len(x)) for name, x in self.reward_info.items()}
        first = sorted(self.row_keys)[:1]
        return first, [self.record.tag() for _ in first]


@dataclass
class Counts:
    """Rollouts of training prompts since the start of a process, or of the run."""

    asked: int = 0
    failed: int = 0
    tokens: int = 0
    """Generated, in rollouts that came back."""
    prompts: int = 0
    """Prompts that ended with at least one rollout."""
    failed_prompts: int = 0
    """Prompts that ended without one."""

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))

    def __sub__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, each.name) - getattr(other, each.name) for each in fields(self)))


@dataclass
class WorkerReport:
    """What one agent loop worker, or all of them, did so far."""

    counts: Counts = field(default_factory=Counts)
    running: dict[str, int] = field(default_factory=dict)
    """By uid of each prompt that has not ended, its rollouts that have not failed; 0 before the first was asked."""
    scheduler_error: str | None = None
    """Why the scheduler itself failed on a prompt: an error of this plugin or its method."""
    rollout_error: str | None = None
    """Why the last rollout that failed did."""

    @classmethod
    def joined(cls, reports: Iterable[WorkerReport]) -> WorkerReport:
        """The reports of all workers as one."""
        whole = cls()
        for report in reports:
            whole.counts += report.counts
            whole.running |= report.running
            whole.scheduler_error = whole.scheduler_error or report.scheduler_error
            whole.rollout_error = report.rollout_error or whole.rollout_error
        return whole

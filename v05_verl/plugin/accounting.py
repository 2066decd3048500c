# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Where every rollout of a run is: trained on, failed, dropped, waiting in the queue, or under way."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import ray
import transfer_queue as tq
from ray.actor import ActorHandle
from transfer_queue import KVBatchMeta, interface

from v05_verl.core import checks
from v05_verl.plugin.records import Counts, WorkerReport, session_of, uid_of
from v05_verl.state_checks import check_fields, state_count

if TYPE_CHECKING:
    from verl.trainer.ppo.v1.replay_buffer import ReplayBuffer


@dataclass
class Ledger:
    """Rollouts of training prompts since the start of the run, across restarts::

        asked = trained + failed + dropped + waiting + in flight

    The workers count what was asked and what failed, and name the prompts that they are at; the trainer counts what it
    trains on, what its replay buffer evicts, and what waits in the queue. The two sides meet in ``unaccounted``.
    """

    trained: int = 0
    dropped: int = 0
    """Came back and were evicted untrained, or were lost with the process that generated them."""
    counts: Counts = field(default_factory=Counts)
    """Of the workers, those of earlier launches included."""
    waiting: int = 0
    """Of groups that have ended and were not trained on yet."""
    in_flight: int = 0
    """Of groups that have not ended."""
    _before: Counts = field(default_factory=Counts)  # of earlier launches
    _settled: set[str] = field(default_factory=set)  # prompts trained on or dropped since the last reading

    def note_trained(self, sessions: Collection[str]) -> None:
        """Takes in the sessions of a batch that was trained on."""
        self.trained += len(sessions)
        self._settled |= {session.rsplit("_", 1)[0] for session in sessions}

    def note_dropped(self, sessions: Collection[str]) -> None:
        """Takes in sessions that are evicted untrained."""
        self.dropped += len(sessions)
        self._settled |= {session.rsplit("_", 1)[0] for session in sessions}

    def read(self, report: WorkerReport, queue: Mapping[str, Mapping[str, Any]]) -> Counts:
        """Takes in the workers' ``report`` and the training ``queue`` as listed after it; returns what was added."""
        counts = self._before + report.counts
        added, self.counts = counts - self.counts, counts
        # A worker may not yet have struck off a prompt whose end the trainer has already seen.
        self.in_flight = sum(rollouts for uid, rollouts in report.running.items() if uid not in self._settled)
        self._settled.clear()
        self.waiting = len(waiting_sessions(queue, report.running.keys()))
        return added

    @property
    def unaccounted(self) -> int:
        """0, unless rollouts were lost or counted twice."""
        known = self.trained + self.counts.failed + self.dropped + self.waiting + self.in_flight
        return self.counts.asked - known

    def state_dict(self) -> dict[str, int]:
        return {"trained": self.trained, "dropped": self.dropped, **vars(self.counts)}

    def load_state_dict(self, state: dict[str, int], queue: Mapping[str, Mapping[str, Any]]) -> None:
        """Takes over a saved state and the ``queue`` that was restored with it; ValueError where it is damaged.

        What was under way then died with its process: it is asked for again, and its first turn counts as dropped. The
        queue is saved a little after the counts: rollouts that ended in between had been asked for too.
        """
        check_fields("ledger", state, self.state_dict())
        saved = {name: state_count(name, count) for name, count in state.items()}
        ended = saved["trained"] + saved["failed"] + saved["dropped"]
        checks.between("state: rollouts that were trained on, failed or dropped", ended, 0, saved["asked"])
        self.trained, self.dropped = saved.pop("trained"), saved.pop("dropped")
        self.counts = self._before = Counts(**saved)
        self.waiting, self.in_flight = len(waiting_sessions(queue)), 0
        lost = self.unaccounted
        self.dropped += max(lost, 0)
        self._before.asked += max(-lost, 0)


def training_queue() -> dict[str, dict[str, Any]]:
    """Keys and tags of the training rows and prompts in TransferQueue."""
    return (tq.kv_list("train") or {}).get("train", {})


def queue_actors() -> list[ActorHandle]:
    """TransferQueue's controller and the storage units that this process started."""
    controller = ray.get_actor("TransferQueueController", namespace="transfer_queue")
    return [controller, *(interface._TQ_STORAGE or {}).get("SimpleStorage", {}).values()]


def waiting_sessions(queue: Mapping[str, Mapping[str, Any]], running: Collection[str] = ()) -> set[str]:
    """Sessions whose groups have ended, by the status of their prompts, but for the prompts ``running``.

    verl clears the key of a prompt when it takes the group, and its rows only after the step.
    """
    ended = {uid for uid, tag in queue.items() if tag.get("is_prompt") and tag["status"] == "finished"} - set(running)
    return {session_of(key) for key, tag in queue.items() if not tag.get("is_prompt") and uid_of(key) in ended}


def orphans(queue: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Rows without a prompt: verl saves the queue before it clears the rows that the step was trained on."""
    prompts = {uid for uid, tag in queue.items() if tag.get("is_prompt")}
    return [key for key, tag in queue.items() if not tag.get("is_prompt") and uid_of(key) not in prompts]


def sessions_of(batch: KVBatchMeta) -> set[str]:
    """Sessions of a batch, without verl's padding."""
    return {
        session_of(key) for key, tag in zip(batch.keys, batch.tags, strict=True) if not tag.get("is_padding", False)
    }


def count_evictions(replay_buffer: ReplayBuffer, ledger: Ledger) -> None:
    """Makes a replay buffer of verl tell the ledger which training rollouts it throws away."""
    clear = replay_buffer._clear_groups

    def clear_groups(partition_id: str, uids: set[str]) -> None:
        if partition_id == "train":
            ledger.note_dropped({session_of(key) for key in replay_buffer.partitions["train"] if uid_of(key) in uids})
        clear(partition_id, uids)

    replay_buffer._clear_groups = clear_groups

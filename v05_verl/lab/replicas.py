# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""A discrete-event model of verl's V1 trainers on rollout replicas: what waves of rollouts cost in time.

A replica has a fixed number of slots and a queue, first come first served. All its running sequences get one token per
decoding step, which takes longer the more of them there are. A rollout goes to the replica with the fewest requests, as
in verl's ``GlobalRequestLoadBalancer``, and when the last one of a wave has ended the prompt's next wave is asked for.
Which waves a prompt gets is given: rewards are independent of lengths, so that time does not enter the decision.

Left out: prefill (after an abort as well), polling intervals, transfer of weights, waiting for priors, failures.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


class Decoding(NamedTuple):
    """Seconds of one decoding step."""

    base_s: float
    """Whatever runs: weights are read once per step."""
    per_sequence_s: float = 0.0
    """For each running sequence: its keys and values."""

    def step_s(self, running: int) -> float:
        return self.base_s + self.per_sequence_s * running


class Cluster:
    """Replicas that generate; ``now`` counts only the time in which they may.

    Args:
        replicas: at least 1.
        slots: sequences that a replica runs at once, at least 1.
        decoding: seconds per step.
        reward_s: from the end of a rollout until its prompt knows the reward; the slot is free meanwhile.
    """

    def __init__(self, replicas: int, slots: int, decoding: Decoding, reward_s: float = 0.0):
        self.now = 0.0
        self.slots = slots
        self._reward_s = reward_s
        self._step_s = [decoding.step_s(running) for running in range(slots + 1)]
        # Per replica: tokens that each of its slots has decoded by a moment, and, as a heap, at how many of them each
        # running sequence ends.
        self._tokens, self._moment = [0.0] * replicas, [0.0] * replicas
        self._running: list[list[tuple[float, int]]] = [[] for _ in range(replicas)]
        self._waiting: list[deque[tuple[float, int]]] = [deque() for _ in range(replicas)]
        self._requests = np.zeros(replicas, dtype=np.int64)
        # (time, replica, stamp): the next end on a replica, void unless the stamp is its newest; (time, -1, prompt): a
        # reward.
        self._events: list[tuple[float, int, int]] = []
        self._stamp = [0] * replicas
        self._slots_in_use, self._busy_s, self._counted_at = 0, 0.0, 0.0

    def submit(self, rollouts: Iterable[tuple[float, int]]) -> None:
        """Takes (tokens, prompt) of each rollout."""
        changed = set()
        self._count_busy()
        for tokens, prompt in rollouts:
            replica = int(self._requests.argmin())
            self._requests[replica] += 1
            running = self._running[replica]
            if len(running) == self.slots:
                self._waiting[replica].append((tokens, prompt))
                continue
            if replica not in changed:
                changed.add(replica)
                passed = self.now - self._moment[replica]
                self._tokens[replica] += passed / self._step_s[len(running)] if running else 0.0
                self._moment[replica] = self.now
            heapq.heappush(running, (self._tokens[replica] + tokens, prompt))
            self._slots_in_use += 1
        for replica in changed:
            self._stamp[replica] += 1
            heapq.heappush(self._events, (self._next_end(replica), replica, self._stamp[replica]))

    def run(self, on_reward: Callable[[int], bool], until: float = math.inf) -> None:
        """Until ``on_reward(prompt)``, called once per rollout, is true; or until the time ``until``, where that is
        given. RuntimeError where nothing is left to wait for."""
        events, stamps = self._events, self._stamp
        while events and events[0][0] <= until:
            time, replica, stamp = events[0]
            if replica < 0:
                heapq.heappop(events)
                self.now, prompt = time, stamp
            elif stamp != stamps[replica]:
                heapq.heappop(events)
                continue
            else:
                self.now = time
                prompt = self._end_next(replica, stamp)
                if self._reward_s:
                    heapq.heappush(events, (time + self._reward_s, -1, prompt))
                    continue
            if on_reward(prompt):
                return
        if until == math.inf:
            raise RuntimeError("the trainer waits, and no rollout is under way: a prompt without rollouts never ends")
        self.now = until

    def busy_s(self) -> float:
        """Slots in use times seconds, all replicas together, until now."""
        self._count_busy()
        return self._busy_s

    def _end_next(self, replica: int, stamp: int) -> int:
        """Prompt of the rollout of the first event, which ends now; the replica's next waiting one takes its slot."""
        running, waiting = self._running[replica], self._waiting[replica]
        self._requests[replica] -= 1
        end, prompt = running[0]
        self._tokens[replica], self._moment[replica] = end, self.now
        if waiting:
            tokens, following = waiting.popleft()
            heapq.heapreplace(running, (end + tokens, following))
        else:
            self._count_busy()
            self._slots_in_use -= 1
            heapq.heappop(running)
        if running:
            heapq.heapreplace(self._events, (self._next_end(replica), replica, stamp))
        else:
            heapq.heappop(self._events)
        return prompt

    def _next_end(self, replica: int) -> float:
        running = self._running[replica]
        return self._moment[replica] + (running[0][0] - self._tokens[replica]) * self._step_s[len(running)]

    def _count_busy(self) -> None:
        self._busy_s += (self.now - self._counted_at) * self._slots_in_use
        self._counted_at = self.now


@dataclass(frozen=True)
class Mode:
    """What verl's V1 trainers differ in."""

    warm_up: int = 0
    """Batches dispatched before the first step: ``num_warmup_batches``."""
    updates: int = 1
    """Parts of a batch that are trained on one after the other: ``parameter_sync_step``."""
    overlaps: bool = False
    """Whether replicas generate while the trainer trains; else rollouts under way wait and go on afterwards."""


MODES = {
    "sync": Mode(),
    "colocate_async": Mode(warm_up=1),
    "separate_async": Mode(warm_up=1, updates=4, overlaps=True),
}
"""With verl's defaults."""


class Batch(NamedTuple):
    """Prompts that are dispatched together."""

    waves: Sequence[Sequence[int]]
    """Rollouts of each wave of each prompt, all above 0."""
    tokens: Sequence[Sequence[float]]
    """Of each rollout of each prompt, above 0, in the order in which they are asked for."""


class Step(NamedTuple):
    """One training step, at its end; times and slot seconds since the start of the run."""

    wall_s: float
    generating_s: float
    """Part of ``wall_s`` in which replicas may generate."""
    waiting_s: float
    """Part of ``wall_s`` in which the trainer waited for rollouts."""
    busy_s: float
    """Slot seconds, all replicas."""
    rollouts: int
    """Trained on in this step."""
    staleness: float
    """Sum over these: updates of the weights between the end of the rollout and its training."""
    oldest: int
    """The largest of them."""


class Training:
    """verl's training loop over a :class:`Cluster`.

    Args:
        batches: prompts in the order in which they are dispatched, one batch per step and those of the warm-up.
        mode: of the trainer.
        cluster: idle, at time 0.
        train_s: seconds of training per rollout.
        threshold: sampling waits while a prompt under way was dispatched so many steps ago, this step included
            (``max_off_policy_threshold`` with the strategy ``wait``).
    """

    def __init__(
        self, batches: Iterator[Batch], mode: Mode, cluster: Cluster, train_s: float = 0.0, threshold: int = 8
    ):
        self._batches, self._mode, self._cluster = batches, mode, cluster
        self._train_s, self._threshold = train_s, threshold
        self._step, self._version = 1, 0
        self._waves: list[Iterator[int]] = []  # of each prompt, those to come
        self._tokens: list[Iterator[float]] = []
        self._dispatched: list[int] = []  # in which step
        self._missing: list[int] = []  # rollouts of the present wave
        self._versions: list[list[int]] = []  # at the end of each rollout
        self._under_way: Counter[int] = Counter()  # prompts by step of dispatch
        self._finished: dict[int, deque[int]] = defaultdict(deque)
        self._sampleable, self._wanted = 0, math.inf  # inf: the trainer does not wait

    def steps(self) -> Iterator[Step]:
        """Trains for ever."""
        cluster, mode = self._cluster, self._mode
        paused = waited = 0.0
        for _ in range(mode.warm_up):
            self._dispatch()
        while True:
            rows: list[int] = []
            for wanted in _parts(self._dispatch(), mode.updates):
                asked, self._wanted = cluster.now, wanted
                if not self._can_sample():
                    cluster.run(self._on_reward)
                waited += cluster.now - asked
                versions = [version for prompt in self._sample(wanted) for version in self._versions[prompt]]
                rows += versions
                train_s = self._train_s * len(versions)
                if mode.overlaps:
                    cluster.run(self._on_reward, until=cluster.now + train_s)
                else:
                    paused += train_s
            newest, self._version = self._version, self._step
            yield Step(
                cluster.now + paused,
                cluster.now,
                waited,
                cluster.busy_s(),
                len(rows),
                newest * len(rows) - sum(rows),
                newest - min(rows),
            )
            self._step += 1

    def _dispatch(self) -> int:
        """Asks for the first waves of the next batch; returns its number of prompts."""
        batch = next(self._batches)
        first = len(self._waves)
        self._waves += map(iter, batch.waves)
        self._tokens += map(iter, batch.tokens)
        prompts = range(first, len(self._waves))
        self._dispatched += [self._step] * len(prompts)
        self._missing += [0] * len(prompts)
        self._versions += [[] for _ in prompts]
        self._under_way[self._step] += len(prompts)
        self._cluster.submit([rollout for prompt in prompts for rollout in self._next_wave(prompt)])
        return len(prompts)

    def _next_wave(self, prompt: int) -> list[tuple[float, int]]:
        size = self._missing[prompt] = next(self._waves[prompt], 0)
        return [(next(self._tokens[prompt]), prompt) for _ in range(size)]

    def _on_reward(self, prompt: int) -> bool:
        """Whether the trainer can go on."""
        self._versions[prompt].append(self._version)
        self._missing[prompt] -= 1
        if self._missing[prompt]:
            return False
        wave = self._next_wave(prompt)
        if wave:
            self._cluster.submit(wave)
            return False
        step = self._dispatched[prompt]
        self._under_way[step] -= 1
        if not self._under_way[step]:
            del self._under_way[step]
        self._finished[step].append(prompt)
        self._sampleable += 1
        return self._can_sample()

    def _can_sample(self) -> bool:
        return self._sampleable >= self._wanted and not (
            self._under_way and self._step - min(self._under_way) + 1 >= self._threshold
        )

    def _sample(self, wanted: int) -> list[int]:
        """Finished prompts, those dispatched first before others."""
        taken: list[int] = []
        for step in sorted(self._finished):
            finished = self._finished[step]
            while finished and len(taken) < wanted:
                taken.append(finished.popleft())
        self._sampleable, self._wanted = self._sampleable - wanted, math.inf
        return taken


def _parts(prompts: int, updates: int) -> list[int]:
    """Sizes of ``updates`` parts, as equal as whole numbers can be."""
    return [prompts * (part + 1) // updates - prompts * part // updates for part in range(updates)]

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""What keeps a run from waiting for ever: deaths of its processes, rollouts that all fail, and a step that lasts.

verl waits for rollouts by listing the queue. A worker that died never ends its prompts, and the list says nothing.
"""

from __future__ import annotations

import ctypes
import logging
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass

import ray
from ray.actor import ActorHandle
from ray.exceptions import ActorUnavailableError, RayActorError

from v05_verl.plugin.records import WorkerReport

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 3.0
GRACE_S = 20.0
"""From the death of a process until this one ends too, where the trainer's thread cannot be reached."""
LAST_LOOK_S = 3.0
"""After an error, for an actor whose death may be behind it."""
LONG_STEP_S = 300.0
"""A step that lasts longer than this, and than three times the longest before it, is told."""
FEWEST_FAILURES = 8
"""Prompts without a rollout, one after the other, that do not yet stop a run, however small its batch."""


class ProcessDied(RuntimeError):
    """A process that the run needs has died."""


class Watch:
    """A thread that looks after the actors of a run and after the trainer's thread, which makes it.

    Where an actor has died, the sentence about it is raised in the trainer's thread, also in place of an error that the
    trainer met first. Where that thread waits inside a
    call that never returns, the process ends after ``GRACE_S``; Ray then ends the rest, and the launch with an error.

    Args:
        actors: by the name that the user reads.
        step: the training step at the moment.
        waiting: what the step waits for, for the sentence about one that lasts.
    """

    def __init__(self, actors: dict[str, ActorHandle], step: Callable[[], int], waiting: Callable[[], str]):
        self._actors, self._step, self._waiting = actors, step, waiting
        self._trainer = threading.get_ident()
        self._answers: dict[ray.ObjectRef, str] = {}
        self._began, self._longest, self._told = time.monotonic(), 0.0, LONG_STEP_S
        self._seen_step = step()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="v05_watch", daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, _, error: BaseException | None, trace) -> None:
        """Where ``error`` is what the trainer met of a death, raises the sentence about that death instead."""
        self._ended.set()
        self._thread.join()
        if isinstance(error, Exception) and not isinstance(error, ProcessDied) and (sentence := self._cause()):
            raise ProcessDied(sentence) from error

    def _cause(self) -> str | None:
        end = time.monotonic() + LAST_LOOK_S
        while (sentence := self.death()) is None and time.monotonic() < end:
            time.sleep(0.1)
        return sentence

    def _run(self) -> None:
        while not self._ended.wait(LOOK_EVERY_S):
            if sentence := self.death():
                self._end_run(sentence)
                return
            if sentence := self.long_step():
                logger.warning(sentence)

    def death(self) -> str | None:
        """Who has died and what to do; None where all live. An actor that is busy answers later, a dead one at once."""
        waiting = set(self._answers.values())
        for name, actor in self._actors.items():
            if name not in waiting:
                self._answers[actor.__ray_ready__.remote()] = name
        answered, _ = ray.wait(list(self._answers), num_returns=len(self._answers), timeout=0)
        for answer in answered:
            name = self._answers.pop(answer)
            try:
                ray.get(answer)
            except ActorUnavailableError:  # the network may come back; where the actor is dead, the next answer says so
                continue
            except RayActorError as error:
                return death_of(name, self._step(), error)
        return None

    def long_step(self) -> str | None:
        """What the step waits for, where it lasts longer than steps before it; told again each time it doubles."""
        now, step = time.monotonic(), self._step()
        if step != self._seen_step:
            self._longest = max(self._longest, now - self._began)
            self._began, self._seen_step, self._told = now, step, max(LONG_STEP_S, 3 * self._longest)
        lasted = now - self._began
        if lasted < self._told:
            return None
        self._told *= 2
        return (
            f"v05: step {step} has lasted {lasted:.0f} s. The trainer is in {self._place()}; {self._waiting()}. If "
            "nothing moves, look for errors in the logs of Ray's workers; a run that is ended resumes from its last "
            "checkpoint"
        )

    def _place(self) -> str:
        stack = traceback.extract_stack(sys._current_frames()[self._trainer])
        known = [frame for frame in stack if "/verl/" in frame.filename or "/v05_verl/" in frame.filename]
        frame = (known or stack)[-1]
        return f"{frame.name} ({os.path.basename(frame.filename)}:{frame.lineno})"

    def _end_run(self, sentence: str) -> None:
        logger.error(sentence)
        print(sentence, file=sys.stderr, flush=True)
        death = type("ProcessDied", (ProcessDied,), {"__init__": lambda self: RuntimeError.__init__(self, sentence)})
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._trainer), ctypes.py_object(death))
        if not self._ended.wait(GRACE_S):
            os._exit(1)


@dataclass
class Failures:
    """Stops a run whose rollouts all fail, with the cause; verl's buffers refill for ever, or name none.

    ``most``: prompts without a rollout, one after the other, after which the cause is taken as systematic.
    """

    most: int
    _prompts: int = 0
    _failed: int = 0

    def check(self, report: WorkerReport) -> None:
        """RuntimeError where the scheduler failed on a prompt, or prompt after prompt came back without a rollout."""
        if report.scheduler_error:
            raise RuntimeError(f"v05: the rollout budget failed, {report.scheduler_error}")
        counts = report.counts
        if counts.prompts > self._prompts:
            self._prompts, self._failed = counts.prompts, counts.failed_prompts
        failed = counts.failed_prompts - self._failed
        if failed >= max(self.most, FEWEST_FAILURES):
            raise RuntimeError(nothing_came_back(failed, report))


def death_of(who: str, step: int, error: RayActorError) -> str:
    """The sentence about a process that the run needs."""
    return (
        f"v05: {who} died in step {step}, and the run cannot go on without it. Start the same command again: it "
        f"resumes from its last checkpoint. What Ray knows of the death: {' '.join(str(error).split())[:600]}"
    )


def nothing_came_back(prompts: int, report: WorkerReport) -> str:
    """The sentence about prompts of which every rollout failed."""
    error = str(report.rollout_error)
    raised = " ".join(error[max(error.rfind('File "'), 0) :].split())  # of a traceback, where it ends
    return (
        f"v05: of the last {prompts} prompts not one rollout came back. The last error: {raised[-600:]}. The agent "
        "loop, the reward function or the rollout server raises it; correct that and start the same command again"
    )

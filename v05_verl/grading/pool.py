# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""math-verify in processes of its own, under a deadline that is kept.

A thread cannot be stopped and math-verify's own timeouts need the main thread, so each pair goes to a worker process;
one that does not answer in time is killed and replaced. Usable from many threads at once, as in verl's reward workers.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from dataclasses import dataclass
from typing import Literal

STARTUP_SECONDS = 120.0  # importing SymPy on a busy machine
KERNEL_GRACE_SECONDS = 1.0  # the worker's own alarm rings this much after the pool's deadline


@dataclass(frozen=True)
class Outcome:
    """What became of a pair: a verdict, or why there is none."""

    status: Literal["done", "timeout", "error", "unavailable"]
    correct: bool = False
    detail: str = ""


class WorkerDied(RuntimeError):
    """A worker ended without an answer; the message holds what it wrote last."""


class Pool:
    """At most ``workers`` processes, started when first needed.

    Args:
        workers: number of processes; callers beyond it wait for a free one.
        deadline: seconds that a worker gets for one pair, waiting for a free worker not included.
        memory_bytes: address space of a worker; math-verify gets a MemoryError beyond it.
        recycle_after: pairs after which a worker is replaced, which bounds what SymPy's caches hold.
    """

    def __init__(
        self, workers: int = 2, deadline: float = 10.0, memory_bytes: int = 4 << 30, recycle_after: int = 5000
    ):
        if workers < 1 or deadline <= 0:
            raise ValueError(f"workers must be at least 1 and deadline above 0, got {workers} and {deadline:g}")
        self.deadline, self.memory_bytes, self.recycle_after = deadline, memory_bytes, recycle_after
        self.counts: Counter[str] = Counter()
        self._idle: list[_Worker] = []
        self._all: set[_Worker] = set()
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(workers)
        self._owner = os.getpid()

    def verify(self, gold: str, prediction: str) -> Outcome:
        """math-verify's verdict on ``prediction``; never raises for anything that the two texts contain."""
        with self._slots:
            try:
                worker = self._take()
            except (WorkerDied, OSError) as error:
                return self._counted(Outcome("unavailable", detail=str(error)))
            outcome = worker.ask(gold, prediction, self.deadline)
            self._give_back(worker, healthy=outcome.status in ("done", "error") and worker.alive)
            return self._counted(outcome)

    def pids(self) -> list[int]:
        """Process ids of the workers that run now."""
        with self._lock:
            return [worker.process.pid for worker in self._all]

    def close(self) -> None:
        """Ends every worker, idle or not; a later ``verify`` starts new ones."""
        with self._lock:
            workers, self._all, self._idle = self._all, set(), []
        for worker in workers:
            worker.kill()

    def belongs_here(self) -> bool:
        """Whether this process started the pool; after a fork the copy must not touch the parent's pipes."""
        return self._owner == os.getpid()

    def _take(self) -> _Worker:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        worker = _Worker(self.deadline, self.memory_bytes)
        with self._lock:
            self._all.add(worker)
        return worker

    def _give_back(self, worker: _Worker, healthy: bool) -> None:
        with self._lock:
            keep = healthy and worker.asked < self.recycle_after and worker in self._all
            if keep:
                self._idle.append(worker)
            else:
                self._all.discard(worker)
        if not keep:
            worker.kill()

    def _counted(self, outcome: Outcome) -> Outcome:
        with self._lock:
            self.counts[outcome.status] += 1
        return outcome


class _Worker:
    """One process and the connection to it."""

    def __init__(self, deadline: float, memory_bytes: int):
        self.asked = 0
        self._stderr = tempfile.TemporaryFile()
        self._connection, theirs = multiprocessing.Pipe()
        limits = [str(deadline + KERNEL_GRACE_SECONDS), str(memory_bytes)]
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "v05_verl.grading.worker", str(theirs.fileno()), *limits],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=self._stderr,
                stderr=self._stderr,
                env=_environment(),
            )
        try:
            greeting = self._read(STARTUP_SECONDS)
        except (EOFError, OSError) as error:  # TimeoutError is one
            raise WorkerDied(f"a grader process did not start: {self._last_words()}") from error
        if "error" in greeting:
            self.kill()
            raise WorkerDied(f"math-verify cannot be imported ({greeting['error']}); pip install 'v05_verl[math]'")

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def ask(self, gold: str, prediction: str, deadline: float) -> Outcome:
        self.asked += 1
        try:
            self._connection.send_bytes(json.dumps([gold, prediction]).encode())
            answer = self._read(deadline)
        except TimeoutError:
            self.kill()
            return Outcome("timeout", detail=f"no answer within {deadline:g} s")
        except (EOFError, OSError):
            return Outcome("error", detail=f"worker died: {self._last_words()}")
        if "error" in answer:
            return Outcome("error", detail=answer["error"])
        return Outcome("done", correct=answer["correct"])

    def kill(self) -> None:
        """Ends the process and waits for it, so that neither it nor a zombie stays."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()
        self._connection.close()
        self._stderr.close()

    def _read(self, seconds: float) -> dict:
        if not self._connection.poll(seconds):
            raise TimeoutError(f"no sign of life for {seconds:g} s")
        return json.loads(self._connection.recv_bytes())

    def _last_words(self) -> str:
        """How the process ended, with the last line that it wrote; whatever is left of it is removed."""
        lines = []
        if not self._stderr.closed:  # else the pool was closed meanwhile
            self._stderr.seek(0)
            lines = self._stderr.read()[-2000:].decode("utf-8", "replace").strip().splitlines()
        self.kill()
        return f"exit status {self.process.returncode}" + (f", {lines[-1]}" if lines else "")


def _environment() -> dict[str, str]:
    """One thread per worker, no accelerator, and the same packages as here."""
    paths = [path for path in sys.path if path]
    threads = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    return {**os.environ, **threads, "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": os.pathsep.join(paths)}


_pools: dict[tuple, Pool] = {}
_pools_lock = threading.Lock()


def shared_pool(workers: int, deadline: float) -> Pool:
    """This process's pool with these settings, made when first asked for and closed at exit."""
    with _pools_lock:
        pool = _pools.get((workers, deadline))
        if pool is None or not pool.belongs_here():
            pool = _pools[workers, deadline] = Pool(workers, deadline)
        return pool


def close_pools() -> None:
    """Ends the workers of every shared pool of this process."""
    with _pools_lock:
        pools = [pool for pool in _pools.values() if pool.belongs_here()]
        _pools.clear()
    for pool in pools:
        pool.close()


def _after_fork() -> None:
    global _pools_lock
    _pools_lock = threading.Lock()  # the parent's may have been held
    _pools.clear()


atexit.register(close_pools)
os.register_at_fork(after_in_child=_after_fork)

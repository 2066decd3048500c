# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Deaths, failures and long waits become sentences; real Ray actors, real kills."""

import os
import signal
import subprocess
import sys
import time

import pytest
import ray

from v05_verl.plugin import watch
from v05_verl.plugin.records import Counts, WorkerReport
from v05_verl.plugin.watch import Failures, ProcessDied, Watch


@ray.remote(num_cpus=0)
class Worker:
    def pid(self):
        return os.getpid()

    def busy(self):
        time.sleep(3600)


@pytest.fixture(scope="module")
def local_ray():
    ray.init(num_cpus=1, include_dashboard=False, object_store_memory=100_000_000, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.fixture
def workers(local_ray):
    actors = {"agent loop worker 0": Worker.remote(), "rollout server 0": Worker.remote()}
    pids = {name: ray.get(actor.pid.remote()) for name, actor in actors.items()}
    yield actors, pids
    for actor in actors.values():
        ray.kill(actor)


def test_a_death_ends_the_wait_with_a_sentence(workers, monkeypatch):
    actors, pids = workers
    monkeypatch.setattr(watch, "LOOK_EVERY_S", 0.1)
    actors["rollout server 0"].busy.remote()
    started = time.monotonic()
    with pytest.raises(RuntimeError, match="v05: agent loop worker 0 died in step 7.*Start the same command again"):
        with Watch(actors, step=lambda: 7, waiting=lambda: ""):
            time.sleep(1)
            os.kill(pids["agent loop worker 0"], signal.SIGKILL)
            while time.monotonic() < started + 60:  # as verl waits for rollouts
                time.sleep(0.1)
    assert time.monotonic() < started + 30


def test_an_error_that_follows_from_a_death_names_the_death(workers):
    actors, pids = workers
    with pytest.raises(ProcessDied, match="v05: rollout server 0 died in step 7") as raised:
        with Watch(actors, step=lambda: 7, waiting=lambda: ""):
            os.kill(pids["rollout server 0"], signal.SIGKILL)
            raise ValueError("not one rollout came back")
    assert "not one rollout" in str(raised.value.__cause__)


def test_an_error_while_all_live_stays_what_it_is(workers):
    with pytest.raises(ValueError, match="not one rollout came back"):
        with Watch(workers[0], step=lambda: 7, waiting=lambda: ""):
            raise ValueError("not one rollout came back")


def test_a_busy_actor_is_no_dead_one(workers):
    actors, _ = workers
    actors["rollout server 0"].busy.remote()
    watching = Watch(actors, step=lambda: 7, waiting=lambda: "")
    for _ in range(5):
        assert watching.death() is None
        time.sleep(0.2)


WAITS_INSIDE_A_CALL = """
import os, ray, signal, sys, threading, time
from v05_verl.plugin import watch
watch.LOOK_EVERY_S, watch.GRACE_S = 0.1, 1.0
ray.init(num_cpus=1, include_dashboard=False, object_store_memory=100_000_000, log_to_driver=False)
@ray.remote(num_cpus=0)
class Worker:
    def pid(self):
        return os.getpid()
worker = Worker.remote()
pid = ray.get(worker.pid.remote())
with watch.Watch({"TransferQueue's actor 1": worker}, step=lambda: 3, waiting=lambda: ""):
    os.kill(pid, signal.SIGKILL)
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()
"""


@pytest.mark.slow
def test_a_trainer_that_cannot_be_reached_ends_too():
    run = subprocess.run([sys.executable, "-c", WAITS_INSIDE_A_CALL], capture_output=True, text=True, timeout=300)
    assert run.returncode == 1 and "v05: TransferQueue's actor 1 died in step 3" in run.stderr


def test_a_long_step_says_what_it_waits_for(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(watch.time, "monotonic", lambda: clock[0])
    step = [1]
    watching = Watch({}, step=lambda: step[0], waiting=lambda: "3 prompts were generating")
    told = {}
    for clock[0] in range(0, 5000, 50):
        step[0] = 1 if clock[0] < 150 else 2
        if sentence := watching.long_step():
            told[clock[0]] = sentence
    # Step 1 lasted 150 s; step 2 is told of after max(300, 450) s, then as the wait doubles.
    assert list(told) == [600, 1050, 1950, 3750]
    assert "step 2 has lasted 450 s" in told[600] and "3 prompts were generating" in told[600]


def report(prompts, failed, **more):
    return WorkerReport(Counts(prompts=prompts, failed_prompts=failed), **more)


def test_a_run_whose_rollouts_all_fail_stops_with_the_cause():
    failures = Failures(most=16)
    failures.check(report(0, 15))
    with pytest.raises(RuntimeError, match="of the last 16 prompts not one rollout came back. .* KeyError: 'answer'"):
        failures.check(report(0, 16, rollout_error="KeyError: 'answer'"))


def test_failures_between_successes_do_not_stop_a_run():
    failures = Failures(most=1)
    for i in range(100):
        failures.check(report(prompts=i, failed=7 * i))
    failures.check(report(prompts=99, failed=7 * 99 + 7))
    with pytest.raises(RuntimeError, match="of the last 8 prompts"):
        failures.check(report(prompts=99, failed=7 * 99 + 8))


def test_an_error_of_the_scheduler_stops_a_run_at_once():
    with pytest.raises(RuntimeError, match="the rollout budget failed, prompt 'x': ValueError: no"):
        Failures(most=100).check(report(5, 0, scheduler_error="prompt 'x': ValueError: no"))

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import os
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest

from v05_verl.grading.pool import Pool, close_pools, shared_pool

HANGS = r"9^{9^{9^{9^9}}}"  # SymPy computes it to the last digit


@pytest.fixture
def pool():
    pool = Pool(workers=2, deadline=3.0)
    yield pool
    pool.close()


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_verdicts(pool):
    assert pool.verify("2", r"\sqrt{4}").correct
    assert not pool.verify("2", r"\sqrt{5}").correct
    assert pool.counts == {"done": 2}
    assert len(pool.pids()) == 1  # the second one was not needed


@pytest.mark.slow
def test_a_stuck_worker_is_killed_within_the_deadline_and_replaced(pool):
    pool.verify("1", "1")
    (stuck,) = pool.pids()
    start = time.monotonic()
    assert pool.verify("3", HANGS).status == "timeout"
    assert time.monotonic() - start < pool.deadline + 5.0  # the time is the deadline; a busy machine adds to it
    assert is_gone(stuck)
    assert pool.verify("2", r"\frac{4}{2}").correct
    assert stuck not in pool.pids()
    assert pool.counts == {"done": 2, "timeout": 1}


def test_threads_share_the_workers(pool):
    outcomes = {}

    def ask(number):
        outcomes[number] = pool.verify(str(number), rf"\frac{{{2 * number}}}{{2}}").correct

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(1, 25)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == {number: True for number in range(1, 25)}
    assert len(pool.pids()) <= 2


def test_a_worker_that_dies_is_an_error_and_is_replaced(pool):
    pool.verify("1", "1")
    os.kill(pool.pids()[0], signal.SIGKILL)
    outcome = pool.verify("1", "1")
    assert outcome.status == "error" and "died" in outcome.detail
    assert pool.verify("1", "1").correct


def test_memory_of_a_worker_is_bounded():
    """By the kernel: what SymPy asks for beyond it is a MemoryError there, and no trouble here."""
    pool = Pool(workers=1, memory_bytes=1 << 30)
    try:
        assert pool.verify("2", r"\sqrt{4}").correct
        (worker,) = pool.pids()
        assert psutil.Process(worker).rlimit(psutil.RLIMIT_AS) == (1 << 30, 1 << 30)
    finally:
        pool.close()


@pytest.mark.slow
def test_workers_are_recycled():
    pool = Pool(workers=1, recycle_after=3)
    try:
        seen = set()
        for number in range(7):
            assert pool.verify(str(number), str(number)).correct
            seen.update(pool.pids())
        assert len(seen) >= 2
    finally:
        pool.close()


def test_closing_leaves_no_process(pool):
    pool.verify("1", "1")
    pids = pool.pids()
    pool.close()
    assert pids and all(is_gone(pid) for pid in pids) and pool.pids() == []


SCRIPT = """
import sys, threading, time
from v05_verl.grading.pool import shared_pool
pool = shared_pool(1, 3.0)
pool.verify("1", "1")
print(*pool.pids(), flush=True)
if sys.argv[1] == "stuck":
    threading.Thread(target=pool.verify, args=("3", r"9^{9^{9^{9^9}}}"), daemon=True).start()
    time.sleep(1.0)
if sys.argv[1] != "exits":
    print("waits", flush=True)
    time.sleep(60)
"""


def start_script(how: str) -> tuple[subprocess.Popen, int]:
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, how], stdout=subprocess.PIPE, text=True)
    worker = int(process.stdout.readline())
    if how != "exits":
        assert process.stdout.readline() == "waits\n"
    return process, worker


def wait_until_gone(pid: int, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end and not is_gone(pid):
        time.sleep(0.1)
    return is_gone(pid)


@pytest.mark.parametrize("how", ["exits", "idle", "stuck"])
def test_no_worker_outlives_its_parent(how):
    """At exit the pool is closed; where the parent is killed, end of input or the kernel's alarm ends the worker."""
    process, worker = start_script(how)
    if how != "exits":
        process.kill()
    process.wait()
    assert wait_until_gone(worker, 8.0)


def test_the_shared_pool_is_one_per_setting_and_process():
    first = shared_pool(1, 4.0)
    assert shared_pool(1, 4.0) is first
    assert shared_pool(2, 4.0) is not first
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, b"other" if shared_pool(1, 4.0) is not first else b"same")
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reader, 10) == b"other"
    close_pools()
    assert shared_pool(1, 4.0) is not first


def test_settings_are_checked():
    with pytest.raises(ValueError, match="workers must be at least 1"):
        Pool(workers=0)
    with pytest.raises(ValueError, match="deadline above 0"):
        Pool(deadline=0)

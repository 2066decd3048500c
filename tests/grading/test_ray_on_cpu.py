# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""As verl runs it: in threads of a Ray actor that may be killed at any time."""

import time

import psutil
import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def ray_session():
    import ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield ray
    ray.shutdown()


def reward_worker():
    """The class of the actor; a local one travels to the actor by value."""

    class RewardWorker:
        """Calls the reward function as verl's reward managers do, from the event loop's threads."""

        async def grade(self, responses, gold):
            import asyncio

            from v05_verl.grading import compute_score

            loop = asyncio.get_running_loop()
            calls = [
                loop.run_in_executor(
                    None, lambda text=text: compute_score("math500", text, gold, workers=2, deadline=8.0)
                )
                for text in responses
            ]
            return [(result["acc"], result["grader_path"]) for result in await asyncio.gather(*calls)]

        async def workers(self):
            from v05_verl.grading.pool import shared_pool

            return shared_pool(2, 8.0).pids()

    return RewardWorker


def wait_until_gone(pids, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end and any(psutil.pid_exists(pid) for pid in pids):
        time.sleep(0.2)
    return [pid for pid in pids if psutil.pid_exists(pid)]


def test_threads_of_an_actor_grade_and_leave_no_process(ray_session):
    ray = ray_session
    actor = ray.remote(reward_worker()).remote()
    integral = r"Answer: \int_0^{34} 1 \, dx"
    hangs = r"Answer: \int_0^{1000} \frac{\sin(x^{x})}{x^3+\log(1+x)} dx"
    verdicts = ray.get(actor.grade.remote(["Answer: 34", "Answer: 35", integral] * 4 + [hangs], "34"), timeout=120)
    expected = [(1.0, "string"), (0.0, "number"), (1.0, "math_verify")]
    assert verdicts == expected * 4 + [(0.0, "timeout")]
    pids = ray.get(actor.workers.remote())
    assert pids and len(pids) <= 2
    ray.kill(actor)
    assert wait_until_gone(pids, 15.0) == []

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""The value model in real Ray actors: order of calls, sharing, death and return."""

import os
import signal
import time

import numpy as np
import pytest
import ray

from v05_verl.config import ValueConfig
from v05_verl.plugin.value_client import ValueClient

TEXTS = ["easy", "hard", "new"]


@pytest.fixture(scope="module", autouse=True)
def local_ray():
    ray.init(num_cpus=4, include_dashboard=False, object_store_memory=100_000_000, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.fixture
def tracker():
    clients = []

    def start(**settings):
        settings = {"name": "tracker", "options": {}} | settings
        clients.append(ValueClient(ValueConfig(**settings)))
        return clients[-1]

    yield start
    for client in clients:
        client.close()


def priors(client, texts=TEXTS, step=2):
    ticket = client.ask([f"uid of {text}" for text in texts], texts, step)
    answers = {}
    for keys, answer in zip(ticket.keys, ray.get(ticket.refs), strict=True):
        answers.update(zip(keys, answer.tolist(), strict=True))
    return [answers[f"uid of {text}"] for text in texts]


def tell(client, step=1):
    client.tell(["easy", "hard"], np.array([4.0, 0.0]), np.array([4.0, 4.0]), step)


def pid_of(client):
    return ray.get(client._replicas[0].__ray_call__.remote(lambda self: os.getpid()))


def wait_until(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    assert condition()


def test_outcomes_reach_the_next_question(tracker):
    client = tracker()
    before = priors(client)
    tell(client)
    easy, hard, new = priors(client)
    assert easy > before[0] and hard < before[1] and hard < new < easy
    assert client.failure() is None


def test_replicas_share_the_prompts_and_know_the_same(tracker):
    one, three = tracker(), tracker(replicas=3, num_cpus=0.5)
    for client in (one, three):
        tell(client)
    assert len(three.ask(TEXTS, TEXTS, 2).refs) == 3
    assert priors(three) == priors(one)
    assert priors(three, texts=["easy"]) == priors(one, texts=["easy"])


def test_a_killed_actor_is_an_error_for_its_questions_and_returns_with_its_state(tracker):
    client = tracker()
    tell(client)
    known = priors(client)
    wait_until(lambda: client.failure() is None and not client._learning)
    os.kill(pid_of(client), signal.SIGKILL)
    with pytest.raises(ray.exceptions.RayActorError):
        for _ in range(50):
            priors(client)
            time.sleep(0.1)
    client.restart()
    assert priors(client) == known


def test_outcomes_that_died_with_the_actor_are_learned_after_the_restart(tracker):
    client = tracker()
    expected = tracker()
    tell(expected)
    os.kill(pid_of(client), signal.SIGKILL)
    time.sleep(1)
    tell(client)
    wait_until(lambda: client.failure() is not None)
    assert "ActorDied" in client.failure() or "ActorUnavailable" in client.failure()
    client.restart()
    assert priors(client) == priors(expected)


def test_state_travels_between_clients(tracker):
    first, second = tracker(), tracker()
    assert first.state_dict() is None
    tell(first)
    second.load_state_dict(first.state_dict())
    assert priors(second) == priors(first)
    second.load_state_dict(None)


def test_a_wrong_model_or_option_stops_the_start():
    for settings in ({"name": "trakcer"}, {"name": "tracker", "options": {"tracker": {"colour": 1}}}):
        with pytest.raises(ray.exceptions.RayActorError, match="trakcer|colour"):
            ValueClient(ValueConfig(**settings))

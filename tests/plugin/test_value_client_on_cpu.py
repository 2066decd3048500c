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
from v05_verl.plugin import value_client
from v05_verl.plugin.value_client import ValueClient

TEXTS = ["easy", "hard", "new"]


pytestmark = pytest.mark.usefixtures("local_ray")


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
    while not condition():  # asked once each time: asking may change what it is asked of
        assert time.monotonic() < end
        time.sleep(0.05)


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
    os.kill(pid_of(client), signal.SIGKILL)
    with pytest.raises(ray.exceptions.RayActorError):
        for _ in range(50):
            priors(client)
            time.sleep(0.1)
    assert client.mend(silent=True, answered=False) == "died, and restarts from its last state"
    assert priors(client) == known and client.generation == 1


def test_outcomes_that_died_with_the_actor_are_learned_after_the_restart(tracker):
    client = tracker()
    expected = tracker()
    tell(expected)
    os.kill(pid_of(client), signal.SIGKILL)
    time.sleep(1)
    tell(client)
    wait_until(lambda: client.failure() is not None)
    assert "ActorDied" in client.failure() or "ActorUnavailable" in client.failure()
    tell(client, step=2)
    tell(expected, step=2)
    assert client.mend(silent=True, answered=False).startswith("died")
    assert priors(client) == priors(expected) and client.dropped_outcomes == 0


def test_one_dead_replica_of_two_is_found(tracker):
    client = tracker(replicas=2, num_cpus=0.5)
    os.kill(ray.get(client._replicas[1].__ray_call__.remote(lambda self: os.getpid())), signal.SIGKILL)
    wait_until(lambda: client.mend(silent=False, answered=True).startswith("died"))
    assert len(priors(client)) == len(TEXTS)


def test_state_travels_between_clients(tracker):
    first, second = tracker(), tracker()
    assert first.state_dict() == {"state": None, "told": []}
    tell(first)
    state = first.state_dict()
    assert state["told"] == [] and state["state"]["kind"] == "tracker"
    second.load_state_dict(state)
    assert priors(second) == priors(first)


def test_what_a_dead_model_was_told_is_saved_beside_its_last_state(tracker):
    client, second = tracker(), tracker()
    tell(client)
    client.state_dict()
    os.kill(pid_of(client), signal.SIGKILL)
    time.sleep(1)
    for step in (2, 3):
        tell(client, step)
    wait_until(lambda: client.failure() is not None)
    state = client.state_dict()
    assert [outcomes["step"] for outcomes in state["told"]] == [2, 3] and state["state"] is not None
    second.load_state_dict(state)
    client.mend(silent=False, answered=False)
    assert priors(second, step=4) == priors(client, step=4)


def test_the_state_is_copied_now_and_then_not_with_every_outcome(tracker, monkeypatch):
    monkeypatch.setattr(value_client, "STATE_EVERY", 3)
    client = odd(tracker, "Half")
    for step in range(1, 6):
        tell(client, step)
    wait_until(lambda: client.failure() is None and len(client._told) == 2)
    assert ray.get(client._state) == {"learned": [1, 2, 3]}
    assert client.state_dict() == {"state": {"learned": [1, 2, 3, 4, 5]}, "told": []}


def odd(tracker, model, **settings):
    options = {"custom": settings.pop("options", {})}
    return tracker(name=f"odd_models:{model}", options=options, **settings)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ([0.5, 0.5], r"has the shape \(2,\)"),
        ([0.5] * 4, r"has the shape \(4,\)"),
        ([0.5, float("nan"), 0.5], r"success_rate\[1\] = nan is not a finite number"),
        ([0.5, 0.5, 7.0], r"success_rate\[2\] = 7 is outside"),
        (["high", "low", "low"], "could not convert"),
        (None, "success rates in"),
    ],
)
def test_an_answer_that_is_no_list_of_rates_is_a_sentence(tracker, answer, sentence):
    client = odd(tracker, "Answers", options={"answer": answer})
    with pytest.raises(ValueError, match=sentence) as error:
        client.wait(client.ask(TEXTS, TEXTS, 1))
    assert "odd_models:Answers for 3 prompts is not 3 success rates" in value_client.sentence(error.value)


def test_outcomes_that_the_model_refuses_are_dropped_and_counted(tracker):
    client = odd(tracker, "Refuses", options={"step": 2})
    for step in (1, 2, 3):
        tell(client, step)
    problems = []
    wait_until(lambda: problems.append(client.failure()) or (client.dropped_outcomes and not client.failure()))
    assert "2 outcomes of step 2 are dropped: RuntimeError: not this step" in next(filter(None, problems))
    assert client.dropped_outcomes == 2 and client.generation == 0
    assert client.state_dict()["state"] == {"learned": [1, 3]}


def test_a_model_that_takes_long_to_build_is_waited_for(tracker):
    """Its builds take longer than the time-out and two updates."""
    client = odd(tracker, "SlowToBuild", options={"seconds": 4}, timeout_s=0.2)
    os.kill(pid_of(client), signal.SIGKILL)
    time.sleep(0.5)
    assert client.mend(silent=True, answered=False).startswith("died")
    for _ in range(3):
        ticket = client.ask(TEXTS, TEXTS, 1)
        assert ticket.generation == value_client.STILL_LOADING
        with pytest.raises(ray.exceptions.GetTimeoutError):
            client.wait(ticket)
        assert client.mend(silent=ticket.generation == client.generation, answered=False) == "is still being built"
    wait_until(lambda: client.ask(TEXTS, TEXTS, 1).generation == 1)
    np.testing.assert_allclose(ray.get(client.ask(TEXTS, TEXTS, 1).refs[0]), 0.5)


def test_a_model_that_hangs_is_replaced_after_two_silent_updates(tracker):
    client = odd(tracker, "Hangs", options={"step": 5}, timeout_s=0.2)
    tell(client)
    client.ask(TEXTS, TEXTS, 5)
    assert client.mend(silent=True, answered=True) == "is asked again"  # slow, since others got an answer
    assert client.mend(silent=True, answered=False) == "is asked again"
    client.heard()
    assert client.mend(silent=True, answered=False) == "is asked again"
    assert (
        client.mend(silent=True, answered=False)
        == "gave no prior in two updates running, and restarts from its last state"
    )
    wait_until(lambda: client.ask(TEXTS, TEXTS, 1).generation == 1)
    np.testing.assert_allclose(ray.get(client.ask(TEXTS, TEXTS, 1).refs[0]), 0.5)


def test_what_the_cluster_lacks_is_said_at_the_start():
    with pytest.raises(ValueError, match=r"v05.value.num_gpus = 1 .* but the Ray cluster has 0 GPUs"):
        ValueClient(ValueConfig(name="tracker", num_gpus=1))
    with pytest.raises(ValueError, match="num_cpus = 2 for each of 3 replicas"):
        ValueClient(ValueConfig(name="tracker", num_cpus=2, replicas=3))
    with pytest.raises(ValueError, match="cluster has 4 CPUs, of which verl's own processes take 3; lower it"):
        ValueClient(ValueConfig(name="tracker", num_cpus=2), {"CPU": 3.0, "GPU": 1.0})


def test_a_value_model_that_reserved_no_gpu_sees_none(tracker):
    """Ray shows it those of the node, all of which train, and a model takes the first that it sees."""
    client = tracker()
    seen = ray.get(client._replicas[0].__ray_call__.remote(lambda self: os.environ["CUDA_VISIBLE_DEVICES"]))
    assert seen == ""


def test_a_wrong_model_or_option_stops_the_start():
    for settings in ({"name": "trakcer"}, {"name": "tracker", "options": {"tracker": {"colour": 1}}}):
        with pytest.raises(ray.exceptions.RayActorError, match="trakcer|colour"):
            ValueClient(ValueConfig(**settings))

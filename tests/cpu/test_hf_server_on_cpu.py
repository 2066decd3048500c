# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""The transformers replica in verl's asynchronous modes: cut, resumed, rejected; weights through shared memory."""

import asyncio
from types import SimpleNamespace

import pytest
import torch

from v05_verl.cpu import hf_rollout, shm_weights
from v05_verl.cpu.engine import Engine

from .conftest import tiny_model

GREEDY = {"temperature": 0, "max_tokens": 100, "logprobs": True}
PROMPT = [2, 3, 4]


@pytest.fixture(scope="module")
def model():
    return tiny_model(positions=256)


@pytest.fixture
def server(model, monkeypatch):
    def engine(*_):
        return Engine(model, eos_token_ids=set(), vocab_size=20, max_rows=4, max_positions=200, seed=0)

    monkeypatch.setattr(hf_rollout, "engine_of", engine)
    return hf_rollout.HFServer(SimpleNamespace(response_length=100), None, 0)


async def begun(server, prompt=PROMPT, **more):
    """A request that has some tokens."""
    request = asyncio.create_task(server.generate("r", prompt, GREEDY | more))
    while not server._engine.running or len(server._engine._running[0].tokens) < 3:
        await asyncio.sleep(0.001)
    return request


def versions(output):
    return output.extra_fields["min_global_steps"], output.extra_fields["max_global_steps"]


def test_a_cut_response_goes_on_from_where_it_was(server):
    async def run():
        whole = await server.generate("r", PROMPT, GREEDY)
        request = await begun(server)
        await server.abort_all_requests()
        part = await request
        assert part.stop_reason == "aborted" and 3 <= len(part.token_ids) == len(part.log_probs) < 100
        await server.resume_generation()
        rest = await server.generate("r", PROMPT + part.token_ids, GREEDY | {"max_tokens": 100 - len(part.token_ids)})
        assert part.token_ids + rest.token_ids == whole.token_ids
        torch.testing.assert_close(torch.tensor(part.log_probs + rest.log_probs), torch.tensor(whole.log_probs))

    asyncio.run(run())


def test_a_cut_response_belongs_to_the_version_that_wrote_it(server):
    """verl updates the weights right behind the abort, before the caller of the cut request runs."""

    async def run():
        await server.set_global_steps(3)
        request = await begun(server)
        await server.abort_all_requests()
        await server.update_weights({}, global_steps=4)
        assert versions(await request) == (3, 3)
        await server.resume_generation()
        assert versions(await server.generate("r", PROMPT, GREEDY | {"max_tokens": 2})) == (4, 4)

    asyncio.run(run())


def test_late_requests_wait_or_are_sent_away(server):
    async def run():
        await server.abort_all_requests()
        late = asyncio.create_task(server.generate("r", PROMPT, GREEDY | {"max_tokens": 2}))
        await asyncio.sleep(0.1)
        assert not late.done()
        await server.resume_generation()
        assert len((await late).token_ids) == 2
        # A replica that leaves for long would never answer: it rejects, and verl's client asks another.
        await server.abort_all_requests(reject_request=True)
        rejected = await asyncio.wait_for(server.generate("r", PROMPT, GREEDY), 5)
        assert (rejected.token_ids, rejected.stop_reason) == ([], "aborted")
        await server.resume_generation()
        assert len((await server.generate("r", PROMPT, GREEDY | {"max_tokens": 2})).token_ids) == 2

    asyncio.run(run())


def test_a_forced_response_comes_back_with_its_log_probabilities(server, model):
    """Beside a running request, which it leaves as it is; under the weights of the moment; when admitted."""
    response = [5, 6, 1]
    forced = {"forced_response": response, "max_tokens": 3}

    async def run():
        whole = await server.generate("r", PROMPT, GREEDY)
        request = await begun(server)
        output = await server.generate("f", PROMPT, forced)
        assert (output.token_ids, output.stop_reason) == (response, "completed") and not request.done()
        logits = model(torch.tensor([PROMPT + response])).logits[0, 2:5, :20]  # from 20 on: padding of the embedding
        expected = logits.log_softmax(-1)[[0, 1, 2], response]
        torch.testing.assert_close(torch.tensor(output.log_probs), expected)
        assert (await request).token_ids == whole.token_ids

        await server.abort_all_requests()
        late = asyncio.create_task(server.generate("f", PROMPT, forced))
        await server.update_weights({}, global_steps=4)
        await asyncio.sleep(0.05)
        assert not late.done()
        await server.resume_generation()
        assert versions(await late) == (4, 4)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"temperature": 0.5}, "has its probability at temperature 1.*temperature=0.5"),
        ({"top_p": 0.7}, "has its probability at temperature 1.*top_p=0.7"),
        ({"max_tokens": 2}, "has 3 tokens, and a response may have 2"),
        ({"forced_response": []}, "prompt of 3 tokens plus 0 new ones does not fit"),
    ],
)
def test_what_cannot_be_forced_is_a_sentence(server, wrong, sentence):
    with pytest.raises(ValueError, match=sentence):
        asyncio.run(server.generate("f", PROMPT, {"forced_response": [5, 6, 1]} | wrong))


def test_weights_travel_through_shared_memory(model, monkeypatch, tmp_path):
    monkeypatch.setattr(shm_weights, "SHARED_MEMORY", str(tmp_path))
    master, other, replica = (shm_weights.SharedMemoryEngine(0, is_master=i == 0) for i in range(3))
    metadata = [engine.prepare() for engine in (master, other, replica)]
    actors, rollouts = master.build_topology(2, 1, metadata)
    for engine, folder in zip((master, other, replica), actors["folder"] + rollouts["folder"], strict=True):
        engine.init_process_group(folder)
    sent = model.state_dict()

    async def received():
        return {name: tensor async for name, tensor in replica.receive_weights(global_steps=1)}

    async def sync():
        receiving = asyncio.create_task(received())  # the replica waits for the actor
        await asyncio.sleep(0.05)
        await asyncio.gather(other.send_weights(sent.items()), master.send_weights(sent.items()))
        return await receiving

    found = asyncio.run(sync())
    assert found.keys() == sent.keys() and all(torch.equal(found[name], sent[name]) for name in sent)
    for engine in (master, other, replica):
        engine.finalize()
    assert list(tmp_path.iterdir()) == []


def test_weights_that_do_not_come_are_a_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr(shm_weights, "WAIT_S", 0.05)
    replica = shm_weights.SharedMemoryEngine(0)
    replica.init_process_group(str(tmp_path))

    async def receive():
        return [item async for item in replica.receive_weights(global_steps=7)]

    with pytest.raises(TimeoutError, match="wrote no weights for step 7"):
        asyncio.run(receive())

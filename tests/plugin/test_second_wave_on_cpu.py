# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""The budget ``total`` in a worker: prompts wait for each other, and share out as the light loop's step does."""

import asyncio

import numpy as np
import pytest

from v05_verl import method
from v05_verl.config import V05Config
from v05_verl.plugin.batch import share_of
from v05_verl.plugin.records import PromptRecord
from v05_verl.plugin.second_wave import SecondWave

BUILT = method.build(V05Config(mode="robust", baseline="predictable", budget="total", k_init=2))
REWARDS = {"a": [1.0, -1.0], "b": [1.0, 1.0], "c": [-1.0], "d": []}
PRIOR = {"a": 0.0, "b": 0.9, "c": None, "d": -0.5}


def record(uid):
    return PromptRecord(uid=uid, text=uid, prior=PRIOR[uid], wave_sizes=[2], failed=2 - len(REWARDS[uid]))


def meet(order, total=20, leavers=()):
    async def everyone():
        second_wave = SecondWave(dict.fromkeys("abcd", total // 4))

        async def arrive(uid):
            return uid, await second_wave.size(BUILT, record(uid), REWARDS[uid])

        tasks = []
        for uid in order:
            if uid in leavers:
                second_wave.leave(uid)
            else:
                tasks.append(asyncio.create_task(arrive(uid)))
            await asyncio.sleep(0)
        return dict(await asyncio.wait_for(asyncio.gather(*tasks), 60))

    return asyncio.run(everyone())


def test_a_worker_shares_out_as_one_step_does_in_whatever_order_prompts_end():
    n = np.array([len(each) for each in REWARDS.values()])
    mean = np.array([np.mean(each) if each else np.nan for each in REWARDS.values()])
    prior = np.array([np.nan if each is None else each for each in PRIOR.values()])
    expected = dict(zip("abcd", BUILT.second_wave(mean, n, prior, np.full(4, 2), 20).tolist(), strict=True))
    assert sum(expected.values()) == 12
    assert meet("abcd") == meet("dcba") == meet("bdac") == expected


def test_nobody_waits_for_a_prompt_that_left():
    for order in ("abcd", "dcba"):
        further = meet(order, leavers="ad")
        assert set(further) == {"b", "c"}
        assert sum(further.values()) == 2 * 5 - 2 * 2


def test_what_cannot_be_decided_is_raised_at_every_prompt():
    async def broken():
        second_wave = SecondWave(dict.fromkeys("ab", 17))  # above k_max
        tasks = [second_wave.size(BUILT, record(uid), REWARDS[uid]) for uid in "ab"]
        return await asyncio.gather(*tasks, return_exceptions=True)

    errors = asyncio.run(broken())
    assert [type(error) for error in errors] == [ValueError] * 2 and "room for" in str(errors[0])


@pytest.mark.parametrize(("prompts", "workers"), [(8, 1), (8, 3), (30, 8), (3, 8)])
def test_the_shares_of_any_workers_add_up_and_are_even(prompts, workers):
    shares = np.array([share_of(137, prompts, i) for i in range(prompts)])
    assert shares.sum() == 137
    assert all(abs(part.sum() - len(part) * 137 / prompts) < 1 for part in np.array_split(shares, workers))

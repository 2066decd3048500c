# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""``k_init: auto`` ahead of training: each step trains on as many rollouts, whatever k was when they were asked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v05_verl.plugin.under_way import UnderWay


def test_a_step_that_halves_k_trains_on_no_more_rollouts_than_before():
    under_way, taken = UnderWay(2048), []
    under_way.add(512, 2048)  # what the run begins with
    for k in (4, 4, 2, 1, 1, 4, 4):
        under_way.add(2048 // k, 2048)
        taken.append(under_way.take())
    assert taken == [512, 512, 512, 1024, 2048, 2048, 512]


def test_a_part_of_a_batch_is_left_for_the_next_step():
    under_way = UnderWay(100)
    under_way.add(75, 150)
    under_way.add(60, 120)
    assert [under_way.take() for _ in range(3)] == [50, 50, 35]
    assert under_way.take() == 1  # nothing is known of what verl has put there: not none


@given(st.lists(st.integers(1, 4), min_size=1, max_size=30), st.integers(1, 60))
def test_no_prompt_is_lost_and_the_steps_are_even(sizes, ahead):
    under_way, dispatched, taken = UnderWay(48), ahead, 0
    under_way.add(ahead, 4 * ahead)
    for k in sizes:
        under_way.add(48 // k, 48 // k * k)
        dispatched, part = dispatched + 48 // k, under_way.take()
        taken += part
        assert 12 <= part <= 48
    assert sum(prompts for prompts, _ in under_way.state()) == dispatched - taken


def test_the_state_comes_back_and_nothing_else_is_taken():
    under_way, again = UnderWay(16), UnderWay(16)
    under_way.add(4, 16)
    under_way.add(10, 13)
    again.load(under_way.state())
    assert [again.take(), again.take()] == [under_way.take(), under_way.take()] == [4, 10]
    for damaged in (7, [[1]], [[1, 2, 3]], [[2, 1]], [[0, 4]], [[1.5, 4]], [["1", 4]]):
        with pytest.raises(ValueError, match="under"):
            again.load(damaged)

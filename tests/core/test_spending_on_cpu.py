# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import logging
from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from v05_verl.core import gap
from v05_verl.core.spending import price_paid, spend, spend_greedily, spend_in_turn, split

STEPS = st.one_of(st.sampled_from([0.0, 1.0, 2.0, -1.0]), st.floats(-3, 3), st.just(-np.inf))


def brute_force(step, room):
    gained = np.concatenate([np.zeros((len(step), 1)), np.cumsum(step, axis=1)], axis=1)
    choices = product(range(gained.shape[1]), repeat=len(step))
    return max(sum(gained[i, m] for i, m in enumerate(further)) for further in choices if sum(further) == room)


def gained(step, further):
    return sum(float(np.sum(row[:m])) for row, m in zip(step, further, strict=True))


@st.composite
def rooms(draw, entries=STEPS, falling=False, prompts=5, width=8):
    """A matrix of steps, counts and a room up to 8 that it allows."""
    shape = draw(st.integers(1, prompts)), draw(st.integers(1, width))
    step = np.array(draw(st.lists(entries, min_size=shape[0] * shape[1], max_size=shape[0] * shape[1]))).reshape(shape)
    if falling:
        step = -np.sort(-step, axis=1)
    n = np.array(draw(st.lists(st.integers(0, 4), min_size=shape[0], max_size=shape[0])))
    allowed = int(np.logical_and.accumulate(step > -np.inf, axis=1).sum())
    return step, n, draw(st.integers(0, min(8, allowed)))


@settings(max_examples=300)
@given(problem=rooms(width=4))
def test_no_other_purchase_gains_more(problem):
    step, n, room = problem
    before = step.copy()
    further = spend(step, n, room)
    assert further.dtype == np.int64 and further.sum() == room and np.all(further >= 0)
    assert gained(step, further) == pytest.approx(brute_force(step, room), rel=1e-12, abs=1e-12)
    np.testing.assert_array_equal(step, before)


@settings(max_examples=60)
@given(problem=rooms(prompts=3, width=8, entries=st.floats(0, 1)))
def test_no_other_purchase_gains_more_in_long_rows(problem):
    step, n, room = problem
    assert gained(step, spend(step, n, room)) == pytest.approx(brute_force(step, room), rel=1e-12, abs=1e-12)


def test_rising_rows_of_many_prompts_against_a_knapsack_over_all():
    # The programme over all prompts and all sums, which closes no gap but needs none.
    rng = np.random.default_rng(5)
    for trial in range(40):
        prompts, width = int(rng.integers(2, 40)), int(rng.integers(2, 12))
        step = rng.choice([rng.uniform(0, 1, (prompts, width)), rng.integers(0, 3, (prompts, width)).astype(float)])
        if trial % 3 == 0:
            step = np.sort(step, axis=1)  # all rows rise throughout
        if trial % 4 == 0:
            step[:] = step[0]  # all rows are equal
        room = int(rng.integers(1, prompts * width))
        best = np.full(room + 1, -np.inf)
        best[0] = 0
        for row in np.concatenate([np.zeros((prompts, 1)), np.cumsum(step, axis=1)], axis=1):
            best = np.max(
                [
                    np.concatenate([np.full(min(m, room + 1), -np.inf), best])[: room + 1] + row[m]
                    for m in range(width + 1)
                ],
                axis=0,
            )
        assert gained(step, spend(step, np.zeros(prompts), room)) == pytest.approx(best[room], rel=1e-12)


def test_a_purchase_of_several_is_made_where_the_first_alone_is_worth_nothing():
    # 0 then 5 beats 2 and 2; with a room of 3 it is 5 and one 2; with 1 only a 2 can be had.
    step = [[0.0, 5.0], [2.0, 2.0]]
    assert spend(step, [4, 4], 2).tolist() == [2, 0]
    assert spend(step, [4, 4], 3).tolist() == [2, 1]
    assert spend(step, [4, 4], 1).tolist() == [0, 1]


def test_equal_gains_go_to_fewer_rollouts_then_to_the_lower_index():
    flat = np.zeros((3, 4))
    assert spend(flat, [4, 2, 3], 1).tolist() == [0, 1, 0]
    assert spend(flat, [4, 2, 3], 3).tolist() == [0, 2, 1]  # 2 -> 3, then both at 3 in turn
    assert spend(flat, [4, 2, 3], 4).tolist() == [1, 2, 1]
    assert spend(flat, [4, 2, 3], 7).tolist() == [2, 3, 2]
    assert spend(flat, [4, 4, 4], 5).tolist() == [2, 2, 1]
    # Whole purchases that tie do not break each other up.
    assert spend([[0.0, 1.0]] * 3, [4, 4, 4], 4).tolist() == [2, 2, 0]


@given(problem=rooms(entries=st.sampled_from([0.0, 1.0, 2.0]), falling=True))
def test_tied_purchases_are_those_of_one_at_a_time(problem):
    step, n, room = problem
    further = np.zeros(len(step), dtype=int)
    for _ in range(room):
        can = [i for i in range(len(step)) if further[i] < step.shape[1]]
        best = min(can, key=lambda i: (-step[i, further[i]], n[i] + further[i], i))
        further[best] += 1
    assert spend(step, n, room).tolist() == further.tolist()


@given(problem=rooms(entries=st.floats(0, 1), falling=True), price=st.floats(0, 1))
def test_with_room_for_the_steps_above_a_price_it_takes_those(problem, price):
    step, n, _ = problem
    above = (step > price).sum(axis=1)
    assert spend(step, n, int(above.sum())).tolist() == above.tolist()
    if above.any():
        assert price_paid(step, above) > price
    else:
        assert np.isnan(price_paid(step, above))


@given(problem=rooms(falling=True))
def test_a_larger_room_takes_nothing_away(problem):
    step, n, room = problem
    assume(room > 0)
    assert np.all(spend(step, n, room) >= spend(step, n, room - 1))


@given(problem=rooms())
def test_the_whole_room_and_nothing(problem):
    step, n, _ = problem
    allowed = np.logical_and.accumulate(step > -np.inf, axis=1).sum(axis=1)
    assert spend(step, n, int(allowed.sum())).tolist() == allowed.tolist()
    assert spend(step, n, 0).tolist() == [0] * len(step)


def test_without_prompts_or_steps():
    assert spend(np.empty((0, 3)), [], 0).tolist() == []
    assert spend(np.empty((2, 0)), [1, 1], 0).tolist() == [0, 0]
    assert spend_greedily(np.empty((2, 0)), 0).tolist() == [0, 0]


def test_rounding_is_no_rise():
    step = np.array([[0.3, 0.1 + 0.2, 0.1], [0.3, 0.3, 0.1]])  # .30000000000000004 after .3
    assert spend(step, [0, 0], 3).tolist() == [2, 1]


def test_a_programme_that_would_take_too_long_is_said_and_left(monkeypatch, caplog):
    step = np.array([[0.0, 0.0, 3.0], [0.4, 0.3, 0.2], [0.0, 1.0, 0.0]])
    assert spend(step, [0, 0, 0], 2).tolist() == [0, 0, 2]
    monkeypatch.setattr(gap, "OPERATIONS", 0)
    with caplog.at_level(logging.WARNING):
        assert spend(step, [0, 0, 0], 4).sum() == 4
        assert spend(step, [0, 0, 0], 2).sum() == 2
    assert "below the optimum" in caplog.text


def test_greedy_takes_the_best_next_step():
    # Row 0 hides a 5 behind a 0, so the greedy takes row 1's; then both are at 0 and the lower index goes on.
    step = [[0.0, 5.0, 0.0], [2.0, 2.0, 0.0]]
    assert [spend_greedily(step, room).tolist() for room in range(6)] == [
        [0, 0],
        [0, 1],
        [0, 2],
        [1, 2],
        [2, 2],
        [3, 2],
    ]


def test_the_rest_of_the_room_goes_by_the_second_gain():
    first = np.array([[9.0, 5.0, 0.0], [3.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    second = np.array([[9.0, 8.0, 1.0], [9.0, 2.0, 1.5], [4.0, 3.0, 0.0]])
    # Above 4: two of row 0. Then row 1's 9, row 2's 4 and 3, row 1's 2.
    assert spend_in_turn(first, 4.0, second, [4, 4, 4], 2).tolist() == [2, 0, 0]
    assert spend_in_turn(first, 4.0, second, [4, 4, 4], 1).tolist() == [1, 0, 0]
    assert spend_in_turn(first, 4.0, second, [4, 4, 4], 6).tolist() == [2, 2, 2]
    assert spend_in_turn(first, 99.0, second, [4, 4, 4], 3).tolist() == spend(second, [4, 4, 4], 3).tolist()
    assert spend_in_turn(first, 4.0, second, [4, 4, 4], 9).tolist() == [3, 3, 3]


@pytest.mark.parametrize(
    ("step", "n", "room", "message"),
    [
        ([1.0, 2.0], [1, 1], 1, r"two-dimensional.*\(2,\)"),
        ([[1.0, np.nan]], [1], 1, r"step\[0, 1\] = nan"),
        ([[np.inf, 1.0]], [1], 1, r"step\[0, 0\] = inf"),
        ([[1.0], [1.0]], [1], 1, "n has 1, step has 2"),
        ([[1.0]], 1, 1, "n must be one-dimensional"),
        ([[1.0]], [-1], 1, r"n\[0\] = -1 must be at least 0"),
        ([[1.0]], [0.5], 1, r"n\[0\] = 0.5 is not a whole number"),
        ([[1.0]], [1], -1, "room must be one whole number of at least 0, got -1"),
        ([[1.0]], [1], 0.5, "room = 0.5 is not a whole number"),
        ([[1.0]], [1], [1], "room must be one whole number"),
        ([[1.0, 1.0], [1.0, -np.inf]], [1, 1], 4, "room for 4 .*the 2 prompts allow 3"),
        ([[-np.inf, 1.0]], [1], 1, "the 1 prompts allow 0"),
        (np.empty((0, 3)), [], 1, "the 0 prompts allow 0"),
    ],
)
def test_errors(step, n, room, message):
    with pytest.raises(ValueError, match=message):
        spend(step, n, room)
    if "n has" not in message and "n must" not in message and r"n\[" not in message:
        with pytest.raises(ValueError, match=message):
            spend_greedily(step, room)


def test_two_gains_of_different_shapes_are_refused():
    with pytest.raises(ValueError, match=r"one shape, got \(1, 1\) and \(1, 2\)"):
        spend_in_turn([[1.0]], 0.0, [[1.0, 1.0]], [1], 1)


def test_split_by_largest_remainders():
    assert split(10, [1, 1, 1]).tolist() == [4, 3, 3]
    assert split(10, [3, 2, 2]).tolist() == [4, 3, 3]  # 4.29, 2.86, 2.86
    assert split(7, [0, 5, 0]).tolist() == [0, 7, 0]
    assert split(0, [2, 3]).tolist() == [0, 0]
    assert split(0, []).tolist() == []


@given(
    weights=st.lists(st.integers(0, 100), min_size=1, max_size=12),
    per_prompt=st.tuples(st.integers(0, 9), st.integers(0, 9)),
    data=st.data(),
)
def test_split_keeps_the_bounds_per_prompt(weights, per_prompt, data):
    least, most = sorted(per_prompt)
    total = data.draw(st.integers(least * sum(weights), most * sum(weights)))
    parts = split(total, weights)
    assert parts.sum() == total
    assert np.all(parts >= least * np.array(weights)) and np.all(parts <= most * np.array(weights))
    exact = total * np.array(weights) / max(sum(weights), 1)
    assert np.all(np.abs(parts - exact) < 1)


@pytest.mark.parametrize(
    ("total", "weights", "message"),
    [
        (5, [0, 0], "all of the 2 weights are 0"),
        (5, [], "all of the 0 weights are 0"),
        (5, [1, -1], "weights must be at least 0, got -1"),
        (5, [0.5], r"weights\[0\] = 0.5 is not a whole number"),
        (5, 3, "weights must be one-dimensional"),
        (-5, [1], "total must be one whole number of at least 0"),
    ],
)
def test_errors_of_the_split(total, weights, message):
    with pytest.raises(ValueError, match=message):
        split(total, weights)

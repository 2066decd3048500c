# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from v05_verl.value.memory import Memory, PromptTable, VisitCounter


def observed(memory, rows, level=0.5):
    """Feeds (id, successes, trials, step) one at a time, the policy's mean staying where it is."""
    for i, successes, trials, step in rows:
        memory.add([i], np.array([successes]), np.array([trials]), step, level, level)
    return memory


def test_outcomes_fade_by_half_lives():
    memory = observed(Memory([1.0, np.inf], [0.0, 0.0]), [(7, 3.0, 4.0, 0), (7, 1.0, 2.0, 2)])
    known, S, N = memory.evidence([7, 8], 3, 0.5)
    assert known.tolist() == [True, False]
    np.testing.assert_allclose(S, [[(3 / 4 + 1) / 2, 4], [0, 0]])
    np.testing.assert_allclose(N, [[(4 / 4 + 2) / 2, 6], [0, 0]])


def test_old_outcomes_move_with_the_policys_mean():
    memory = Memory([np.inf] * 3, [0.0, 1.0, 2.0])
    memory.add([1], np.array([2.0]), np.array([4.0]), 0, 0.5, 0.5)
    # Rate (2 + .5) / 5 = 1/2; the mean's odds go from 1 to 4: the rate's to 4 or 16. S = 5 r - .8.
    S = memory.evidence([1], 1, 0.8)[1][0]
    np.testing.assert_allclose(S, [2, 5 * 0.8 - 0.8, 5 * 16 / 17 - 0.8])


@given(level=st.floats(0, 1), successes=st.floats(0, 8), after=st.floats(0, 1))
def test_moved_successes_stay_between_none_and_all(level, successes, after):
    memory = Memory([8.0, np.inf], [2.0, 1.0])
    memory.add([1], np.array([successes]), np.array([8.0]), 0, level, level)
    _, S, N = memory.evidence([1], 3, after)
    assert np.all((S >= 0) & (S <= N))


@given(st.permutations([(1, 1.0, 4.0, 3), (1, 4.0, 4.0, 0), (2, 0.0, 1.0, 5), (1, 2.0, 8.0, 9), (2, 3.0, 4.0, 2)]))
def test_outcomes_may_come_in_any_order_of_steps(rows):
    in_order = observed(Memory([4.0, np.inf], [0.0, 0.0]), sorted(rows, key=lambda row: row[3]))
    shuffled = observed(Memory([4.0, np.inf], [0.0, 0.0]), rows)
    for ours, theirs in zip(shuffled.evidence([1, 2], 10, 0.5), in_order.evidence([1, 2], 10, 0.5), strict=True):
        np.testing.assert_allclose(ours, theirs)


@given(st.lists(st.tuples(st.integers(0, 9), st.floats(-1, 1)), max_size=40), st.integers(1, 6))
def test_a_table_is_a_dictionary_that_drops_what_was_written_longest_ago(writes, size):
    table, plain = PromptTable(1, size), {}
    for i, value in writes:
        table.write([i], np.array([[value]]))
        plain.pop(i, None)
        plain[i] = value
        while len(plain) > size:
            plain.pop(next(iter(plain)))
    known, values = table.read(list(range(10)))
    assert known.tolist() == [i in plain for i in range(10)]
    np.testing.assert_array_equal(values[:, 0], [plain.get(i, 0) for i in range(10)])
    again = PromptTable(1, size)
    again.load(table.state(), check=np.isfinite)
    assert again.state()["ids"].tolist() == list(plain)


def test_of_more_prompts_than_fit_the_last_are_kept():
    table = PromptTable(1, 3)
    table.write(list(range(10)), np.arange(10.0)[:, None])
    known, values = table.read([0, 6, 7, 8, 9])
    assert known.tolist() == [False, False, True, True, True] and values[-1, 0] == 9


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        ({"ids": np.array([1, 1])}, "holds a prompt twice"),
        ({"ids": np.array([1, -1])}, r"ids\[1\] = -1 is outside \[0, inf\]"),
        ({"values": np.array([[1, 2, 0, 0.5], [3, 2, 0, 0.5]])}, r"successes\[1, 0\] = 3 is outside \[0, 2\]"),
        ({"values": np.array([[1, 2, 0.5, 0.5], [1, 2, 0, 0.5]])}, r"newest step\[0, 0\] = 0.5 is not a whole"),
        ({"ids": np.array([1, 2, 3])}, r"values must have shape 3 x 4, got \(2, 4\)"),
        ({"values": np.full((2, 4), np.nan)}, "values holds NaN"),
        ({"values": [["a"] * 4] * 2}, "values must hold numbers"),
    ],
)
def test_a_damaged_state_is_named(damage, sentence):
    memory = observed(Memory([1.0], [0.0]), [(1, 1.0, 2.0, 0), (2, 1.0, 2.0, 0)])
    with pytest.raises(ValueError, match=sentence):
        Memory([1.0], [0.0]).load(memory.state() | damage)


def test_visits_are_counted():
    counter = VisitCounter(max_prompts=2)
    assert counter.count(["a", "b", "a"]).tolist() == [1, 1, 1]
    assert counter.count(["a"]).tolist() == [2]
    assert counter.count(["c"]).tolist() == [1]  # pushes b out
    again = VisitCounter(max_prompts=2)
    again.load(counter.state())
    assert again.count(["a", "b"]).tolist() == [3, 1]

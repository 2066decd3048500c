# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from v05_verl.core.selection import most_promising, most_uncertain


def test_by_hand():
    # Variances 1 - V^2: .19, 1, .75, .75, 0.
    prior = [0.9, 0.0, -0.5, 0.5, 1.0]
    assert most_uncertain(prior, 1).tolist() == [1]
    assert most_uncertain(prior, 2).tolist() == [1, 2]
    assert most_uncertain(prior, 4).tolist() == [0, 1, 2, 3]
    assert most_uncertain([0.0, 1.0, 0.5], 1, (0.0, 1.0)).tolist() == [2]


def test_what_is_left_to_gain_counts_for_promise():
    # (1 - V)^2 (1 + V): .1^2 x 1.9 = .019, 1, 2.25 x .5 = 1.125, .25 x 1.5 = .375, 0; largest at p = 1/3, V = -1/3.
    prior = [0.9, 0.0, -0.5, 0.5, 1.0]
    assert most_promising(prior, 1).tolist() == [2]
    assert most_promising(prior, 3).tolist() == [1, 2, 3]
    assert most_promising([-0.5, -1 / 3, -0.2], 1).tolist() == [1]
    assert most_promising([0.25, 1 / 3, 0.4], 1, (0.0, 1.0)).tolist() == [1]


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=20), st.data())
def test_none_left_out_is_more_uncertain_than_one_taken(prior, data):
    count = data.draw(st.integers(1, len(prior)))
    taken = most_uncertain(prior, count)
    variance = 1 - np.array(prior) ** 2
    assert len(taken) == count and np.all(np.diff(taken) > 0)
    left = np.delete(variance, taken)
    assert not len(left) or left.max() <= variance[taken].min() + 1e-12


@pytest.mark.parametrize(
    ("prior", "count", "offender"), [([0.0], 2, "count"), ([0.0], 0, "count"), ([2.0], 1, "2 is outside")]
)
def test_invalid_input_is_named(prior, count, offender):
    for rule in (most_uncertain, most_promising):
        with pytest.raises(ValueError, match=offender):
            rule(prior, count)

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from v05_verl.core.posterior import PriorModel, expected_promise
from v05_verl.core.selection import choose


def test_by_hand():
    # Variances 1 - V^2: .19, 1, .75, .75, 0.
    prior = [0.9, 0.0, -0.5, 0.5, 1.0]
    assert choose("variance", prior, 1).tolist() == [1]
    assert choose("variance", prior, 2).tolist() == [1, 2]
    assert choose("variance", prior, 4).tolist() == [0, 1, 2, 3]
    assert choose("variance", [0.0, 1.0, 0.5], 1, (0.0, 1.0)).tolist() == [2]


def test_what_is_left_to_gain_counts_for_promise():
    # (1 - V)^2 (1 + V): .1^2 x 1.9 = .019, 1, 2.25 x .5 = 1.125, .25 x 1.5 = .375, 0; largest at p = 1/3, V = -1/3.
    prior = [0.9, 0.0, -0.5, 0.5, 1.0]
    assert choose("promise", prior, 1).tolist() == [2]
    assert choose("promise", prior, 3).tolist() == [1, 2, 3]
    assert choose("promise", [-0.5, -1 / 3, -0.2], 1).tolist() == [1]
    assert choose("promise", [0.25, 1 / 3, 0.4], 1, (0.0, 1.0)).tolist() == [1]


def test_a_model_of_the_priors_moves_what_is_taken():
    # Priors that are found to be too low by one unit of logit: p = .2 is .4, p = 1/3 is .58 and no longer the best.
    sure = PriorModel(strength=1e6, outlier_share=1e-6)
    prior = [0.2, 1 / 3]
    assert choose("promise", prior, 1, (0.0, 1.0), model=sure).tolist() == [1]
    assert choose("promise", prior, 1, (0.0, 1.0), model=sure._replace(shift=1.0)).tolist() == [0]
    assert choose("variance", prior, 1, (0.0, 1.0), model=sure._replace(shift=1.0)).tolist() == [1]
    # The less a prior tells, the nearer to 1/2 it is best.
    weak = PriorModel(strength=2.0, outlier_share=1e-6)  # Beta(1, 1) at p = .5: E[p q^2] = 1 / 12, at .25 Beta(.5, 1.5)
    assert expected_promise([0.5], weak, reward_range=(0.0, 1.0)) == pytest.approx([1 / 12], rel=1e-4)
    # .5 x 1.5 x 2.5 / (2 x 3 x 4) = .078 < 1 / 12, though .25 x .75^2 > .125
    assert choose("promise", [0.5, 0.25], 1, (0.0, 1.0)).tolist() == [1]
    assert choose("promise", [0.5, 0.25], 1, (0.0, 1.0), model=weak).tolist() == [0]


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=20), st.data())
def test_none_left_out_is_more_uncertain_than_one_taken(prior, data):
    count = data.draw(st.integers(1, len(prior)))
    taken = choose("variance", prior, count)
    variance = 1 - np.array(prior) ** 2
    assert len(taken) == count and np.all(np.diff(taken) > 0)
    left = np.delete(variance, taken)
    assert not len(left) or left.max() <= variance[taken].min() + 1e-12


@pytest.mark.parametrize(
    ("prior", "count", "offender"), [([0.0], 2, "count"), ([0.0], 0, "count"), ([2.0], 1, "2 is outside")]
)
def test_invalid_input_is_named(prior, count, offender):
    with pytest.raises(ValueError, match=offender):
        choose("promise", prior, count)


def test_prompts_are_drawn_by_weight():
    # sqrt(pq) + .05: .55 at p = .5, .05 at p = 0 and 1; the first of two drawn of three: .55 / .65.
    rng, prior = np.random.default_rng(0), [0.0, 1.0, -1.0]
    drawn = [choose("sampled", prior, 1, rng=rng).item() for _ in range(4000)]
    assert np.bincount(drawn)[0] / 4000 == pytest.approx(0.55 / 0.65, abs=0.02)
    assert len(set(choose("sampled", prior, 2, rng=rng))) == 2
    with pytest.raises(ValueError, match="was given no rng"):
        choose("sampled", prior, 1)


def test_thompson_takes_what_may_be_half_solved():
    # A sure prior keeps its draws at .5 and .6; a weak one, Beta(1, 1) and Beta(1.2, .8), often lets the second win.
    shares = []
    for strength in (1e6, 2.0):
        rng = np.random.default_rng(0)
        taken = [choose("thompson", [0.0, 0.2], 1, rng=rng, strength=strength).item() == 0 for _ in range(1000)]
        shares.append(np.mean(taken))
    assert shares[0] == 1 and 0.5 < shares[1] < 0.7
    assert choose("thompson", [1.0, 0.0, -1.0], 1, rng=np.random.default_rng(1), strength=50).tolist() == [1]

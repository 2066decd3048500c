# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from v05_verl.core.baseline import KINDS, row_baselines
from v05_verl.core.shrinkage import fuse
from v05_verl.core.stopping import should_continue

# Group 7 (prior 0): first wave 1 1 1 1, then 1 and -1 one at a time. Group 3 (prior .5): a single rollout.
REWARDS = [1, 1, 1, 1, 1, -1, -1]
GROUP = [7, 7, 7, 7, 7, 7, 3]
WAVE = [0, 0, 0, 0, 1, 2, 0]
PRIOR = [0, 0, 0, 0, 0, 0, 0.5]


def baselines(kind, **changed):
    arguments = {"rewards": REWARDS, "group": GROUP, "wave": WAVE, "prior": PRIOR} | changed
    return row_baselines(**arguments, kind=kind)


def test_group_mean():
    np.testing.assert_allclose(baselines("group_mean"), [2 / 3] * 6 + [-1])


def test_leave_one_out_and_the_prior_for_a_single_rollout():
    np.testing.assert_allclose(baselines("leave_one_out"), [0.6] * 5 + [1.0] + [0.5])


def test_fused_over_the_whole_group():
    # d = 2/3, sigma^2 = 1/6: w = 1 - (1/6)/(4/9) = .625, baseline .41667. The single one: d = 1.5, w = 1 - 1/2.25.
    np.testing.assert_allclose(baselines("fused"), [0.625 * 2 / 3] * 6 + [0.5 - 1.5 * (1 - 1 / 2.25)])


def test_predictable_uses_others_of_the_first_wave_then_earlier_waves_only():
    first = 1 - 1 / 3  # the three others: mean 1, n = 3, prior 0
    np.testing.assert_allclose(baselines("predictable"), [first] * 4 + [1 - 1 / 4, 1 - 1 / 5] + [0.5])


def test_predictable_gives_all_rollouts_of_a_later_wave_the_same_baseline():
    wave = [0, 0, 0, 0, 5, 5, 0]
    np.testing.assert_allclose(baselines("predictable", wave=wave)[4:6], [1 - 1 / 4] * 2)


@pytest.mark.parametrize("kind", KINDS)
def test_agrees_with_a_plain_loop(kind):
    rng = np.random.default_rng(0)
    n = 200
    group, wave = rng.integers(0, 40, n), rng.integers(0, 3, n)
    rewards = rng.choice([-1.0, 1.0], n)
    prior = rng.uniform(-1, 1, 40)[group]
    expected = []
    for i in range(n):
        rows = np.flatnonzero(group == group[i])
        first = wave[rows].min()
        if kind == "leave_one_out":
            rows = rows[rows != i]
        elif kind == "predictable":
            rows = rows[(wave[rows] == first) & (rows != i)] if wave[i] == first else rows[wave[rows] < wave[i]]
        if len(rows) == 0:
            expected.append(prior[i])
        elif kind in ("group_mean", "leave_one_out"):
            expected.append(rewards[rows].mean())
        else:
            expected.append(fuse(rewards[rows].mean(), len(rows), prior[i]).baseline)
    np.testing.assert_allclose(row_baselines(rewards, group, wave, prior, kind=kind), expected, atol=1e-12)


@given(seed=st.integers(0, 10**6), kind=st.sampled_from(KINDS))
def test_order_of_rows_and_names_of_groups_do_not_matter(seed, kind):
    rng = np.random.default_rng(seed)
    group, wave = rng.integers(0, 5, 30), rng.integers(0, 3, 30)
    rewards, prior = rng.choice([-1.0, 0.3, 1.0], 30), rng.uniform(-1, 1, 5)[group]
    base = row_baselines(rewards, group, wave, prior, kind=kind)
    order = rng.permutation(30)
    np.testing.assert_array_equal(
        row_baselines(rewards[order], group[order], wave[order], prior[order], kind=kind), base[order]
    )
    renamed = rng.permutation(5)[group] * 1000 - 7
    np.testing.assert_allclose(row_baselines(rewards, renamed, wave, prior, kind=kind), base, atol=1e-12)


def test_predictable_is_unbiased_under_adaptive_stopping_and_fused_is_not():
    """E over all reward sequences of sum_i A_i dlogp(r_i)/dp equals E[k] dp/dp: enumerated exactly, no sampling."""
    p, prior, k_init, k_max = 0.3, 0.5, 2, 6

    def stop_at(sequence):
        n = k_init
        while n < k_max and should_continue(np.mean(sequence[:n]), n, prior, marginal_cost=1 / 64, max_rollouts=k_max):
            n += 1
        return n

    def gradient(kind):
        """(expected gradient of the sum over rollouts, expected number of rollouts)"""
        total, rollouts = 0.0, 0.0
        for bits in product([0, 1], repeat=k_max):
            chance = np.prod([p if bit else 1 - p for bit in bits])
            n = stop_at(2.0 * np.array(bits) - 1)
            taken = np.array(bits[:n])
            reward = 2.0 * taken - 1
            wave = np.maximum(np.arange(n) - k_init + 1, 0)
            baseline = row_baselines(reward, np.zeros(n, int), wave, np.full(n, prior), kind=kind)
            score = np.where(taken == 1, 1 / p, -1 / (1 - p))
            total += chance * np.sum((reward - baseline) * score)
            rollouts += chance * n
        return total, rollouts

    true_gradient = 2.0  # d/dp of the mean reward 2p - 1
    total, rollouts = gradient("predictable")
    assert total == pytest.approx(true_gradient * rollouts, rel=1e-12)  # Wald
    total, rollouts = gradient("fused")
    assert total < 0.99 * true_gradient * rollouts
    total, rollouts = gradient("leave_one_out")
    assert abs(total / (true_gradient * rollouts) - 1) > 1e-3


def test_no_rows_give_no_baselines():
    empty = np.array([], dtype=int)
    assert row_baselines([], empty, empty, [], kind="fused").shape == (0,)


@pytest.mark.parametrize(
    ("changed", "offender"),
    [
        ({"kind": "median"}, "kind must be one of"),
        ({"rewards": [np.nan, *REWARDS[1:]]}, r"rewards\[0\]"),
        ({"rewards": REWARDS[:-1]}, "rewards has 6, group has 7"),
        ({"group": [0.5] * 7}, "group must hold integers"),
        ({"prior": [0, 0, 0, 0, 0, 0.1, 0.5]}, "group 7 has two priors"),
        ({"prior": [np.nan] * 7}, r"prior\[0\]"),
        ({"reward_range": (0.0, 1.0)}, r"rewards\[5\] = -1 is outside the reward range \[0, 1\]"),
        ({"prior": [2.0] * 7, "reward_range": (-1, 1)}, r"prior\[0\] = 2 is outside"),
        ({"noise_scale": -1.0}, "noise_scale"),
    ],
)
def test_invalid_input_is_named(changed, offender):
    arguments = {"rewards": REWARDS, "group": GROUP, "wave": WAVE, "prior": PRIOR, "kind": "fused"} | changed
    with pytest.raises(ValueError, match=offender):
        row_baselines(**arguments)

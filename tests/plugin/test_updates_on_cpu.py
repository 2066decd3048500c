# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Where verl's padding goes: into every mini-batch alike, by verl's own balancing and cutting of batches."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tensordict import TensorDict
from verl.trainer.ppo.core_algos import agg_loss
from verl.utils import tensordict_utils as tu
from verl.utils.seqlen_balancing import calculate_workload, get_seqlen_balanced_partitions

from v05_verl.plugin.updates import spread_padding


def test_by_hand():
    is_real = np.array([[1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 0]], dtype=bool)
    # Rank 0 has 4 real rows for 3 mini-batches of 2: the first takes the odd one. Rank 1 has 5, and its two odd ones go
    # where rank 0 left off.
    assert spread_padding(is_real, 3).tolist() == [[0, 1, 2, 4, 3, 5], [0, 5, 1, 2, 3, 4]]


@given(st.integers(1, 6), st.integers(1, 5), st.integers(1, 4), st.randoms(use_true_random=False))
def test_every_mini_batch_has_its_share_of_the_real_rows(ranks, mini_batches, each, rng):
    n = mini_batches * each
    is_real = np.array([[rng.random() < 0.7 for _ in range(n)] for _ in range(ranks)])
    order = spread_padding(is_real, mini_batches)
    assert np.sort(order, axis=1).tolist() == [list(range(n))] * ranks
    ordered = np.take_along_axis(is_real, order, axis=1).reshape(ranks, mini_batches, each)
    assert np.ptp(ordered.sum(2), axis=1).max() <= 1 and np.ptp(ordered.sum((0, 2))) <= 1
    for rows, kept in zip(order, np.take_along_axis(is_real, order, axis=1), strict=True):
        assert np.all(np.diff(rows[kept]) > 0)  # a prompt's rollouts stay beside each other


@pytest.mark.parametrize(("real", "ranks", "mini_batches"), [(2100, 32, 16), (2100, 64, 16), (520, 64, 4)])
def test_no_optimizer_step_of_verl_is_without_rollouts(real, ranks, mini_batches):
    """verl's balancing, then its cutting of a rank's block; as it is, the last mini-batches are padding alone."""
    rng, multiple = np.random.default_rng(0), ranks * mini_batches
    lengths = np.concatenate([rng.integers(500, 8000, real), np.full(-real % multiple, 128)])
    parts = get_seqlen_balanced_partitions(calculate_workload(torch.tensor(lengths)), ranks, equal_size=True)
    rows = np.array(parts)
    spread = np.take_along_axis(rows, spread_padding(rows < real, mini_batches), axis=1)
    counts = real_rows_by_step(rows < real, mini_batches), real_rows_by_step(spread < real, mini_batches)
    assert min(counts[0]) < 0.3 * max(counts[0]) and max(counts[1]) - min(counts[1]) <= 1


def real_rows_by_step(is_real, mini_batches):
    each = is_real.shape[1] // mini_batches
    counts = np.zeros(mini_batches, dtype=int)
    for rank in is_real:
        data = TensorDict({"is_real": torch.from_numpy(rank.copy())}, batch_size=len(rank))
        for step, part in enumerate(tu.make_iterator(data, each, 1, seed=0, dataloader_kwargs={"shuffle": False})):
            counts[step] += int(part["is_real"].sum())
    return counts.tolist()


def test_what_a_mini_batch_of_padding_would_do():
    """Why it matters: verl's loss of it is NaN, and its gradient 0, on which the optimizer takes a step."""
    values = torch.ones(2, 3, requires_grad=True)
    loss = agg_loss(values, torch.zeros(2, 3), "token-mean", dp_size=4, batch_num_tokens=0)
    loss.backward()
    assert loss.isnan() and values.grad.eq(0).all()

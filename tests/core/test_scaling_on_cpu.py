# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from scipy.stats import beta

from v05_verl.core.scaling import bnpo_weight, whitened


def test_whitened_by_hand():
    # mean 1, squares 1 + 1 + 4 over 2: std sqrt(3)
    assert whitened([0, 0, 3]) == pytest.approx(np.array([-1, -1, 2]) / np.sqrt(3))
    assert whitened([2.0]).tolist() == [2.0] and whitened([]).tolist() == []
    assert whitened([1.0, 1.0]).tolist() == [0.0, 0.0]


def test_bnpo_by_hand():
    # Groups succeed at 1/4, 1/2, 3/4: m = 1/2, v = 1/16, m (1 - m) / v - 1 = 3, a = b = 1.5, alpha = beta = 1.5.
    rewards = np.array([1, 0, 0, 0, 1, 1, 0, 0, 1, 1, 1, 0])
    group = np.repeat([7, 3, 5], 4)
    expected = 1 / beta.pdf([0.25, 0.5, 0.75], 1.5, 1.5)
    assert bnpo_weight(rewards, group, (0, 1)) == pytest.approx(np.repeat(expected, 4))
    assert bnpo_weight(2 * rewards - 1, group) == pytest.approx(np.repeat(expected, 4) / 2)


def test_bnpo_where_it_is_not_defined():
    assert bnpo_weight([1, 0], [0, 0], (0, 1)).tolist() == [1, 1]  # one group
    assert bnpo_weight([1, 0, 0, 1], [0, 0, 1, 1], (0, 1)).tolist() == [1] * 4  # no spread
    # More spread than any Beta with both counts above 1: alpha = beta = 1, the uniform density.
    assert bnpo_weight([1, 1, 0, 0], [0, 0, 1, 1], (0, 1)) == pytest.approx([1] * 4)
    # A group that always succeeds lies where the density is 0.
    weight = bnpo_weight([1, 1, 1, 1, 1, 0, 1, 0, 0, 1], [0, 0, 0, 0, 1, 1, 2, 2, 3, 3], (0, 1))
    assert weight[0] == 1e6 and np.all(np.isfinite(weight))
    with pytest.raises(ValueError, match="outside"):
        bnpo_weight([2.0], [0])

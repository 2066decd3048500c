# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import logging

import numpy as np
import pytest

from v05_verl.method import Paper
from v05_verl.plugin.estimator import BatchRows, within_range
from v05_verl.plugin.reward_range import WATCHED_STEPS, RewardReach


def rows(n, reward_range):
    zeros = np.zeros(n, dtype=int)
    return BatchRows(
        method=Paper(reward_range=reward_range),
        reward_range=reward_range,
        texts=["text"],
        is_real=np.ones(n, dtype=bool),
        is_final=np.ones(n, dtype=bool),
        session=np.arange(n),
        group=zeros,
        wave=zeros,
        prior=np.zeros(n),
        step=zeros,
    )


@pytest.mark.parametrize("reward_range", [(0.0, 0.1), (0.0, 0.3), (0.0, 1.2), (-0.2, 1.0), (-1.0, 1.0)])
def test_bounds_that_float32_rounds_outwards_are_inside(reward_range):
    as_verl_has_them = np.array(reward_range, dtype=np.float32).astype(np.float64)
    assert within_range(as_verl_has_them, rows(2, reward_range)).tolist() == list(reward_range)


def test_what_lies_outside_by_more_than_rounding_is_an_error():
    with pytest.raises(ValueError, match=r"reward 0.10001 of prompt 'text' is outside v05.reward_range \[0, 0.1\]"):
        within_range(np.array([0.0, 0.10001]), rows(2, (0.0, 0.1)))


def test_a_reward_that_is_no_number_is_an_error():
    with pytest.raises(ValueError, match=r"reward nan of prompt 'text' is outside v05.reward_range \[0, 1\]"):
        within_range(np.array([0.0, np.nan]), rows(2, (0.0, 1.0)))


def reached(steps, reward_range, caplog):
    watch = RewardReach(reward_range)
    with caplog.at_level(logging.WARNING):
        for step in steps:
            watch.note(np.array(step))
    return [record.getMessage() for record in caplog.records]


def test_a_bound_that_no_reward_reaches_is_told_once(caplog):
    messages = reached([[0.0, 1.0]] * (WATCHED_STEPS + 3), (-1.0, 1.0), caplog)
    assert len(messages) == 1
    assert "no reward was -1: they lie in [0, 1], and v05.reward_range is [-1, 1]" in messages[0]


def test_both_bounds_are_named_and_nothing_is_said_before_the_watch_is_over(caplog):
    assert not reached([[0.2, 0.3]] * (WATCHED_STEPS - 1), (-1.0, 1.0), caplog)
    assert "no reward was -1 or 1" in reached([[0.2, 0.3]] * WATCHED_STEPS, (-1.0, 1.0), caplog)[0]


def test_rewards_that_use_the_range_are_silent(caplog):
    assert not reached([[-1.0], [-1.0], [1.0], [-1.0], [-1.0], [-1.0]], (-1.0, 1.0), caplog)

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from v05_verl.core.posterior import PriorModel
from v05_verl.core.posterior_fit import fit_prior_model
from v05_verl.prior_record import PriorRecord


def step(rng, size=32):
    prior = rng.uniform(-1, 1, size)
    return rng.binomial(4, (prior + 1) / 2) / 2 - 1, np.full(size, 4), prior


def test_the_model_moves_with_every_fifth_step_only():
    record, rng = PriorRecord(), np.random.default_rng(0)
    steps = [step(rng) for _ in range(5)]
    for pairs in steps[:4]:
        record.add(*pairs)
        assert record.model == PriorModel()
    record.add(*steps[4])
    expected = fit_prior_model(*(np.concatenate(column) for column in zip(*steps, strict=True)), max_iterations=30)
    assert record.model == pytest.approx(expected)


def test_only_the_newest_pairs_count():
    record, other, rng = PriorRecord(capacity=32, refit_every=2), PriorRecord(refit_every=1), np.random.default_rng(0)
    newest = step(rng)
    record.add(*step(rng))
    record.add(*newest)
    other.add(*newest)
    assert record.model == pytest.approx(other.model)


def test_a_restored_record_goes_on_as_if_nothing_had_happened():
    record, rng = PriorRecord(refit_every=2, reward_range=(-1.0, 1.0)), np.random.default_rng(0)
    for _ in range(3):
        record.add(*step(rng))
    restored = PriorRecord(refit_every=2)
    restored.load_state_dict(record.state_dict())
    last = step(rng)
    for one in (record, restored):
        one.add(*last)
    assert restored.model == record.model != PriorModel()


def test_rewards_of_another_range_give_the_same_model():
    usual, moved, rng = (
        PriorRecord(refit_every=1),
        PriorRecord(refit_every=1, reward_range=(0, 1)),
        np.random.default_rng(0),
    )
    mean, n, prior = step(rng)
    usual.add(mean, n, prior)
    moved.add((mean + 1) / 2, n, (prior + 1) / 2)
    assert moved.model == pytest.approx(usual.model, rel=1e-4, abs=1e-6)

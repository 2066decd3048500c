# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""The same rewards and priors through verl's side and through the light loop, for every arm of V0.5."""

import numpy as np
import pytest
import torch
from transfer_queue import KVBatchMeta

from v05_verl import arms, method
from v05_verl.config import from_verl
from v05_verl.core.posterior import PriorModel
from v05_verl.lab.advantages import advantages
from v05_verl.lab.arms import find_arm
from v05_verl.lab.rollouts import Rollouts
from v05_verl.plugin import launch
from v05_verl.plugin.batch import collect_rows
from v05_verl.plugin.estimator import Estimate, compute_v05_outcome_advantage, estimating
from v05_verl.plugin.records import PromptRecord
from v05_verl.plugin.worker import V05AgentLoopWorker

V05_ARMS = [name for name in arms.names() if arms.load(name).is_v05]
MODEL = PriorModel(shift=0.3, slope=1.2, strength=5.0, outlier_share=0.2)
PROMPTS = 8


@pytest.fixture
def verls_method(compose_verl, monkeypatch):
    """The method that verl's worker and trainer build for an arm."""
    monkeypatch.setenv("V05_TOY", "toy")

    def built(name):
        reward = "reward.custom_reward_function.path=pkg://v05_verl.lab.toy_reward"
        config = compose_verl(f"+arm={name}", reward)
        launch.check(config)
        return method.build(from_verl(config)).knowing(MODEL)

    return built


def some_rollouts(k_init: int, seed: int):
    rng = np.random.default_rng(seed)
    extra = rng.integers(0, 4, PROMPTS)
    group = np.repeat(np.arange(PROMPTS), k_init + extra)
    wave = np.concatenate([[0] * k_init + list(range(1, more + 1)) for more in extra]).astype(int)
    rewards = rng.choice([-1.0, 1.0], len(group))
    return group, wave, rewards, rng.uniform(-1, 1, PROMPTS)


@pytest.mark.parametrize("name", V05_ARMS)
def test_both_loops_get_the_same_baselines_and_counts(name, verls_method):
    theirs, arm = verls_method(name), find_arm(name)
    ours = arm.method.knowing(MODEL)
    assert ours == theirs
    group, wave, rewards, prior = some_rollouts(theirs.k_init, seed=len(name))

    empty = np.zeros((len(group), 1))
    light = advantages(Rollouts(group, wave, rewards, empty, empty), prior, arm, ours)
    estimate, in_verl = verls_estimate(theirs, group, wave, rewards, prior)
    np.testing.assert_array_equal(estimate.baselines, light.baselines)
    np.testing.assert_allclose(in_verl, light.values, rtol=1e-5, atol=1e-6)  # float32

    n = np.bincount(group)
    mean, waves = np.bincount(group, rewards) / n, np.array([wave[group == i].max() + 1 for i in range(PROMPTS)])
    asked = [
        V05AgentLoopWorker._further(theirs, record(i, wave[group == i], prior[i]), rewards[group == i].tolist())
        for i in range(PROMPTS)
    ]
    assert asked == ours.further(mean, n, waves, prior).tolist()


def record(i: int, waves: np.ndarray, prior: float) -> PromptRecord:
    return PromptRecord(uid=f"u{i}", text=f"text {i}", prior=float(prior), wave_sizes=np.bincount(waves).tolist())


def verls_estimate(built, group, wave, rewards, prior) -> tuple[Estimate, np.ndarray]:
    """What verl's estimator finds of the rows and their advantages, in the order of the rows."""
    records = {f"u{i}": record(i, wave[group == i], prior[i]) for i in range(PROMPTS)}
    session = np.concatenate([np.arange(n) for n in np.bincount(group)])
    keys = [f"u{g}_{s}_0" for g, s in zip(group, session, strict=True)]
    batch = KVBatchMeta(partition_id="train", keys=keys, tags=[{"response_len": 1}] * len(keys))
    rows, _ = collect_rows(batch, records, built, (-1.0, 1.0))
    with estimating(rows) as estimate:
        values, _ = compute_v05_outcome_advantage(torch.tensor(rewards)[:, None].float(), torch.ones(len(keys), 1))
    return estimate(), values[:, 0].numpy()

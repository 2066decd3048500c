# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import pytest

from v05_verl.report.overrides import differences, sentence


def command(*overrides):
    return ["/some/python", "-m", "verl.trainer.main_ppo", *overrides]


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (["data.train_files='data/a.parquet'"], ["data.train_files='/elsewhere/data/a.parquet'"]),
        (["data.val_files=['data/a','data/b']"], ["data.val_files=['/x/data/a','/x/data/b']"]),
        (["v05.k_max=4", "v05.k_max=8"], ["v05.k_max=8"]),
        (["+arm=v05", "trainer.nnodes=4"], ["arm=v05", "trainer.nnodes=1", "hydra.run.dir='x'"]),
        ([], ["trainer.total_training_steps=9", "actor_rollout_ref.actor.fsdp_config.param_offload=True"]),
    ],
)
def test_the_same_settings(before, now):
    assert differences(command(*before), command(*now)) == []
    assert differences(command(*now), command(*before)) == []


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("v05.k_max=4", "v05.k_max=8"),
        ("data.train_files='data/a.parquet'", "data.train_files='other/a.parquet'"),
        ("data.val_files=['a']", "data.val_files=['a','b']"),
        ("data.seed=", "data.seed=0"),
    ],
)
def test_other_settings(before, now):
    assert differences(command(before), command(now)) == [(before, now)]
    assert differences(command(now), command(before)) == [(now, before)]


def test_few_differences_are_told_of_many():
    many = differences(command(), command(*(f"a.b{index}=1" for index in range(6))))
    assert sentence(many).startswith("a.b0=1 (before: a.b0 not given), ") and sentence(many).endswith(" and 2 more")

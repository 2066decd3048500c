# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pandas as pd

from v05_verl.report.costs import StepSize, spent, steps

GRPO = StepSize(prompts=32, n=16)


def metrics(**columns):
    """Steps 0 (validation only), 1, 2; names with __ for /."""
    named = {name.replace("__", "/"): [np.nan, *values] for name, values in columns.items()}
    return pd.DataFrame({"training/global_step": [np.nan, 1, 2]} | named, index=[0, 1, 2])


def test_groups_of_one_size():
    costs = spent(metrics(response_length__mean=[10.0, 20.0], timing_s__step=[3.0, 4.0]), GRPO)
    assert costs["rollouts"].tolist() == [0, 512, 1024]
    assert costs["tokens"].tolist() == [0, 5120, 5120 + 10240]
    assert costs["seconds"].tolist() == [0, 3, 7]
    assert costs["rollouts_per_prompt"].tolist()[1:] == [16, 16]


def test_groups_that_dapo_dropped_were_paid_for():
    evicted = metrics(
        training__filter_groups__evicted_samples=[8.0, np.nan],
        training__filter_groups__discarded_surplus_samples=[np.nan, 16.0],
    )
    costs = spent(evicted, GRPO)
    # (32 + 8) * 16, and (32 + 16) * 16 more.
    assert costs["rollouts"].tolist() == [0, 640, 1408]
    assert costs["rollouts_per_prompt"].tolist()[1:] == [20, 24]


def test_v05_counts_itself():
    counted = metrics(
        v05__spent__rollouts=[401.0, 619.0],
        v05__spent__tokens=[2035.0, 3000.0],
        v05__rollouts__per_prompt__mean=[12.5, 6.8],
    )
    for size in (GRPO, None):
        costs = spent(counted, size)
        assert costs["rollouts"].tolist() == [0, 401, 619]
        assert costs["tokens"].tolist() == [0, 2035, 3000]
        assert costs["rollouts_per_prompt"].tolist()[1:] == [12.5, 6.8]


def test_a_lost_line_counts_its_rollouts_where_they_are_certain():
    lost = metrics(response_length__mean=[10.0, 10.0], timing_s__step=[3.0, 4.0]).drop(index=1)
    costs = spent(lost, GRPO)
    assert costs["rollouts"].tolist() == [0, 1024]
    assert costs["tokens"].tolist() == [0, 5120]
    counted = metrics(v05__spent__rollouts=[np.nan, 619.0])
    assert np.isnan(spent(counted, GRPO)["rollouts"].loc[1])


def test_without_configuration_nothing_is_made_up():
    costs = spent(metrics(response_length__mean=[10.0, 10.0]), None)
    assert costs[["rollouts", "tokens", "rollouts_per_prompt"]].isna().all(axis=None)


def test_a_record_of_several_steps_counts_its_seconds_for_each():
    light = metrics(lab__steps=[5.0, 3.0], timing_s__step=[2.0, 4.0], v05__spent__rollouts=[640.0, 1024.0])
    assert spent(light, None)["seconds"].tolist() == [0, 10, 22]
    assert steps(light).tolist() == [1, 5, 3]

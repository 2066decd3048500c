# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from v05_verl.lab.likeness import REAL, Likeness, as_markdown, likeness
from v05_verl.lab.study import Job, run_starts


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("likeness")
    run_starts([job()], folder, processes=1)
    return folder


def job(**changed):
    return Job("sort", "", 0, 0.0, rollouts=640, warm_start=0.2, train_prompts=64, **changed)


def test_the_exact_rate_is_a_perfect_prior_and_can_be_degraded(out):
    perfect, worse = likeness(job(prior="oracle"), out), likeness(job(prior="oracle", prior_auc=0.7), out)
    assert (perfect.first_auc, perfect.first_error, perfect.rollouts_per_prompt) == (1.0, 0.0, 10.0)
    assert worse.first_auc < 0.9 and worse.first_error > 0.01
    assert worse.decided_share == perfect.decided_share < 1


def test_a_tracker_knows_nothing_at_a_first_visit_and_much_at_the_second(out):
    numbers = likeness(job(prior="tracker"), out)
    assert numbers.first_auc < 0.8 < numbers.second_auc


def test_the_table_stands_beside_real_recipes():
    table = as_markdown([REAL, Likeness(0.8, 0.5, 0.9, 98.0, 0.2)])
    assert "| AUC of a first visit | 0.7 | 0.75 |" in table and table.count("\n") == 6
    assert np.isclose(REAL.rollouts_per_prompt, 1_228_800 / 12_525, atol=0.05)

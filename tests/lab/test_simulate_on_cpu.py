# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""The simulated table (1000 x MSE, E[k]) against figures of another simulation of the same prompts (ours)."""

import pytest

from v05_verl.lab.simulate import main, table


@pytest.fixture(scope="module")
def clean():
    return {sd: table(6000, sd, 0.0, seed=0) for sd in (0.05, 0.4)}


@pytest.mark.parametrize(("n", "error"), [(4, 124), (8, 62), (16, 31)])
def test_group_means(clean, n, error):
    assert clean[0.05][f"group mean, k = {n}"].error == pytest.approx(error, rel=0.05)


@pytest.mark.parametrize(("sd", "fixed", "sequential", "rollouts"), [(0.05, 30.5, 6.0, 4.3), (0.4, 87, 68.7, 5.3)])
def test_the_papers_estimator(clean, sd, fixed, sequential, rollouts):
    assert clean[sd]["V0.5 fused, k = 4"].error == pytest.approx(fixed, rel=0.1)
    assert clean[sd]["V0.5 fused, sequential"].error == pytest.approx(sequential, rel=0.1)
    assert clean[sd]["V0.5 fused, sequential"].rollouts == pytest.approx(rollouts, abs=0.1)


def test_the_robust_mode_is_better_at_the_same_rollouts(clean):
    for column in (*clean.values(), table(6000, 0.1, 0.15, seed=0)):
        paper, robust = column["V0.5 fused, sequential"], column[next(name for name in column if "value of" in name)]
        assert robust.rollouts <= paper.rollouts + 1e-9
        assert robust.error < paper.error


def test_the_command_prints_both_tables(capsys):
    main(["--prompts", "300"])
    printed = capsys.readouterr().out
    assert "0% of the priors hallucinated | 0.05 | 0.1 | 0.2 | 0.4 |" in printed
    assert printed.count("| V0.5 fused, sequential |") == 2

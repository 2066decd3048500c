# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import pytest

from v05_verl.lab import graded_rewards
from v05_verl.lab.graded_rewards import KINDS, READINGS, simulate


def test_a_share_of_tests_is_taken_for_what_it_tells():
    """Counted as outcomes, a prior that tells little passes for near certain; as they vary, auto keeps its promise."""
    as_outcomes, as_they_vary = (
        simulate(KINDS["share of 20 tests"], READINGS["little"], each, 8, 64, 0) for each in (1, 0)
    )
    assert as_outcomes.k == 1 and as_outcomes.error > 3 * as_outcomes.reference
    assert as_they_vary.k > 1 and as_they_vary.error < 1.6 * as_they_vary.reference
    assert as_they_vary.expected == pytest.approx(as_they_vary.error, rel=0.4)


def test_right_or_wrong_is_the_same_either_way():
    kind = KINDS["right 1, wrong -1"]
    assert simulate(kind, READINGS["some"], True, 4, 64, 0) == pytest.approx(
        simulate(kind, READINGS["some"], False, 4, 64, 0)
    )


def test_prints_a_table_of_every_kind(capsys):
    graded_rewards.main(["--seeds", "2", "--steps", "2", "--prompts", "128"])
    table = capsys.readouterr().out
    assert all(table.count(f"| {name} |") == 4 for name in KINDS) and "nan" not in table

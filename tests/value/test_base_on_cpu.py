# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from v05_verl.value.base import checked_outcomes, inside


def test_rows_are_sorted_and_those_of_one_prompt_added_up():
    outcomes = checked_outcomes(["b", "a", "b"], [1, 0.5, 2], [4, 1, 4], 3)
    assert outcomes.prompts == ["a", "b"]
    np.testing.assert_allclose(outcomes.successes, [0.5, 3])
    np.testing.assert_allclose(outcomes.trials, [1, 8])
    np.testing.assert_allclose(outcomes.rates, [0.5, 3 / 8])
    assert outcomes.step == 3


def test_no_rows_are_no_rows():
    assert checked_outcomes([], [], [], 0).prompts == []


@pytest.mark.parametrize(
    ("changed", "offender"),
    [
        ({"prompts": "ab"}, "got one text"),
        ({"prompts": ["a", 1]}, r"prompts\[1\] must be a text, got int"),
        ({"successes": [1, 5]}, r"successes\[1\] = 5 is outside \[0, trials = 4\] \(prompt 'b'\)"),
        ({"successes": [1, -1]}, r"successes\[1\] = -1"),
        ({"successes": [1, np.nan]}, r"successes\[1\] = nan"),
        ({"trials": [4, 0]}, r"trials\[1\] must be above 0"),
        ({"trials": [4]}, "lengths differ"),
        ({"step": -1}, "step must be"),
        ({"step": 1.5}, "step must be"),
    ],
)
def test_invalid_rows_are_named(changed, offender):
    arguments = {"prompts": ["a", "b"], "successes": [1, 2], "trials": [4, 4], "step": 0} | changed
    with pytest.raises(ValueError, match=offender):
        checked_outcomes(**arguments)


def test_inside_keeps_away_from_zero_and_one():
    assert np.all((inside(np.array([-1.0, 0.0, 0.5, 1.0])) > 0) & (inside(np.array([-1.0, 0.0, 0.5, 1.0])) < 1))

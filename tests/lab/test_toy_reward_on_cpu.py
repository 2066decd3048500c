# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import pytest

from v05_verl.lab.toy_reward import compute_score


@pytest.mark.parametrize(
    ("response", "score"), [("321", 1.0), (" 321\n", 1.0), ("32", -1.0), ("3210", -1.0), ("", -1.0), ("3 21", -1.0)]
)
def test_only_the_exact_answer_is_right(response, score):
    result = compute_score("reverse", response, "321", {"index": 0}, timeout=3)
    assert result == {"score": score, "acc": (score + 1) / 2, "pred": response.strip()}


def test_what_is_not_a_string_is_named():
    with pytest.raises(TypeError, match="ground_truth must be a string, got int 321"):
        compute_score("reverse", "321", 321)

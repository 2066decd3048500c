# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from v05_verl.value.base import checked_outcomes
from v05_verl.value.constant import Constant
from v05_verl.value.history import History
from v05_verl.value.tracker import Tracker


def test_fixed_constant():
    model = Constant(p=0.3)
    model.observe(["a"], [4], [4], 0)
    np.testing.assert_allclose(model.predict(["a", "b"], 1), [0.3, 0.3])


def test_running_mean_discounts_by_age_and_counts_every_prompt_once():
    model = Constant(decay=0.5)
    assert model.predict(["x"], 0) == pytest.approx(0.5)
    model.observe(["a", "b"], [4, 0], [4, 16], 0)  # rates 1 and 0: total 1, weight 2
    assert model.predict(["x"], 0) == pytest.approx((1 + 0.5) / 3)
    model.observe(["c"], [3], [4], 2)  # two steps later: total 1/4 + 3/4, weight 2/4 + 1
    assert model.predict(["x"], 2) == pytest.approx((1 + 0.5) / 2.5)


def test_tracker_mixes_discounted_counts_with_the_running_mean():
    model = Tracker(decay=0.5, strength=2.0, mean_decay=1.0)
    model.observe(["a"], [3], [4], 0)  # mean: (.75 + .5) / 2 = .625
    p = model.predict(["a", "new"], 1)
    np.testing.assert_allclose(p, [(1.5 + 2 * 0.625) / (2 + 2), 0.625])
    model.observe(["a"], [4], [4], 1)  # a: 1.5 + 4 of 2 + 4; mean: (.75 + 1 + .5) / 3 = .75
    assert model.predict(["a"], 1)[0] == pytest.approx((5.5 + 2 * 0.75) / 8)


def test_tracker_forgets_the_prompt_not_seen_for_longest():
    model = Tracker(max_prompts=2)
    for step, prompt in enumerate(["a", "b", "a", "c"]):
        model.observe([prompt], [4], [4], step)
    assert set(model.state_dict()["prompts"]) == {"a", "c"}


@pytest.mark.parametrize("kind", [Constant, Tracker])
def test_outcomes_may_come_out_of_order(kind):
    """Asynchronous training tells what an older policy did after what a newer one did."""
    calls = [(["a", "b"], [4, 0], [4, 4], 3), (["a", "c"], [1, 2], [4, 4], 5), (["c"], [1], [1], 4)]
    predictions = []
    for order in ([0, 1, 2], [0, 2, 1], [2, 1, 0], [1, 0, 2]):
        model = kind()
        for call in order:
            model.observe(*calls[call])
        predictions.append(model.predict(["a", "b", "c", "new"], 6))
    for each in predictions[1:]:
        np.testing.assert_allclose(each, predictions[0], rtol=1e-12)


def test_an_older_outcome_is_discounted_to_the_newest_step():
    model = Constant(decay=0.5)
    model.observe(["a"], [4], [4], 2)
    model.observe(["b"], [0], [4], 0)  # weight 1/4 beside 1
    assert model.predict(["x"], 2) == pytest.approx((1 + 0.5) / (1 + 0.25 + 1))


def test_history_keeps_the_newer_visit():
    history = History()
    history.add(checked_outcomes(["a", "b"], [4, 4], [4, 4], 7), level=0.5)
    history.add(checked_outcomes(["a", "b"], [0, 0], [4, 4], 6), level=0.5)
    history.add(checked_outcomes(["b"], [1], [4], 8), level=0.5)
    assert history.state()["visits"].tolist() == [[4, 4, 7, 0.5], [1, 4, 8, 0.5]]

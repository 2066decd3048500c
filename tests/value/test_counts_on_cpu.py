# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from v05_verl.value.constant import Constant
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
    a, b, c = model.predict(["a", "b", "c"], 3)
    assert a > c > b == pytest.approx(model.predict(["never seen"], 3)[0])


def test_tracker_takes_outcomes_in_any_order_of_steps():
    rows = [(["a", "b"], [1, 4], 0), (["a"], [3], 4), (["b", "c"], [2, 0], 9)]
    models = [Tracker(), Tracker()]
    for model, ordered in zip(models, (rows, rows[::-1]), strict=True):
        for prompts, won, step in ordered:
            model.observe(prompts, won, [4] * len(prompts), step)
    np.testing.assert_allclose(*(model.predict(["a", "b", "c", "d"], 10) for model in models))

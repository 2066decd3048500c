# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from v05_verl.value.base import checked_outcomes
from v05_verl.value.blend import HALF_LIVES, SHIFTS, STRENGTHS, Blend


def test_before_the_first_outcome_sources_are_averaged():
    assert Blend().predict(["a"], "policy", 0, None) == pytest.approx([0.5])
    assert Blend().predict(["a"], "policy", 0, np.array([0.9])) == pytest.approx([0.7])


def test_one_visit_by_hand():
    blend = Blend()
    blend.observe(checked_outcomes(["a"], [4], [4], 0), "policy", None)
    # The mean is (1 + 1/2) / 2 before and after, so nothing is shifted; at step 0 nothing has faded.
    expected = np.mean([(s * 0.75 + 4) / (s + 4) for s in STRENGTHS])
    assert blend.predict(["a", "b"], "policy", 0, None) == pytest.approx([expected, 0.75])


def trained(text, seed=0, prompts=200, steps=30, half=100):
    """A blend that has seen prompts of steady rates, half of them per step, with ``text(rates)`` as prediction."""
    rng = np.random.default_rng(seed)
    rates, names = rng.beta(0.5, 0.5, prompts), [f"p{i}" for i in range(prompts)]
    blend = Blend()
    for step in range(steps):
        index = rng.permutation(prompts)[:half]
        outcomes = checked_outcomes([names[i] for i in index], rng.binomial(4, rates[index]), [4] * half, step)
        told = text(rates)[[int(name[1:]) for name in outcomes.prompts]]
        blend.observe(outcomes, "policy", told)
    return blend, rates, names


def test_the_text_is_believed_where_it_tells_and_not_where_it_misleads():
    right, rates, names = trained(lambda rates: 0.05 + 0.9 * rates)
    wrong, *_ = trained(lambda rates: 0.95 - 0.9 * rates)
    assert right.metrics()["text_weight_first"] > 0.99 and wrong.metrics()["text_weight_first"] < 0.01
    told = np.array([0.9])
    assert right.predict(["new"], "policy", 30, told)[0] == pytest.approx(0.9, abs=0.01)
    assert wrong.predict(["new"], "policy", 30, told)[0] == pytest.approx(wrong.level("policy"), abs=0.01)
    # Visits of prompts whose rates stay: remembered for long, and worth more than a text that misleads.
    assert wrong.metrics()["half_life"] > 60
    error = wrong.predict(names, "policy", 30, 0.95 - 0.9 * rates) - rates
    assert np.mean(error**2) < 0.01


def test_policies_are_told_apart():
    blend = Blend()
    for policy, won in (("strong", 4), ("weak", 0)):
        blend.observe(checked_outcomes(["a", "b"], [won, won], [4, 4], 0), policy, None)
    strong, weak = (blend.predict(["a", "c"], policy, 0, None) for policy in ("strong", "weak"))
    assert np.all(strong > 0.7) and np.all(weak < 0.3)
    assert blend.predict(["a"], "unknown", 0, None) == pytest.approx([0.5])


def test_candidates_are_those_named():
    assert set(Blend().metrics()) == {"half_life", "shift", "strength", "text_weight_first", "text_weight_again"}
    assert Blend().state()["scores"]["again"].shape == (2, len(HALF_LIVES) * len(SHIFTS), len(STRENGTHS))

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from v05_verl.value.features import NAMES, hand_features
from v05_verl.value.gp import GaussianProcess
from v05_verl.value.text import TextEncoder

PROMPTS = [f"Find the sum of the first {n} primes." for n in range(30)]


def observed(model, steps=1, **changed):
    rng = np.random.default_rng(0)
    for step in range(steps):
        model.observe(PROMPTS, rng.binomial(8, np.linspace(0.1, 0.9, 30)), np.full(30, 8), step, **changed)
    return model


def test_a_prompts_own_outcomes_move_it_more_than_others_and_fade():
    model = GaussianProcess(fit_iterations=0)
    model.observe(["a quite ordinary problem"], [8], [8], 10)
    at_once, later = (model.predict(["a quite ordinary problem"], step)[0] for step in (10, 1000))
    other = model.predict(["如图, 求 x"], 10)[0]
    assert at_once > later > 0.5
    assert at_once > other > 0.5


def test_one_row_by_hand():
    # K of a point with itself: .05 + .04 + .0625 + .04 + .0225 + .09 by the defaults; noise .5 * .5 / 4 = 1/16.
    model = GaussianProcess(fit_iterations=0)
    model.observe(["same"], [4], [4], 0)
    k = 0.05 + 0.2**2 + 0.25**2 + 0.2**2 + 0.15**2 + 0.3**2
    # What texts tell leaves the prompt's own term out.
    assert model._told_of(["same"], "policy", 0)[0] == pytest.approx(0.5 + (k - 0.3**2) / (k + 1 / 16) * 0.5)


def test_policies_are_told_apart():
    model = GaussianProcess(fit_iterations=0)
    model.observe(PROMPTS, np.full(30, 8), np.full(30, 8), 0, policy="strong")
    model.observe(PROMPTS, np.full(30, 0), np.full(30, 8), 0, policy="weak")
    assert np.all(model.predict(PROMPTS, 0, policy="strong") > model.predict(PROMPTS, 0, policy="weak") + 0.3)


def test_growing_row_by_row_equals_starting_anew():
    model = observed(GaussianProcess(fit_iterations=0), steps=3)
    anew = GaussianProcess(fit_iterations=0)
    anew.load_state_dict(model.state_dict())  # factorises everything at once
    np.testing.assert_allclose(anew.predict(PROMPTS, 3), model.predict(PROMPTS, 3), atol=1e-9)


def test_the_context_is_bounded_and_keeps_the_newest():
    model = GaussianProcess(context=64, fit_iterations=0)
    for step in range(10):
        model.observe([f"problem {step} {i}" for i in range(20)], np.full(20, 2), np.full(20, 4), step)
        assert len(model.state_dict()["prompts"]) <= 64
    assert model.state_dict()["prompts"][-1] == "problem 9 9"
    model.observe([f"many {i:05d}" for i in range(10_000)], np.full(10_000, 2), np.full(10_000, 4), 10)
    kept = model.state_dict()["prompts"]
    assert len(kept) <= 64 and sum(p.startswith("many") for p in kept) == 32


def test_hyperparameters_are_fitted_and_help():
    fitted = observed(GaussianProcess(), steps=4)
    default = observed(GaussianProcess(fit_iterations=0)).state_dict()["hyperparameters"]
    assert np.abs(fitted.state_dict()["hyperparameters"] - default).max() > 0.1
    assert np.corrcoef(fitted.predict(PROMPTS, 4), np.linspace(0.1, 0.9, 30))[0, 1] > 0.9


@pytest.mark.parametrize(
    ("text", "count"),
    [("Find $m+n$.", 1), ("Find $a + b + c$", 1), ("What is p+q.", 1), ("If $a+b=3$, find $a$.", 0)],
)
def test_an_answer_that_is_asked_for_as_a_sum_is_seen_at_the_end(text, count):
    assert hand_features(text)[NAMES.index("answer_sum")] == np.log1p(count)


def test_hand_features_by_hand():
    f = dict(zip(NAMES, hand_features("Find $\\frac{12}{345}$."), strict=True))
    assert f["digits"] == pytest.approx(np.log1p(5))
    assert f["numbers"] == pytest.approx(np.log1p(2))
    assert f["longest_number"] == pytest.approx(np.log1p(3))
    assert f["fractions"] == pytest.approx(np.log1p(1))
    assert f["dollars"] == pytest.approx(np.log1p(2))
    assert f["cjk_share"] == 0


@pytest.mark.parametrize("text", ["", " ", "\x00\ud800", "9" * 5000, "中" * 10, "\n" * 100])
def test_hand_features_are_finite_for_every_text(text):
    assert np.all(np.isfinite(hand_features(text)))


def test_text_rows_have_length_one_or_none():
    encoder = TextEncoder()
    encoder.fit(PROMPTS)
    texts = encoder.encode([PROMPTS[0], "", PROMPTS[0]])
    for rows in (texts.grams, texts.words):
        lengths = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
        np.testing.assert_allclose(lengths, [1, 0, 1], atol=1e-6)
    np.testing.assert_array_equal(texts.hand[0], texts.hand[2])


def test_what_left_the_context_is_still_known_of_its_own_prompt():
    model = GaussianProcess(context=32, fit_iterations=0)
    model.observe(["an easy problem", "a hard problem"], [8, 0], [8, 8], 0)
    for step in range(1, 5):
        model.observe([f"{step} {i}" for i in range(16)], np.full(16, 4), np.full(16, 8), step)
    assert "an easy problem" not in model.state_dict()["prompts"]
    easy, hard = model.predict(["an easy problem", "a hard problem"], 5)
    assert easy > 0.7 and hard < 0.3

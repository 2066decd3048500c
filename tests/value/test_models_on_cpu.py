# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""What every value model must do; ``VALUE_MODEL=package.module:Class`` adds one's own."""

import os
import re
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from v05_verl.value import build

from ..mutations import mutated, same

DOCUMENT = Path(__file__).resolve().parents[2] / ".github" / "CONTRIBUTING.md"
EXAMPLE = types.ModuleType("example_of_the_document")
exec(re.search(r"```python\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)[1], EXAMPLE.__dict__)
sys.modules[EXAMPLE.__name__] = EXAMPLE

MODELS = {
    "constant": {},
    "tracker": {},
    "gp": {"context": 256},
    "v0": {"encoder": "surface", "context": 64},
    "recalibrated": {"of": "gp", "context": 256},
    f"{EXAMPLE.__name__}:ByLength": {},
}
if "VALUE_MODEL" in os.environ:
    MODELS[os.environ["VALUE_MODEL"]] = {}
QUERIES = ["reverse 4821 =", "reverse 12 =", "", "\ud800", "What is $1+1$?", "求 2 的平方", "reverse 4821 ="]


def model_of(name):
    return build(name, **MODELS[name])


def feed(model, steps=4, rows=20, seed=0):
    rng = np.random.default_rng(seed)
    for step in range(steps):
        prompts = [f"reverse {rng.integers(10 ** rng.integers(1, 8))} =" for _ in range(rows)]
        model.observe(prompts, rng.binomial(4, 0.5, rows), np.full(rows, 4), step)
    return model


def assert_priors(p, n):
    assert p.shape == (n,) and p.dtype == np.float64
    assert np.all((p > 0) & (p < 1))


@pytest.mark.parametrize("name", MODELS)
def test_priors_before_and_after_outcomes(name):
    model = model_of(name)
    assert_priors(model.predict(QUERIES, 0), len(QUERIES))
    assert_priors(model.predict([], 0), 0)
    feed(model)
    p = model.predict(QUERIES, 4)
    assert_priors(p, len(QUERIES))
    assert p[0] == pytest.approx(p[-1], abs=1e-12)  # the same prompt twice
    model.observe([], [], [], 5)
    np.testing.assert_allclose(model.predict(QUERIES, 4), p, atol=1e-12)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_all_failures_and_all_successes(name, rate):
    model = model_of(name)
    for step in range(3):
        prompts = [f"problem {step} {i}" for i in range(40)]
        model.observe(prompts, np.full(40, 4 * rate), np.full(40, 4), step)
    p = model.predict([*QUERIES, "problem 0 1"], 3)
    assert_priors(p, len(p))
    assert np.all(np.abs(p - rate) < 0.5)


@pytest.mark.parametrize("name", MODELS)
def test_one_pair_huge_prompts_and_huge_counts(name):
    model = model_of(name)
    huge = "x^2 + 17 " * 11_112
    model.observe([huge], [0], [10**6], 0)
    model.observe([huge, "", "a", "a"], [1, 0.25, 10**6, 10**6], [1, 1, 10**6, 10**6], 0)
    assert_priors(model.predict([huge, "", "a", "b" * 100_000], 1), 4)


@pytest.mark.parametrize("name", MODELS)
def test_state_travels(name):
    model = feed(model_of(name))
    other = model_of(name)
    other.load_state_dict(model.state_dict())
    np.testing.assert_allclose(other.predict(QUERIES, 4), model.predict(QUERIES, 4), atol=1e-9)
    for each in (model, other):
        each.observe(["reverse 77 =", "new"], [4, 1], [4, 4], 4)
    np.testing.assert_allclose(other.predict(QUERIES, 5), model.predict(QUERIES, 5), atol=1e-9)


@pytest.mark.parametrize("name", MODELS)
def test_a_state_of_another_model_is_refused(name):
    with pytest.raises(ValueError, match="the state is not one of the value model"):
        model_of(name).load_state_dict({"kind": "something"})
    state = model_of(name).state_dict() | {"surplus": 1}
    with pytest.raises(ValueError, match="unknown .'surplus'."):
        model_of(name).load_state_dict(state)


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**6))
def test_the_order_of_rows_does_not_matter(name, seed):
    rng = np.random.default_rng(seed)
    prompts = [f"reverse {n} =" for n in rng.integers(0, 30, 12)]  # some prompts stand twice
    won = rng.binomial(4, 0.5, 12)
    models = [model_of(name), model_of(name)]
    order = rng.permutation(12)
    models[0].observe(prompts, won, np.full(12, 4), 0)
    models[1].observe([prompts[i] for i in order], won[order], np.full(12, 4), 0)
    np.testing.assert_allclose(models[1].predict(QUERIES, 1), models[0].predict(QUERIES, 1), atol=1e-9)


@pytest.mark.parametrize("name", ["gp", "v0", "recalibrated"])
def test_learns_that_long_prompts_are_hard(name):
    rng = np.random.default_rng(0)
    model = model_of(name)
    lengths = np.arange(1, 9)
    for step in range(6):
        drawn = rng.permutation(np.repeat(lengths, 5))
        prompts = ["reverse " + "".join(map(str, rng.integers(0, 10, n))) + " =" for n in drawn]
        model.observe(prompts, rng.binomial(8, 1 / (1 + np.exp(2 * (drawn - 4.5)))), np.full(40, 8), step)
    p = model.predict(["reverse 15 =", "reverse 83726152 ="], 6)
    assert p[0] > 0.7 and p[1] < 0.3


def plain(value):
    """Whether a state holds nothing but dictionaries with texts as keys, lists, arrays of numbers, texts, numbers."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and plain(each) for key, each in value.items())
    if isinstance(value, list):
        return all(plain(each) for each in value)
    if isinstance(value, np.ndarray):
        return np.issubdtype(value.dtype, np.number)
    return value is None or type(value) in (str, int, float, bool)


@pytest.mark.parametrize("name", MODELS)
def test_a_state_is_plain_data(name):
    assert plain(feed(model_of(name)).state_dict())
    assert plain(model_of(name).state_dict())


def damaged(value):
    """Copies of a state, each with one array or list of it cut short, made NaN, or one key of it missing."""
    if isinstance(value, dict):
        for key, each in value.items():
            if key != "kind":
                yield {other: value[other] for other in value if other != key}
            for broken in damaged(each) if key != "levels" else ():  # by policy: none is missing
                yield {**value, key: broken}
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for broken in damaged(value[0]):
            yield [broken, *value[1:]]
    elif isinstance(value, np.ndarray) and value.size:
        yield np.full(value.shape, np.nan)
        yield value[..., None]


@pytest.mark.parametrize("name", MODELS)
def test_a_damaged_state_is_refused_with_a_sentence(name):
    state = feed(model_of(name)).state_dict()
    model = model_of(name)
    broken = list(damaged(state))
    assert len(broken) >= 1
    for each in broken:
        with pytest.raises(ValueError, match="state"):
            model.load_state_dict(each)


@pytest.mark.parametrize("name", MODELS)
def test_a_state_with_something_changed_is_taken_over_as_it_is_or_refused(name):
    """Taken over: it says the same afterwards, predicts, and learns."""
    state, model = feed(model_of(name)).state_dict(), model_of(name)
    refused = 0
    for seed in range(150):
        changed = mutated(state, seed)
        if changed.get("blend", {}) is None:
            continue  # a state of a model without history, which a model with one begins
        try:
            model.load_state_dict(changed)
        except ValueError:
            refused += 1
            continue
        assert same(model.state_dict(), changed), seed
        assert_priors(model.predict(QUERIES, 5), len(QUERIES))
        model.observe(["reverse 77 =", "new"], [4, 1], [4, 4], 5)
        assert_priors(model.predict(QUERIES, 6), len(QUERIES))
    assert refused >= 75


@pytest.mark.parametrize("name", MODELS)
def test_outcomes_of_an_earlier_step_are_taken_in(name):
    late, in_order = feed(model_of(name)), model_of(name)
    rows = ["reverse 12 =", "reverse 345 ="], [4, 1], [4, 4], 1
    late.observe(*rows)
    in_order.observe(*rows)
    for model in (late, in_order):
        p = model.predict(QUERIES, 6)
        assert_priors(p, len(QUERIES))
    won, lost = late.predict(["reverse 12 ="], 6)[0], late.predict(["reverse 345 ="], 6)[0]
    assert won > lost or name in ("constant", os.environ.get("VALUE_MODEL"))  # one's own may not tell the two apart
    untold = feed(model_of(name)).predict(["reverse 12 =", "reverse 345 ="], 6)
    assert untold.tolist() != [won, lost] or name == "constant"


@pytest.mark.parametrize("name", MODELS)
def test_metrics_are_numbers(name):
    model = feed(model_of(name))
    for value in getattr(model, "metrics", dict)().values():
        assert type(value) is float and np.isfinite(value)

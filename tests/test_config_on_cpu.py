# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import inspect
from dataclasses import fields
from importlib import import_module

import pytest
from omegaconf import OmegaConf

from v05_verl.config import V05Config, ValueConfig, from_verl
from v05_verl.value import BUILT_IN, build


def test_the_packaged_group_holds_every_key_with_the_default_of_the_dataclass(v05_group):
    assert set(v05_group) == {f.name for f in fields(V05Config)}
    config = from_verl(OmegaConf.create({"v05": v05_group}))
    defaults = V05Config()
    for f in fields(V05Config):
        if f.name != "value":
            assert getattr(config, f.name) == getattr(defaults, f.name), f.name
    assert set(config.value.options) == {"constant", "tracker", "gp", "v0", "custom"}
    for f in fields(ValueConfig):
        if f.name != "options":
            assert getattr(config.value, f.name) == getattr(defaults.value, f.name), f.name


def test_defaults_are_the_papers_setting():
    config = V05Config()
    assert (config.k_init, config.k_max, config.budget, config.reward_range) == (4, 16, "sequential", (-1.0, 1.0))
    assert config.cost == 1 / 256
    assert config.cost == pytest.approx(0.0039, abs=1e-5)


def test_the_automatic_price_follows_range_and_budget():
    assert V05Config(reward_range=(0, 1)).cost == 1 / 1024
    assert V05Config(k_max=8).cost == 1 / 64
    assert V05Config(marginal_cost=0.01).cost == 0.01


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"k_init": 0}, "v05.k_init must be at least 1 rollout, got 0"),
        ({"k_init": 17}, "v05.k_init = 17 is above v05.k_max = 16"),
        ({"budget": "greedy"}, "v05.budget must be one of fixed, sequential, wave, got 'greedy'"),
        ({"mode": "fast"}, "v05.mode must be one of paper, robust, got 'fast'"),
        ({"prompt_pool": 0}, "v05.prompt_pool must be at least 1"),
        ({"rule": "x"}, "v05.rule must be one of"),
        ({"baseline": "x"}, "v05.baseline must be one of"),
        ({"reward_range": [1, -1]}, "lo < hi"),
        ({"reward_range": 1}, r"v05.reward_range must be \[lo, hi\]"),
        ({"marginal_cost": 0}, "v05.marginal_cost must be above 0"),
        ({"marginal_cost": "cheap"}, "v05.marginal_cost must be a number"),
        ({"max_waves": 0}, "v05.max_waves"),
        ({"poll_interval_s": 0}, "v05.poll_interval_s"),
        ({"total_rollouts": -1}, "v05.total_rollouts"),
        ({"k_inti": 4}, "v05 has no key k_inti"),
        ({"value": {"on_failure": "ignore"}}, "v05.value.on_failure must be one of fallback, stop"),
        ({"value": {"recalibrate": -1}}, "v05.value.recalibrate"),
        ({"value": {"timeout_s": 0}}, "v05.value.timeout_s"),
        ({"value": {"replicas": 0}}, "v05.value.replicas"),
        ({"value": {"nmae": "gp"}}, "v05.value.nmae = 'gp' is neither"),
    ],
)
def test_a_wrong_key_is_named(keys, sentence):
    with pytest.raises(ValueError, match=sentence):
        from_verl(OmegaConf.create({"v05": keys}))


def test_options_of_the_chosen_model_are_found_by_its_name():
    config = from_verl(OmegaConf.create({"v05": {"value": {"name": "gp", "gp": {"context": 7}, "tracker": {}}}}))
    assert config.value.model == ("gp", {"context": 7})


def test_options_of_ones_own_class_stand_under_custom():
    value = {"name": "package.module:Class", "custom": {"size": 3}}
    assert from_verl(OmegaConf.create({"v05": {"value": value}})).value.model == ("package.module:Class", {"size": 3})


@pytest.mark.parametrize("name", ["constant", "tracker", "gp", "v0"])
def test_the_group_lists_every_option_of_a_model_with_its_default(v05_group, name):
    module, _, class_name = BUILT_IN[name].partition(":")
    parameters = inspect.signature(getattr(import_module(module), class_name)).parameters
    assert v05_group["value"][name] == {key: parameter.default for key, parameter in parameters.items()}


def test_recalibration_wraps_the_chosen_model():
    value = {"name": "gp", "recalibrate": 256, "gp": {"context": 512}}
    name, options = from_verl(OmegaConf.create({"v05": {"value": value}})).value.model
    assert (name, options) == ("recalibrated", {"of": "gp", "window": 256, "context": 512})
    build(name, **options)

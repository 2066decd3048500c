# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import inspect
from importlib import import_module

import pytest
from omegaconf import OmegaConf

from v05_verl.config import V05Config, from_verl
from v05_verl.value import BUILT_IN, build

AUTO = {"mode": "robust", "baseline": "predictable", "k_init": "auto"}


def test_the_packaged_group_holds_every_key_with_the_default_of_the_dataclass(v05_group):
    assert set(v05_group) == set(V05Config.model_fields)
    assert v05_group["reward_range"] is None  # the reward function's own; the paper's is the dataclass's
    config = from_verl(OmegaConf.create({"v05": v05_group | {"reward_range": [-1, 1]}}))
    assert set(config.value.options) == {"constant", "tracker", "gp", "v0", "custom"}
    assert config.model_dump(exclude={"value": {"options"}}) == V05Config().model_dump(exclude={"value": {"options"}})


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
        ({"k_init": 0}, "v05.k_init = 0: input should be greater than or equal to 1"),
        ({"k_init": "four"}, "v05.k_init = 'four': input should be a valid integer"),
        ({"k_init": 4.5}, "v05.k_init = 4.5: input should be a valid integer"),
        ({"k_init": True}, "v05.k_init = True: input should be a valid integer"),
        ({"value": {"recalibrate": False}}, "v05.value.recalibrate = False: input should be a valid integer"),
        ({"k_init": "atuo"}, "v05.k_init = 'atuo'"),
        ({"k_init": "auto"}, "needs v05.mode=robust v05.budget=fixed v05.baseline=predictable"),
        ({"auto": {"slack": 0}}, "v05.auto.slack = 0: input should be greater than 0"),
        ({"auto": {"slak": 1}}, "v05 has no key auto.slak"),
        ({"k_init": 17}, "v05.k_init = 17 is above v05.k_max = 16"),
        ({"k_max": 2**31}, "v05.k_max = 2147483648: input should be less than or equal to 2147483647"),
        ({"k_max": float("inf")}, "v05.k_max = inf: input should be a valid integer"),
        (
            {"budget": "greedy"},
            "v05.budget = 'greedy': input should be 'fixed', 'sequential', ",
        ),
        ({"mode": "fast"}, "v05.mode = 'fast': input should be 'paper' or 'robust'"),
        ({"prompt_pool": 0}, "v05.prompt_pool = 0"),
        ({"prompt_pool": 1.5}, "v05.prompt_pool = 1.5: input should be a valid integer"),
        ({"rule": "x"}, "v05.rule = 'x'"),
        ({"baseline": "x"}, "v05.baseline = 'x'"),
        ({"reward_range": [1, -1]}, r"v05.reward_range = \[1, -1\]: must be \[lo, hi\] with finite lo < hi"),
        ({"reward_range": [0, float("nan")]}, r"must be \[lo, hi\]"),
        ({"reward_range": ["0", 1]}, r"must be \[lo, hi\]"),
        ({"reward_range": 1}, r"v05.reward_range = 1: must be \[lo, hi\]"),
        ({"reward_range": None}, "v05.reward_range is not set"),
        ({"marginal_cost": 0}, 'v05.marginal_cost = 0: must be above 0 or "auto"'),
        ({"marginal_cost": "cheap"}, "v05.marginal_cost = 'cheap': input should be a valid number"),
        ({"max_waves": 0}, "v05.max_waves"),
        ({"poll_interval_s": 0}, "v05.poll_interval_s"),
        ({"total_rollouts": -1}, "v05.total_rollouts"),
        ({"budget": "total"}, "v05.baseline = fused with v05.budget = total is biased"),
        ({"budget": "total", "baseline": "leave_one_out"}, "use v05.baseline=predictable"),
        ({"budget": "total", "baseline": "predictable", "k_init": 9}, "2 x v05.k_init = 18 rollouts per prompt, above"),
        ({"budget": "total", "baseline": "predictable", "k_init": 17}, "v05.k_init = 17 is above v05.k_max = 16"),
        ({"budget": "total", "mode": "robust", "k_init": "auto"}, "not v05.mode=robust v05.budget=total"),
        ({"budget": "allocated", **AUTO}, "v05.allocation.lower = 2 with v05.k_init = auto"),
        ({"budget": "allocated", "k_init": 1}, "v05.k_init = 1 rollouts per prompt, which is not between"),
        ({"budget": "allocated", "allocation": {"upper": 17}}, "lower = 2, upper = 17 must rise"),
        ({"budget": "allocated", "allocation": {"lower": 5, "upper": 4}}, "lower = 5, upper = 4 must rise"),
        ({"budget": "allocated", "allocation": {"lower": 1}}, "vip_loo needs at least 2 rollouts per prompt"),
        ({"budget": "allocated", "allocation": {"method": "vip"}}, "v05.allocation.method = 'vip': input should be"),
        (
            {"budget": "allocated", "allocation": {"method": "gvm", "coefficient": "plugin"}},
            "gvm does not read v05.allocation.coefficient",
        ),
        ({"prompt_weight": "prompt"}, "v05.prompt_weight = prompt with v05.budget = sequential is biased"),
        ({"prompt_weight": "prompt", "budget": "wave"}, "prompt with v05.budget = wave is biased"),
        (
            {"prompt_weight": "prompt", "budget": "total", "baseline": "predictable"},
            "prompt with v05.budget = total is biased",
        ),
        ({"advantage_scale": "bnpo", "budget": "fixed"}, "baseline = fused is not BNPO"),
        ({"k_inti": 4}, "v05 has no key k_inti"),
        ({"value": {"on_failure": "ignore"}}, "v05.value.on_failure = 'ignore': input should be 'fallback' or 'stop'"),
        ({"value": {"recalibrate": -1}}, "v05.value.recalibrate"),
        ({"value": {"timeout_s": 0}}, "v05.value.timeout_s"),
        ({"value": {"replicas": 0}}, "v05.value.replicas"),
        ({"value": {"nmae": "gp"}}, "v05.value.nmae = 'gp' is neither"),
        ({"value": 3}, "v05.value = 3: input should be a valid dictionary"),
    ],
)
def test_a_wrong_key_is_named(keys, sentence):
    with pytest.raises(ValueError, match=sentence):
        from_verl(OmegaConf.create({"v05": keys}))


@pytest.mark.parametrize(
    ("keys", "key", "where"),
    [
        ({"rule": "continuous", "mode": "robust"}, "v05.rule", "mode paper and budget sequential"),
        ({"rule": "continuous", "budget": "wave"}, "v05.rule", "mode paper and budget sequential"),
        ({"max_waves": 3}, "v05.max_waves", "budget wave"),
        ({"k_max": 8, "budget": "fixed"}, "v05.k_max", "a budget other than fixed"),
        ({"marginal_cost": 0.01, "budget": "fixed"}, "v05.marginal_cost", "budget sequential or wave"),
        ({"step_rollouts": 64}, "v05.step_rollouts", "k_init auto or budget allocated or total"),
        ({"allocation": {"method": "gvm"}}, "v05.allocation", "budget allocated"),
        ({"prompt_weight": "prompt", "budget": "fixed"}, "v05.prompt_weight", "budget allocated"),
        ({"total_objective": "baseline", "budget": "fixed"}, "v05.total_objective", "budget total"),
        (
            {"marginal_cost": 0.01, "budget": "total", "baseline": "predictable"},
            "v05.marginal_cost",
            "for the baseline",
        ),
        ({"prompt_choice": "variance"}, "v05.prompt_choice", "prompt_pool above 1"),
        ({"auto": {"slack": 2.0}}, "v05.auto", "k_init auto"),
        ({"mode": "robust", "value": {"recalibrate": 64}}, "v05.value.recalibrate", "robust recalibrates by itself"),
    ],
)
def test_a_key_that_the_mode_or_the_budget_does_not_read_stops_the_launch(keys, key, where):
    with pytest.raises(ValueError, match=f"does not read {key}, which is read only with .*{where}"):
        from_verl(OmegaConf.create({"v05": keys}))


def test_a_total_that_the_prompts_of_a_step_cannot_have_is_named():
    total = V05Config(budget="total", baseline="predictable", step_rollouts=100)
    assert total.step_rollouts_problem(25) is None and total.step_rollouts_problem(7) is None
    assert "from 104 to 416: 26 prompts" in total.step_rollouts_problem(26)
    assert "from 24 to 96: 6 prompts" in total.step_rollouts_problem(6)
    allocated = V05Config(budget="allocated", step_rollouts=100, allocation={"lower": 3, "upper": 5})
    assert "from 102 to 170: 34 prompts" in allocated.step_rollouts_problem(34)
    assert allocated.step_rollouts_problem(20) is None


def test_without_a_budget_k_init_may_be_above_the_default_of_k_max():
    assert from_verl(OmegaConf.create({"v05": {"k_init": 32, "budget": "fixed"}})).k_init == 32


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

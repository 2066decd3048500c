# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import subprocess
import sys

import numpy as np
import pytest

from v05_verl.value import BUILT_IN, build
from v05_verl.value.base import ValueModel


class Halves:
    """A user's own value model."""

    def __init__(self, scale: float = 1.0):
        self.scale = scale

    def predict(self, prompts, step):
        return np.full(len(prompts), 0.5 * self.scale)

    def observe(self, prompts, successes, trials, step):
        pass

    def state_dict(self):
        return {}

    def load_state_dict(self, state):
        pass


class NoModel:
    pass


def test_builds_every_built_in_model():
    for name in BUILT_IN:
        options = {"encoder": "surface"} if name == "v0" else {}
        assert isinstance(build(name, **options), ValueModel)


def test_builds_a_users_own_class(monkeypatch):
    monkeypatch.setitem(sys.modules, "my_models", sys.modules[__name__])
    assert build("my_models:Halves", scale=0.5).predict(["a"], 0) == [0.25]


@pytest.mark.parametrize(
    ("name", "options", "offender"),
    [
        ("gpp", {}, "unknown value model 'gpp'; there are constant, tracker, gp, v0"),
        ("no_such_module:Model", {}, "no module 'no_such_module'"),
        ("v05_verl.value.gp:Nothing", {}, "has no class 'Nothing'"),
        ("my_models:NoModel", {}, "lacks methods"),
        ("gp", {"contxt": 1}, "has no option 'contxt'; its options are: context"),
        ("gp", {"context": 1}, "option context must lie in"),
        ("gp", {"context": "many"}, "value model 'gp': context = 'many': input should be a valid integer"),
        ("recalibrated", {"of": "gp", "context": 20.5}, "value model 'gp': context = 20.5"),
        ("tracker", {"decay": 0}, r"option decay must lie in \(0, 1\]"),
        ("tracker", {"strength": 0}, "option strength"),
        ("constant", {"p": 1.0}, "option p"),
        ("v0", {"encoder": "surface", "pool": "none"}, "option pool"),
        ("v0", {"encoder": "surface", "head": "forest"}, "head must be one of bayes, tabpfn, tabicl"),
        ("recalibrated", {"of": "constant", "p": 2.0}, "option p"),
    ],
)
def test_what_does_not_exist_is_named(monkeypatch, name, options, offender):
    monkeypatch.setitem(sys.modules, "my_models", sys.modules[__name__])
    with pytest.raises(ValueError, match=offender):
        build(name, **options)


def test_importing_the_package_loads_neither_torch_nor_scikit_learn():
    code = "import sys, v05_verl.value as v; v.build('tracker'); print({'torch', 'sklearn'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"

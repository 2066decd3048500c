# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Value models: priors for prompts, by name.

================  ==================================================================================================
name              what it is
================  ==================================================================================================
``constant``      one success rate for all prompts: fixed, or the running mean of the policy's outcomes
``tracker``       per-prompt Beta counts discounted by age; a new prompt gets the running mean
``gp``            exact Gaussian process on prompt texts and outcomes; needs no download (the default)
``v0``            V0: text encoder, query adapter and in-context head, or its release checkpoint
``recalibrated``  another one (``of=``, with its options), slope and shift repaired online
================  ==================================================================================================

Any other model is named ``package.module:Class``; it must have the methods of :class:`v05_verl.value.base.ValueModel`.
"""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any

from pydantic import create_model

from v05_verl.schema import Schema, checked
from v05_verl.value.base import ValueModel

BUILT_IN = {
    "constant": "v05_verl.value.constant:Constant",
    "tracker": "v05_verl.value.tracker:Tracker",
    "gp": "v05_verl.value.gp:GaussianProcess",
    "v0": "v05_verl.value.v0:V0",
    "recalibrated": "v05_verl.value.recalibrated:Recalibrated",
}


def build(name: str, /, **options: Any) -> ValueModel:
    """The value model ``name`` with its ``options`` (keyword arguments of its class).

    Raises:
        ValueError: a name that is neither built in nor ``package.module:Class``; an option that the model does not
            have or whose value is out of range; a class without the methods of a value model.
    """
    target = BUILT_IN.get(name, name)
    if ":" not in target:
        raise ValueError(
            f"unknown value model {name!r}; there are {', '.join(BUILT_IN)}, or your own as 'package.module:Class'"
        )
    model_class = _imported(target)
    _check_options(name, model_class, options)
    model = model_class(**options)
    if not isinstance(model, ValueModel):
        needed = "predict, observe, state_dict, load_state_dict"
        raise ValueError(f"value model {name!r} lacks methods of a value model; it needs {needed}")
    return model


def _imported(target: str) -> type:
    module_name, _, class_name = target.partition(":")
    try:
        module = import_module(module_name)
    except ModuleNotFoundError as error:
        raise ValueError(f"value model {target!r}: no module {error.name!r} is installed") from error
    if not hasattr(module, class_name):
        raise ValueError(f"value model {target!r}: module {module_name} has no class {class_name!r}")
    return getattr(module, class_name)


def _check_options(name: str, model_class: type, options: dict[str, Any]) -> None:
    """Names, and for built-in models types; ranges are the constructor's."""
    parameters = inspect.signature(model_class, eval_str=True).parameters.values()
    known = {each.name: (each.annotation, each.default) for each in parameters if each.kind is not each.VAR_KEYWORD}
    for option in options:
        if option not in known and len(known) == len(parameters):
            names = ", ".join(known) or "none"
            raise ValueError(f"value model {name!r} has no option {option!r}; its options are: {names}")
    if name in BUILT_IN:
        own = {option: value for option, value in options.items() if option in known}
        checked(create_model("Options", __base__=Schema, **known), own, f"value model {name!r}")

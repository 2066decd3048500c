# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Imported by verl in every process: the entry point ``verl.plugins``, or VERL_USE_EXTERNAL_MODULES=v05_verl.register.

verl loads plugins at the end of ``verl/__init__``, so this stays light: what needs verl's trainer is registered when
verl itself imports it. verl hides an exception of an entry point in a DEBUG message; recipes therefore also set
VERL_USE_EXTERNAL_MODULES, which lets it through.
"""

from __future__ import annotations

import os
import warnings
from importlib import import_module, metadata

import wrapt

from v05_verl import pins

SUPPORTED_VERL = (pins.VERL,)


def _check_version() -> None:
    found = metadata.version("verl")
    if found not in SUPPORTED_VERL:
        sentence = (
            f"v05_verl supports verl {', '.join(SUPPORTED_VERL)} and found {found}: algorithm.adv_estimator=v05 is not "
            f"available. Install it with: pip install verl=={SUPPORTED_VERL[-1]}"
        )
        warnings.warn(sentence, stacklevel=2)
        raise ImportError(sentence)


def _import_when(verl_module: str, *our_modules: str) -> None:
    """Imports ``our_modules``, which register themselves, right after verl imported ``verl_module``."""

    def register(_) -> None:
        for name in our_modules:
            import_module(name)

    wrapt.register_post_import_hook(register, verl_module)


def _register_cpu() -> None:
    import_module("v05_verl.cpu.platform")
    import_module("v05_verl.cpu.patches").install()
    _import_when("verl.trainer.ppo.v1", "v05_verl.cpu.trainer")


def _register() -> None:
    _check_version()
    import_module("v05_verl.plugin.launch").install()
    _import_when("verl.trainer.ppo.core_algos", "v05_verl.plugin.estimator")
    _import_when("verl.trainer.ppo.v1", "v05_verl.plugin.trainer")

    if os.environ.get("VERL_PLATFORM", "").strip().lower() == "cpu":
        _register_cpu()


_register()

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import subprocess
import sys

import pytest

from v05_verl import register


def in_fresh_process(code: str, **env: str) -> subprocess.CompletedProcess:
    import os

    environment = {key: value for key, value in os.environ.items() if not key.startswith("VERL_")} | env
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, env=environment)


LOOK_UP = """
import sys
import verl
from verl.trainer.ppo.v1 import get_trainer_cls
from verl.trainer.ppo.core_algos import get_adv_estimator_fn
for mode in ("sync", "colocate_async", "separate_async"):
    ours, theirs = get_trainer_cls(f"v05_{mode}"), get_trainer_cls(mode)
    assert issubclass(ours, theirs) and ours.VERL_MODE == mode
for_cpu = [name for name in sys.modules if "v05_verl.cpu" in name]
print(ours.__module__, get_adv_estimator_fn("v05").__module__, *for_cpu)
"""
BY_NAME = {"VERL_USE_EXTERNAL_PLUGINS": "none", "VERL_USE_EXTERNAL_MODULES": "v05_verl.register"}


@pytest.mark.slow
@pytest.mark.parametrize(("env", "cpu"), [({}, False), (BY_NAME | {"VERL_PLATFORM": "cpu"}, True)])
def test_importing_verl_is_enough_and_the_cpu_backend_must_be_asked_for(env, cpu):
    run = in_fresh_process(LOOK_UP, **env)
    trainer, estimator, *cpu_modules = run.stdout.split()
    assert (trainer, estimator) == ("v05_verl.plugin.trainer", "v05_verl.plugin.estimator"), run.stderr
    assert ("v05_verl.cpu.platform" in cpu_modules) == bool(cpu_modules) == cpu


@pytest.mark.slow
def test_registration_stays_light():
    code = "import sys, verl; print([m for m in ('verl.trainer.ppo.v1', 'sklearn', 'vllm') if m in sys.modules])"
    assert in_fresh_process(code).stdout.strip() == "[]"


def test_another_version_of_verl_is_refused_with_a_sentence(monkeypatch):
    monkeypatch.setattr(register, "SUPPORTED_VERL", ("0.1.0",))
    with pytest.warns(UserWarning), pytest.raises(ImportError, match="supports verl 0.1.0 and found 0.9.1"):
        register._check_version()

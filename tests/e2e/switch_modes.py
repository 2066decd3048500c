# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""A run of auto that goes on in another of verl's modes: pytest -s tests/e2e/switch_modes.py

Not part of a plain test run: six launches, two to six minutes on two cores.
"""

import itertools

import pytest

from .fault_table import MODES

STEPS = 4
"""Trained in each mode."""


@pytest.mark.parametrize(
    "order",
    [("colocate_async", "separate_async", "sync"), ("separate_async", "colocate_async", "separate_async")],
    ids="-".join,
)
def test_a_run_goes_on_in_another_mode(launch, order):
    auto = ("+arm=v05_auto", "v05.auto.min_pairs=32", "v05.poll_interval_s=0.1", "trainer.save_freq=2")
    metrics = []
    for number, mode in enumerate(order, start=1):
        last = f"trainer.total_training_steps={STEPS * number}"
        engine, own = MODES[mode]
        run = launch(*auto, f"trainer.v1.trainer_mode=v05_{mode}", *own, last, engine=engine)
        assert run.wait(600) == 0, run.log[-5000:]
        metrics += run.metrics
    assert [step["training/global_step"] for step in metrics] == list(range(1, STEPS * len(order) + 1))
    assert all(step["v05/rollouts/unaccounted"] == 0 for step in metrics)
    spent = [step["v05/spent/rollouts"] for step in metrics]
    assert all(after > before for before, after in itertools.pairwise(spent))
    print("k:", [step["v05/auto/k"] for step in metrics], "spent:", spent)
    assert metrics[-1]["v05/auto/k"] < metrics[0]["v05/auto/k"] == 4

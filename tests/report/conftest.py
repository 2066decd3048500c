# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Run folders in the recipes' layout, made of the lines of a real V0.5 run on the CPU."""

import json
from pathlib import Path

import pytest

from v05_verl.report import provenance

REAL = Path(__file__).parent / "data" / "one_launch.jsonl"


@pytest.fixture(scope="session")
def real_lines():
    """(validation before training, a training step, a training step with validation) as verl wrote them."""
    data = {record["step"]: record["data"] for record in map(json.loads, REAL.read_text().splitlines())}
    return data[0], data[6], data[8]


@pytest.fixture
def write_run(tmp_path, real_lines):
    """Writes <tmp_path>/<arm>/seed_<seed> and returns it; see :func:`write`."""

    def write(arm, seed, accuracy, **options):
        return write_run_folder(tmp_path / arm / f"seed_{seed}", real_lines, arm, seed, accuracy, **options)

    return write


def write_run_folder(
    folder, real_lines, arm, seed, accuracy, *, n=4, prompts=32, launch=1, exit_code=0, extra=None, sets=None
):
    """One launch of a run.

    Args:
        accuracy: {step: accuracy} of the validations; training goes to the last of these steps.
        n: rollouts per prompt; a V0.5 arm spends n * prompts in every step.
        exit_code: None for a launch that was killed.
        extra: {step: {metric: value}} to add.
        sets: names of the validation sets; all get the same accuracy, a greedy one 0.1 more.
    """
    sets = sets or ("reverse_sampled", "reverse_greedy")
    before, training, validated = real_lines
    (folder / "metrics").mkdir(parents=True, exist_ok=True)
    config = folder / "hydra" / str(launch) / ".hydra" / "config.yaml"
    config.parent.mkdir(parents=True)
    config.write_text(f"data: {{train_batch_size: {prompts}}}\nactor_rollout_ref: {{rollout: {{n: {n}}}}}\n")
    provenance.begin_launch(folder, arm, seed, ["python", "-m", "verl.trainer.main_ppo", f"arm={arm}"])
    lines = []
    for step in range(min(accuracy), max(accuracy) + 1):
        is_first = step == min(accuracy)
        data = dict(before if is_first else validated if step in accuracy else training)
        data = {name: value for name, value in data.items() if not name.startswith("val-core/")}
        if not arm.startswith("v05"):
            data = {name: value for name, value in data.items() if not name.startswith("v05/")}
        elif not is_first:
            data |= {"v05/spent/rollouts": step * n * prompts, "v05/spent/tokens": 5 * step * n * prompts}
        if step in accuracy:
            data |= {f"val-core/{name}/acc/mean@4": accuracy[step] + 0.1 * name.endswith("_greedy") for name in sets}
        if not is_first:
            data |= {"training/global_step": step}
        lines.append(json.dumps({"step": step, "data": data | (extra or {}).get(step, {})}))
    (folder / "metrics" / f"{launch}.jsonl").write_text("\n".join(lines) + "\n")
    if exit_code is not None:
        provenance.end_launch(folder, exit_code)
    return folder

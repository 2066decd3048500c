# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pytest

from v05_verl.lab.agreement import as_markdown, difference
from v05_verl.report.statistics import Curve


def line(*points):
    return Curve(*np.array(points, dtype=float).T)


def test_the_difference_by_hand():
    # Over [0, 100] verl is .1 above throughout; the loop's bump at 25 lies between verl's validations.
    verl = line((0, 0.3), (50, 0.5), (100, 0.5))
    light = line((0, 0.2), (25, 0.9), (50, 0.4), (100, 0.4))
    assert difference(verl, light) == pytest.approx((0.1, 0.1))


def test_a_longer_run_is_cut_to_the_shorter_one():
    # At 50, where the loop ends, verl has risen to .5: over the last tenth (45 to 50) .49 on average, over the run .4.
    verl, light = line((0, 0.3), (100, 0.7)), line((0, 0.3), (50, 0.3))
    assert difference(verl, light) == pytest.approx((0.19, 0.1))


def write_runs(folder, accuracies):
    light, verl = folder / "light", folder / "verl"
    for seed, end in accuracies.items():
        (light / "v05_fixed2_robust_pool2").mkdir(parents=True, exist_ok=True)
        rows = [{"type": "evaluation", "rollouts": 128 * step, "sampled": 0.3} for step in (0, 1, 2)]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (light / "v05_fixed2_robust_pool2" / f"lr0.0002-seed{seed}.jsonl").write_text(text)
        run = verl / "v05_fixed2_robust_pool2" / f"seed_{seed}" / "metrics"
        run.mkdir(parents=True)
        name = "val-core/reverse_sampled/acc/mean@1"
        rows = [{"step": s, "data": {name: end, "v05/spent/rollouts": 128 * s}} for s in (0, 1, 2)]
        (run / "1.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return light, verl


def test_runs_are_paired_by_arm_and_seed_and_missing_ones_named(tmp_path):
    light, verl = write_runs(tmp_path, {0: 0.4, 1: 0.2, 2: 0.5})
    (light / "v05_fixed2_robust_pool2" / "lr0.0002-seed2.jsonl").unlink()
    table = as_markdown(light, verl, 2e-4)
    # +.1 and -.1: mean 0, sd .1414, half width 12.706 * .1414 / sqrt(2) = 1.271.
    assert "| v05_fixed2_robust_pool2 | 2 | +0.000 ± 1.271 | +0.000 ± 1.271 |" in table
    assert "Not there" in table and "seed2" in table
    with pytest.raises(ValueError, match="lr0.001-seed0"):
        as_markdown(light, verl, 1e-3)

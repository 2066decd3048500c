# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Step time of one arm against another's, per 1,000 rollouts.

Usage: python -m v05_verl.report.step_time ARM OTHER [--skip 5]      each a folder of seed_<k> runs
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from v05_verl.report.metrics_files import read_launch
from v05_verl.report.watch import rollouts_of_step


def seconds_per_thousand(arm: Path, skip: int) -> np.ndarray:
    """One value per training step of all runs of an arm, the first ``skip`` of each run left out."""
    return _step_times(arm, skip)[:, 0]


def seconds_by_group_size(arm: Path, skip: int) -> dict[int, np.ndarray]:
    """The same by the k that ``k_init: auto`` chose for the step; empty for an arm that chooses none."""
    seconds, k = _step_times(arm, skip).T
    return {int(size): seconds[k == size] for size in np.unique(k[np.isfinite(k)])}


def _step_times(arm: Path, skip: int) -> np.ndarray:
    """(steps, 2): seconds per 1,000 rollouts, and auto's k or NaN."""
    values = []
    for run in sorted(file.parent.parent for file in arm.glob("seed_*/metrics/1.jsonl")):
        records = read_launch(run / "metrics" / "1.jsonl").records
        steps = [metrics for metrics in records.values() if "timing_s/step" in metrics]
        for metrics in steps[skip:]:
            counted = metrics.get("v05/rollouts/step", 0.0)
            rollouts = counted if counted >= 1 else rollouts_of_step(run)
            values.append((1000 * metrics["timing_s/step"] / rollouts, metrics.get("v05/auto/k", np.nan)))
    if not values:
        raise ValueError(f"{arm} holds no training step after the first {skip}")
    return np.array(values)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("arm", type=Path)
    parser.add_argument("other", type=Path)
    parser.add_argument("--skip", type=int, default=5, help="first steps of each run that are left out")
    options = parser.parse_args()
    medians = []
    for arm in (options.arm, options.other):
        times = seconds_per_thousand(arm, options.skip)
        medians.append(float(np.median(times)))
        low, high = np.percentile(times, [25, 75])
        spread = f"quartiles {low:.2f} to {high:.2f}, {len(times)} steps"
        print(f"{arm.name:12s} {medians[-1]:6.2f} s per 1,000 rollouts ({spread})")
        for k, part in seconds_by_group_size(arm, options.skip).items():
            print(f"  at k = {k}   {np.median(part):6.2f} ({len(part)} steps)")
    print(f"ratio        {medians[0] / medians[1]:6.2f}")


if __name__ == "__main__":
    main()

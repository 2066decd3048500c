# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Whether the loop without verl and verl come to the same: runs of one arm, seed and learning rate from both.

    python -m v05_verl.lab.agreement --light outputs/light/reverse/rollouts15360-mini1-start0.45 \
        --verl outputs/compare [--learning-rate 2e-4]

Both start from the same weights and see the same training and held-out prompts; they sample differently. The loop
computes its held-out accuracy exactly, verl draws one answer per prompt.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from v05_verl.lab.compare import cell, mean_ci
from v05_verl.lab.study import evaluations
from v05_verl.report.runs import load_runs
from v05_verl.report.statistics import Curve, value_at


def difference(verl: Curve, light: Curve) -> tuple[float, float]:
    """verl minus light at the end and averaged over the run, up to the rollouts that both have.

    At the end is the mean over the last tenth (:func:`~v05_verl.report.statistics.value_at`). The loop's curve is read
    at verl's validations, with straight lines between them, so that a coarse curve is compared with a coarse one.
    """
    end = min(verl.x[-1], light.x[-1])
    points = np.append(verl.x[verl.x < end], end)
    theirs, ours = Curve(points, np.interp(points, *verl)), Curve(points, np.interp(points, *light))
    mean = np.trapezoid(theirs.y - ours.y, points) / (points[-1] - points[0])
    return value_at(theirs, end) - value_at(ours, end), float(mean)


def read_light(file: Path) -> Curve:
    """Sampled accuracy along the rollouts of a finished run of :mod:`v05_verl.lab.train`."""
    records = evaluations(file)
    return Curve(*(np.array([record[name] for record in records], dtype=float) for name in ("rollouts", "sampled")))


def as_markdown(light: Path, verl: Path, rate: float) -> str:
    """The table; ValueError where no run of verl has a counterpart."""
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    missing = []
    for run in load_runs([verl]):
        arm = run.arm
        file = light / arm / f"lr{rate:g}-seed{run.seed}.jsonl"
        if file.exists():
            sampled = next(name for name in run.accuracy if name.endswith("_sampled"))
            found[arm].append(difference(run.accuracy_curve(sampled, "rollouts"), read_light(file)))
        else:
            missing.append(str(file))
    if not found:
        raise ValueError(f"no run under {light} belongs to one under {verl}; looked for {', '.join(missing)}")
    lines = ["| arm | seeds | verl minus light, last tenth | over the run |", "|---|---|---|---|"]
    every = [pair for pairs in found.values() for pair in pairs]
    for arm, pairs in [*found.items(), ("all runs", every)]:
        cells = [cell(mean_ci(values), "+") for values in zip(*pairs, strict=True)]
        lines.append(f"| {arm} | {len(pairs)} | {' | '.join(cells)} |")
    return "\n".join([*lines, *(f"\nNot there: {file}" for file in missing)])


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(prog="python -m v05_verl.lab.agreement", description=__doc__.split("\n")[0])
    parser.add_argument("--light", type=Path, required=True, help="folder of a setting, with a folder per arm")
    parser.add_argument("--verl", type=Path, required=True, help="folder of runs through verl")
    parser.add_argument("--learning-rate", type=float, default=2e-4, help="that of the runs through verl")
    options = parser.parse_args(arguments)
    print(as_markdown(options.light, options.verl, options.learning_rate))


if __name__ == "__main__":
    main()

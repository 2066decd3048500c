# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Any two arms of a finished study against each other, paired by seed.

python -m v05_verl.lab.pairs outputs/light/reverse/rollouts15360-mini1-start0.45 v05_fixed2:rloo_n2 v05:v05_constant
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from v05_verl.lab.compare import cell, paired, rollouts_to_end_of, share_cell
from v05_verl.lab.study import Curve, Job, evaluations

MEASURES = ("final_sampled", "final_greedy", "mean_over_run", "sampled_at_equal_steps")


def as_markdown(folder: Path, pairs: Sequence[str]) -> str:
    """One row per pair ``first:second``, at the learning rates and seeds of ``folder/summary.json``.

    Raises:
        ValueError: a pair is not two names, or names an arm that the study does not have.
    """
    study = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    head = ["first", "second", "final sampled", "final greedy", "over the run", "sampled, at equal steps"]
    head.append("rollouts to the second's end, of its own")
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for pair in pairs:
        first, _, second = pair.partition(":")
        for arm in (first, second):
            if arm not in study["arms"]:
                raise ValueError(f"{pair!r}: pairs are first:second, of {', '.join(study['arms'])}")
        ours, theirs = (_curves(folder, study, arm) for arm in (first, second))
        gain = paired(ours, theirs) or {}
        cells = [cell(gain.get(name), "+") for name in MEASURES]
        cells.append(share_cell(rollouts_to_end_of(theirs, ours), "share_of_its_own"))
        lines.append(f"| {first} | {second} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _curves(folder: Path, study: dict[str, Any], arm: str) -> dict[int, Curve]:
    runs = folder if (folder / arm).is_dir() else folder.parent  # --name puts a table beside another one's runs
    rate = study["arms"][arm]["learning_rate"]
    curves = {}
    for seed in study["arms"][arm]["seeds"]:
        job = Job(study["task"], arm, seed, rate, study["rollouts"], study["mini_batches"], study["warm_start"])
        curves[seed] = Curve(job, evaluations(runs / arm / job.path.name))
    return curves


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(prog="python -m v05_verl.lab.pairs", description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, help="of a setting, with its summary.json")
    parser.add_argument("pairs", nargs="+", metavar="FIRST:SECOND", help="arms")
    options = parser.parse_args(arguments)
    print(as_markdown(options.folder, options.pairs))


if __name__ == "__main__":
    main()

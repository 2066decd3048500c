# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Shows a running training: one line per validation and a bar of the rollouts spent.

Usage: python -m v05_verl.report.watch RUN --pid PID --rollouts TOTAL --log FILE
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
from tqdm import tqdm

from v05_verl.report.runs import read_step_size


def follow(folder: Path, pid: int) -> Iterator[dict[str, Any]]:
    """Complete lines of ``folder``'s newest metrics file, as they are written, until the process ends."""
    position, alive, newest = 0, True, None
    while alive:
        alive = psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
        files = sorted(folder.glob("*.jsonl"), key=os.path.getmtime)
        if files:
            if files[-1] != newest:  # of a run that goes on the file of the launch before is there first
                position, newest = 0, files[-1]
            with newest.open("rb") as lines:
                lines.seek(position)
                for line in lines:
                    if line.endswith(b"\n"):
                        position += len(line)
                        yield json.loads(line)
        time.sleep(0.5)


def rollouts_of_step(run: Path) -> int:
    """Rollouts of one training step, read off the composed configuration (arms without a budget per prompt)."""
    config = next(run.glob("hydra/*/.hydra/config.yaml"), None)
    if config is None:
        raise ValueError(f"{run} has no hydra/<launch>/.hydra/config.yaml: the rollouts of its steps are not known")
    size = read_step_size(config)
    return size.prompts * size.n


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--pid", type=int, required=True)
    parser.add_argument("--rollouts", type=int, required=True)
    parser.add_argument("--log", type=Path, required=True, help="where its output goes")
    options = parser.parse_args()
    name = f"{options.run.parent.name}, {options.run.name.replace('_', ' ')}"
    print(f"== {name}: starting verl (about a minute); its output goes to {options.log}")
    with tqdm(total=options.rollouts, unit=" rollouts", mininterval=2, desc=name) as bar:
        for entry in follow(options.run / "metrics", options.pid):
            metrics, step = entry["data"], entry["step"]
            spent = int(metrics.get("v05/spent/rollouts", 0)) or step * rollouts_of_step(options.run)
            bar.update(min(spent, options.rollouts) - bar.n)
            accuracy = {key.split("/")[1]: value for key, value in metrics.items() if _is_accuracy(key)}
            if accuracy:
                shown = ", ".join(f"{source} {value:.3f}" for source, value in sorted(accuracy.items()))
                bar.write(f"   step {step:4d}, {spent:6d} rollouts: held-out accuracy {shown}")


def _is_accuracy(key: str) -> bool:
    return key.startswith("val-core/") and "/acc/mean@" in key


if __name__ == "__main__":
    main()

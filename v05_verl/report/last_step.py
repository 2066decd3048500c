# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Prints what the last training step of a metrics file says of prompts, rewards, priors and groups.

Usage: python -m v05_verl.report.last_step METRICS.jsonl
"""

from __future__ import annotations

import argparse
from pathlib import Path

from v05_verl.report.metrics_files import read_launch

SHOWN = ("v05/", "prompt_length/mean", "prompt_length/max", "response_length/mean", "critic/score/", "actor/grad_norm")


def last_step(path: Path) -> tuple[int, dict[str, float]]:
    """Step and metrics of the file's last line; raises ValueError where the file holds no training step."""
    records = read_launch(path).records
    step = max(records, default=0)
    if "training/global_step" not in records.get(step, {}):
        raise ValueError(f"{path} holds no training step: the run ended before its first one, see its log")
    return step, records[step]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("metrics", type=Path)
    step, metrics = last_step(parser.parse_args().metrics)
    print(f"metrics of training step {step}:")
    for name in sorted(metrics):
        if name.startswith(SHOWN):
            print(f"  {name:44s} {metrics[name]:.4g}")


if __name__ == "__main__":
    main()

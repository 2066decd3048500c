# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Prints the last validation of a run as a table: mean@n, best@n and maj@n of each set.

Usage: python -m v05_verl.report.evaluation RUN
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from v05_verl.report.metrics_files import read_launch

# verl draws best@n and maj@n many times and logs the mean of the draws beside their standard deviation.
_SHOWN = re.compile(r"(?s)val-core/(?P<source>.+)/acc/(?P<kind>mean|best|maj)@(?P<n>\d+)(?:/mean)?")
_KINDS = ("mean", "best", "maj")
_HEAD = "| benchmark | mean | pass (verl: best) | majority (verl: maj) |\n|---|---|---|---|"


def table(metrics: dict[str, float]) -> str:
    """Markdown of a validation's metrics, one row per set; of several n the largest."""
    rows: dict[str, dict[str, tuple[int, float]]] = {}
    for name, value in metrics.items():
        if match := _SHOWN.fullmatch(name):
            cells = rows.setdefault(match["source"], {})
            cells[match["kind"]] = max(cells.get(match["kind"], (0, 0.0)), (int(match["n"]), value))
    lines = [_HEAD]
    for source, cells in sorted(rows.items()):
        shown = [f"{kind}@{cells[kind][0]} {cells[kind][1]:.4f}" if kind in cells else "-" for kind in _KINDS]
        lines.append(f"| {source} | {' | '.join(shown)} |")
    return "\n".join(lines)


def last_validation(run: Path) -> dict[str, float]:
    """Metrics of the last record of the run's last launch; ValueError where it wrote none."""
    launches = sorted((run / "metrics").glob("*.jsonl"), key=lambda file: int(file.stem))
    records = read_launch(launches[-1]).records if launches else {}
    if not records:
        raise ValueError(f"{run} holds no validation: the run ended before it, see its log")
    return list(records.values())[-1]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m v05_verl.report.evaluation", description=__doc__.split("\n")[0])
    parser.add_argument("run", type=Path)
    try:
        print(table(last_validation(parser.parse_args(arguments).run)))
    except ValueError as error:
        raise SystemExit(f"v05_verl.report.evaluation: {error}") from error


if __name__ == "__main__":
    main()

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Reports on runs: ``python -m v05_verl.report RUN_DIR...``.

Writes ``summary.json`` into ``--out`` (the first RUN_DIR unless given) and, into its folder ``report/``,
``report.html``, ``table.md``, ``table.csv`` (means), ``seeds.csv`` (each seed's values), ``paired.csv`` (differences)
and every figure as PNG and SVG. Prints the table. Runs through verl beside those of the light loop:
``python -m v05_verl.report verl=outputs/q light=outputs/light/as_through_verl --control light --out DIR``.
"""

from __future__ import annotations

import argparse
import html
import json
from pathlib import Path
from typing import Any

from v05_verl.report import csv_files, figures, findings, labels, missing, page, tables
from v05_verl.report.aggregate import Aggregator
from v05_verl.report.runs import load_runs
from v05_verl.report.summary import summarise


def main(arguments: list[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    try:
        text = report(options)
    except ValueError as error:
        raise SystemExit(f"v05_verl.report: {_shown(str(error))}") from error
    print(text)


def report(options: argparse.Namespace) -> str:
    """Writes all files and returns what to print."""
    folders = [_label_and_folder(text) for text in options.folders]
    runs = load_runs([folder for _, folder in folders], {folder: label for label, folder in folders if label})
    aggregate = Aggregator(runs, options.reference, options.accuracy, options.control)
    is_quickstart = options.quickstart or any(source.endswith("_sampled") for run in runs for source in run.accuracy)
    arms = options.arms or list(labels.QUICKSTART_ARMS if is_quickstart else ())
    sets = options.sets or list(() if is_quickstart else labels.BENCHMARKS)
    summary = summarise(runs, aggregate, missing.sentences(runs, aggregate, arms, options.seeds, sets))
    out = options.out or folders[0][1]
    out.mkdir(parents=True, exist_ok=True)
    (out / "summary.json").write_text(json.dumps(summary, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    text = _text(summary)
    if aggregate.runs:
        _write_folder(out / "report", summary, text, figures.render(aggregate, summary, is_quickstart))
    return f"{text}\nWritten: {out / 'summary.json'}" + (f" and {out / 'report'}/" if aggregate.runs else "")


def _label_and_folder(text: str) -> tuple[str, Path]:
    label, _, folder = text.rpartition("=")
    return ("", Path(text)) if Path(text).exists() else (label, Path(folder))


def _text(summary: dict[str, Any]) -> str:
    """Outcome, tables and what is missing, in Markdown."""
    parts = ["\n".join(f"- {sentence}" for sentence in findings.sentences(summary)) + "\n"]
    if summary["arms"]:
        parts.append(tables.markdown(tables.all_tables(summary)))
    if summary["notes"]:
        parts.append("## Missing or to be known\n\n" + "".join(f"- {note}\n" for note in summary["notes"]))
    parts.append(f"## Provenance\n\n{findings.origin_sentence(summary)}\n")
    return _shown("\n".join(parts))


def _shown(text: str) -> str:
    return "\n".join(map(labels.printable, text.split("\n")))


def _write_folder(folder: Path, summary: dict[str, Any], text: str, images: dict[str, dict[str, bytes]]) -> None:
    folder.mkdir(exist_ok=True)
    for name, image in images.items():
        for kind, data in image.items():
            (folder / f"{name}.{kind}").write_bytes(data)
    (folder / "table.md").write_text(html.escape(text, quote=False), encoding="utf-8")
    (folder / "table.csv").write_text(csv_files.means(summary), encoding="utf-8")
    (folder / "seeds.csv").write_text(csv_files.seeds(summary), encoding="utf-8")
    (folder / "paired.csv").write_text(csv_files.paired(summary), encoding="utf-8")
    text = page.html(summary, tables.all_tables(summary), images)
    (folder / "report.html").write_text(text, encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m v05_verl.report", description=__doc__.split("\n")[0])
    parser.add_argument(
        "folders", nargs="+", metavar="RUN_DIR", help="folder of all runs, or of single runs; label=RUN_DIR to name it"
    )
    parser.add_argument("--out", type=Path, help="where to write (the first RUN_DIR)")
    parser.add_argument("--quickstart", action="store_true", help="the quickstart's figures (found out unless given)")
    parser.add_argument(
        "--reference",
        "--target-arm",
        action="append",
        default=[],
        metavar="ARM",
        help="arm to whose final accuracy rollouts are counted (grpo_n16); may be repeated, the first is the target",
    )
    parser.add_argument(
        "--control",
        metavar="ARM",
        help="arm that every other is paired with by seed (rloo_n4); a label pairs each arm with the same one there",
    )
    parser.add_argument("--accuracy", help="validation set, or 'mean' of all, that target and results are about")
    parser.add_argument("--arms", nargs="+", default=[], help="arms that should be there; missing ones are named")
    parser.add_argument("--seeds", nargs="+", type=int, default=[], help="seeds that each arm should have")
    parser.add_argument(
        "--sets", nargs="+", default=[], help="validation sets that should be there (the six benchmarks)"
    )
    return parser


if __name__ == "__main__":
    main()

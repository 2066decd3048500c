# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Command: hub data sets, or raw benchmark files, to parquet in verl's schema.

    python -m data_prep.prepare --out data --drop-contaminated
    python -m data_prep.prepare --out data --sets aime2024 dapo_math_17k --raw FOLDER

Sets are read from the Hugging Face hub, at pinned commits, unless ``--raw`` or ``--input`` names files.
"""

from __future__ import annotations

import argparse
import logging
import re
import sys
from collections import Counter
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

from tqdm import tqdm

from v05_verl.grading.canonical import KINDS, Canonical, canonical_answer
from v05_verl.prompt_text import TEMPLATES

from . import manifest
from .contamination import Match, contamination, summary
from .dedup import ExactDedup, near_duplicates
from .problem import DataError, Problem, ProblemSet
from .registry import BENCHMARKS, SETS
from .schema import verl_row, write_parquet
from .source import Source, open_hub, open_local, sha256

logger = logging.getLogger("data_prep")

DEDUP = "drop duplicates from training sets, and problems whose copies have several answers equally often"
CHINESE = re.compile(r"[\u3400-\u9fff]")


def main(argv: list[str] | None = None) -> int:
    """Runs the command; returns the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # else a line for each request to the hub
    options = parser().parse_args(argv)
    if options.raw and (options.hub or options.mirror):
        parser().error("--raw reads files and --hub and --mirror the hub; give one of them")
    try:
        for name in options.sets:
            prepare(SETS[name], options)
    except DataError as error:
        logger.error("%s", error)
        return 1
    return 0


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(prog=f"python -m {__package__}.prepare", description=__doc__.partition("\n")[0])
    add = result.add_argument
    add("--hub", action="store_true", help="read the Hugging Face hub (the default)")
    add("--raw", type=Path, help="folder with one folder of raw files per set, read instead of the hub")
    add("--input", action="append", default=[], metavar="SET=FILE", type=_pair, help="file to read for a set")
    add("--revision", action="append", default=[], metavar="SET=COMMIT", type=_pair, help="commit to read from the hub")
    add("--mirror", type=Path, help="folder of hub snapshots named owner/name, read instead of the network")
    add("--out", type=Path, default=Path("data"), help="folder for the parquet files and the manifest")
    add("--sets", nargs="+", choices=list(SETS), default=list(SETS), metavar="SET", help="sets (default: all seven)")
    add("--first", type=_positive, metavar="N", help="read the first N rows of each set only, for a quick look")
    add("--limit", type=_positive, metavar="N", help="keep the first N rows of each set, after all other choices")
    add("--english-only", action="store_true", help="drop problems with Chinese text (DAPO's upstream has some)")
    add("--template", choices=list(TEMPLATES), default="dapo", help="how the answer is asked for, in all sets")
    add("--dedup", action=argparse.BooleanOptionalAction, default=True, help=DEDUP)
    add("--drop-contaminated", action="store_true", help="drop training problems that a benchmark asks too")
    return result


def prepare(problem_set: ProblemSet, options: argparse.Namespace) -> dict[str, Any]:
    """Writes one set's parquet file, report and manifest entry; returns the entry. Raises DataError."""
    source = _open(problem_set, options)
    train = problem_set.split == "train"
    read = _read(problem_set, source, options.first, dedup=options.dedup and train)
    problems = read.problems
    counts = {"read": read.rows, "distinct": len(problems)}
    if options.english_only:
        problems = [problem for problem in problems if not CHINESE.search(problem.text)]
        counts["english"] = len(problems)
    answers = _canonical(problems)
    report: dict[str, Any] = {"contradictory": read.contradictions()}
    report |= {"near_duplicates": [], "undecided": [], "contamination": []}
    if train and options.dedup:
        near = near_duplicates(problems, [answer.text for answer in answers])
        report["contradictory"] += near.contradictions
        report |= {"near_duplicates": near.groups, "undecided": near.undecided}
        problems, answers = [problems[i] for i in near.keep], [answers[i] for i in near.keep]
        counts["without_near_duplicates"] = len(problems) + len(near.undecided)
        counts["without_undecided"] = len(problems)
    found = {}
    if train:
        found, matches = _contamination(problems, answers, options)
        report["contamination"] = [{**asdict(match), "train": problems[match.train].id} for match in matches]
        if options.drop_contaminated:
            bad = {match.train for match in matches}
            clean = [i for i in range(len(problems)) if i not in bad]
            problems, answers = [problems[i] for i in clean], [answers[i] for i in clean]
            counts["without_contaminated"] = len(problems)
    if options.limit is not None:
        problems, answers = problems[: options.limit], answers[: options.limit]
    return _write(problem_set, options, problems, answers, source.facts, counts, found, report)


def _open(problem_set: ProblemSet, options: argparse.Namespace) -> Source:
    file = dict(options.input).get(problem_set.name)
    if file or options.raw:
        return open_local(problem_set, options.raw, Path(file) if file else None)
    return open_hub(problem_set, dict(options.revision).get(problem_set.name), options.mirror)


def _read(problem_set: ProblemSet, source: Source, first: int | None, dedup: bool) -> ExactDedup:
    read = ExactDedup(drop=dedup)
    bar = tqdm(source.rows, total=source.total, desc=problem_set.name, unit=" rows", disable=not sys.stderr.isatty())
    for number, row in enumerate(islice(bar, first)):
        try:
            problem = problem_set.parse(row, number)
        except DataError as error:
            where = source.facts.get("file") or source.facts.get("hub")
            raise DataError(f"{problem_set.name}, {where}, {error}") from error
        read.add(problem)
    source.rows.close()
    if not read.problems:
        raise DataError(f"{problem_set.name}: the input holds no rows")
    return read


def _canonical(problems: list[Problem]) -> list[Canonical]:
    return [canonical_answer(problem.answer, problem.unit, problem.is_list) for problem in problems]


def _contamination(
    problems: list[Problem], answers: list[Canonical], options: argparse.Namespace
) -> tuple[dict[str, Any], list[Match]]:
    """Counts per benchmark and the matches; a benchmark that is not at hand is named, unless it is needed."""
    benchmarks, missing = {}, []
    for name in BENCHMARKS:
        try:
            found = _read(SETS[name], _open(SETS[name], options), None, dedup=False).problems
        except DataError as error:
            if options.drop_contaminated:
                raise DataError(f"--drop-contaminated needs every benchmark: {error}") from error
            missing.append(name)
            logger.warning("contamination with %s is not checked: %s", name, error)
            continue
        benchmarks[name] = (found, [answer.text for answer in _canonical(found)])
    matches = contamination(problems, [answer.text for answer in answers], benchmarks)
    found = summary(matches, list(benchmarks))
    return {**found, **{name: "not checked" for name in missing}}, matches


def _write(
    problem_set: ProblemSet,
    options: argparse.Namespace,
    problems: list[Problem],
    answers: list[Canonical],
    source: dict[str, Any],
    counts: dict[str, int],
    contaminated: dict[str, Any],
    report: dict[str, Any],
) -> dict[str, Any]:
    template = TEMPLATES[options.template]
    is_hub = "hub" in source
    usual = problem_set.hub_rows if is_hub and problem_set.hub_rows else problem_set.rows
    target = options.out / f"{problem_set.name}.parquet"
    rows = [verl_row(p, a, problem_set, template) for p, a in zip(problems, answers, strict=True)]
    write_parquet(rows, target)
    kinds = Counter(answer.kind for answer in answers)
    entry = {
        "rows": len(problems),
        "counts": counts,
        "expected_distinct": usual if options.first is None else None,
        "output": {"file": target.name, "sha256": sha256(target)},
        "input": source,
        "origin": problem_set.hub if is_hub else problem_set.origin,
        "licence": problem_set.licence,
        "template": template.name,
        "first": options.first,
        "limit": options.limit,
        "answers": {kind: kinds[kind] for kind in KINDS if kinds[kind]},
        "answers_kept_as_they_are": [p.id for p, a in zip(problems, answers, strict=True) if a.kind == "raw"],
    }
    if problem_set.split == "train":
        report_file = options.out / f"{problem_set.name}.report.json"
        manifest.write_json(report_file, report)
        entry |= {
            "contradictory": len(report["contradictory"]),
            "undecided": len(report["undecided"]),
            "contamination": contaminated,
            "report": report_file.name,
        }
    manifest.update(options.out, problem_set.name, entry)
    _tell(problem_set, entry, target)
    return entry


def _tell(problem_set: ProblemSet, entry: dict[str, Any], target: Path) -> None:
    steps = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in entry["counts"].items())
    logger.info("%s: %d rows -> %s (%s)", problem_set.name, entry["rows"], target, steps)
    if entry["expected_distinct"] not in (None, entry["counts"]["distinct"]):
        logger.warning(
            "%s: %d distinct problems, the usual copy has %d; is this another version?",
            problem_set.name,
            entry["counts"]["distinct"],
            entry["expected_distinct"],
        )
    if entry["answers_kept_as_they_are"]:
        logger.info("  answers without a canonical form: %s", ", ".join(entry["answers_kept_as_they_are"]))
    if "contradictory" in entry:
        logger.info(
            "  contradictory answers: %d groups, %d of them dropped as undecided, see %s",
            entry["contradictory"],
            entry["undecided"],
            entry["report"],
        )
        for name, found in entry["contamination"].items():
            logger.info("  also in %s: %s", name, found)


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"expected a whole number above 0, got {text!r}")
    return int(text)


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or name not in SETS:
        raise argparse.ArgumentTypeError(f"expected SET=VALUE with SET one of {', '.join(SETS)}, got {text!r}")
    return name, value


if __name__ == "__main__":
    sys.exit(main())

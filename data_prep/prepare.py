# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Command: raw benchmark files to parquet in verl's schema.

python -m data_prep.prepare --raw ../shared/data/raw --out data/ --sets dapo_math_17k --limit 64
"""

from __future__ import annotations

import argparse
from pathlib import Path

from data_prep.problem import ProblemSet
from data_prep.registry import SETS
from data_prep.schema import verl_row, write_parquet
from data_prep.source import local_file, read_parquet
from data_prep.templates import TEMPLATES
from v05_verl.grading.canonical import canonical_answer


def main(argv: list[str] | None = None) -> None:
    arguments = parser().parse_args(argv)
    for name in arguments.sets:
        prepare(SETS[name], arguments)


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(prog="python -m data_prep.prepare", description=__doc__.partition("\n")[0])
    result.add_argument("--raw", type=Path, default=Path("../shared/data/raw"), help="folder with the raw files")
    result.add_argument("--out", type=Path, default=Path("data"), help="folder for the parquet files")
    result.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS), help="sets to prepare")
    result.add_argument("--limit", type=int, help="keep the first N rows of each set")
    result.add_argument("--template", choices=list(TEMPLATES), default="dapo", help="prompt template")
    return result


def prepare(problem_set: ProblemSet, arguments: argparse.Namespace) -> None:
    path = local_file(problem_set, arguments.raw)
    rows, seen = [], set()
    for number, row in enumerate(read_parquet(path, problem_set.columns)):
        problem = problem_set.parse(row, number)
        if problem.text in seen:
            continue
        seen.add(problem.text)
        canonical = canonical_answer(problem.answer, problem.unit, problem.is_list)
        rows.append(verl_row(problem, canonical, len(rows), problem_set, TEMPLATES[arguments.template]))
        if arguments.limit and len(rows) == arguments.limit:
            break
    target = arguments.out / f"{problem_set.name}.parquet"
    write_parquet(rows, target)
    print(f"{problem_set.name}: {len(rows)} rows -> {target}")


if __name__ == "__main__":
    main()

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Reads raw rows, from files or from the hub, a batch in memory at a time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from v05_verl.json_lines import json_objects

from .problem import COLUMNS, DataError, ProblemSet

BATCH_ROWS = 8192
SUFFIXES = (".parquet", ".jsonl", ".json", ".txt")


@dataclass(frozen=True)
class Source:
    """Where rows come from, as the manifest states it.

    Attributes:
        rows: the rows, read once; to be closed, so that ``facts`` is complete.
        total: their number where it is known without reading, for the progress bar.
        facts: what identifies the input: file and sha256, or repository and revision.
    """

    rows: Generator[dict[str, Any]]
    total: int | None
    facts: dict[str, Any]


def open_local(problem_set: ProblemSet, raw: Path, file: Path | None = None) -> Source:
    """The set's file below ``raw``, or ``file``; raises DataError where there is none or it cannot be read."""
    path = file or find_file(problem_set, raw)
    if not path.is_file():
        raise DataError(f"{problem_set.name}: {path} does not exist")
    facts = {"file": path.name if file else path.relative_to(raw).as_posix(), "sha256": sha256(path)}
    if path.suffix == ".parquet":
        rows, total = _parquet(path, problem_set)
    else:
        rows, total = _json_rows(path, problem_set), None
    return Source(rows, total, facts)


def find_file(problem_set: ProblemSet, raw: Path) -> Path:
    """The set's usual file, or the only data file in its folder."""
    folder = raw / problem_set.name
    if (folder / problem_set.file).is_file():
        return folder / problem_set.file
    files = sorted(path for path in folder.glob("*") if path.suffix in SUFFIXES) if folder.is_dir() else []
    if len(files) == 1:
        return files[0]
    found = f"it holds {', '.join(path.name for path in files)}" if files else "there is none"
    raise DataError(
        f"{problem_set.name}: expected {folder / problem_set.file} or one data file in that folder, {found}; correct "
        f"--raw, name the file with --input {problem_set.name}=FILE, or leave out --raw to read the hub"
    )


def open_hub(problem_set: ProblemSet, revision: str | None = None, mirror: Path | None = None) -> Source:
    """The set from the Hugging Face hub, or from ``mirror``, a folder of snapshots named owner/name.

    Rows are streamed; ``revision`` replaces the pinned commit.
    """
    from datasets import load_dataset

    where, options, pinned = problem_set.hub, {}, None
    if mirror:
        where = str(mirror / problem_set.hub)
        if not Path(where).is_dir():
            raise DataError(
                f"{problem_set.name}: no snapshot at {where}; fetch {problem_set.hub} there or leave out --mirror"
            )
    else:
        pinned = options["revision"] = revision or problem_set.revision
    try:
        dataset = load_dataset(where, split=problem_set.hub_split, streaming=True, **options)
    except (OSError, ValueError) as error:
        raise DataError(
            f"{problem_set.name}: {problem_set.hub} cannot be loaded ({error}); is there a network? Files at hand are "
            f"read with --raw or --input"
        ) from error
    digest = hashlib.sha256()
    facts: dict[str, Any] = {"hub": problem_set.hub, "split": problem_set.hub_split, "revision": pinned}
    return Source(_hashed(_from_hub(dataset, problem_set, where), digest, facts), None, facts)


def sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _from_hub(dataset: Any, problem_set: ProblemSet, where: str) -> Iterator[dict[str, Any]]:
    rows = iter(dataset)
    for number in count():
        try:
            row = next(rows, None)
        except Exception as error:  # of the hub's client, the network, or the file's format
            raise DataError(
                f"{where} breaks off at row {number} ({error}); try again, or read files at hand"
            ) from error
        if row is None:
            return
        if number == 0:
            problem_set.check_columns(row, where)
        yield row


def _hashed(rows: Iterator[dict], digest: Any, facts: dict[str, Any]) -> Iterator[dict]:
    """Passes rows through; ``facts`` gets the hash of what was read, also where reading ends before the last row."""
    try:
        for row in rows:
            digest.update(json.dumps(row, sort_keys=True, ensure_ascii=False, default=str).encode())
            yield row
    finally:
        facts["sha256_of_rows"] = digest.hexdigest()


def _parquet(path: Path, problem_set: ProblemSet) -> tuple[Iterator[dict[str, Any]], int]:
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(
            f"{path} is not a readable parquet file ({error}); it may be truncated, fetch it again"
        ) from error
    names = file.schema_arrow.names
    problem_set.check_columns(names, str(path))
    return _batches(file, [name for name in names if name in COLUMNS], path), file.metadata.num_rows


def _batches(file: pq.ParquetFile, columns: list[str], path: Path) -> Iterator[dict[str, Any]]:
    try:
        for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=columns):
            yield from batch.to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} breaks off while it is read ({error}); fetch it again") from error


def _json_rows(path: Path, problem_set: ProblemSet) -> Iterator[dict[str, Any]]:
    for where, row in json_objects(path):
        problem_set.check_columns(row, f"{where},")
        yield row

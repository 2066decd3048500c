# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Reads raw files row by row in bounded memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from data_prep.problem import DataError, ProblemSet

BATCH_ROWS = 8192


def local_file(problem_set: ProblemSet, raw: Path) -> Path:
    """The set's file below ``raw``; raises DataError naming the places that were looked at."""
    for candidate in problem_set.local:
        if (raw / candidate).is_file():
            return raw / candidate
    looked = ", ".join(str(raw / candidate) for candidate in problem_set.local)
    raise DataError(f"{problem_set.name}: no raw file found; looked at {looked}. Set --raw, or use --hub")


def read_parquet(path: Path, columns: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Rows of a parquet file, ``BATCH_ROWS`` in memory at a time; raises DataError for a broken file or columns."""
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"{path} is not a readable parquet file ({error}); it may be truncated, fetch it again") from error
    missing = [column for column in columns if column not in file.schema_arrow.names]
    if missing:
        raise DataError(f"{path} lacks column(s) {', '.join(missing)}; it has {', '.join(file.schema_arrow.names)}")
    wanted = [name for name in file.schema_arrow.names if name in {*columns, "extra_info"}]
    for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=wanted):
        yield from batch.to_pylist()


def sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""verl's row schema, and parquet files that are the same bytes for the same rows."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from v05_verl.grading.canonical import Canonical
from v05_verl.prompt_text import Template

from .problem import Problem, ProblemSet

# One schema for all sets: verl concatenates its files, which needs equal column types.
SCHEMA = pa.schema(
    [
        ("data_source", pa.string()),
        ("prompt", pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))),
        ("ability", pa.string()),
        ("reward_model", pa.struct([("style", pa.string()), ("ground_truth", pa.string())])),
        (
            "extra_info",
            pa.struct(
                [
                    ("split", pa.string()),
                    ("index", pa.int64()),
                    ("id", pa.string()),
                    ("problem", pa.string()),
                    ("answer", pa.string()),
                    ("unit", pa.string()),
                    ("tolerance", pa.float64()),
                    ("is_list", pa.bool_()),
                ]
            ),
        ),
    ]
)


def verl_row(problem: Problem, canonical: Canonical, problem_set: ProblemSet, template: Template) -> dict[str, Any]:
    """The row of ``problem`` in verl's schema; ``extra_info.answer`` keeps the source's own answer."""
    return {
        "data_source": problem_set.name,
        "prompt": [{"role": "user", "content": template.apply(problem.text)}],
        "ability": "math",
        "reward_model": {"style": "rule", "ground_truth": canonical.text},
        "extra_info": {
            "split": problem_set.split,
            "index": problem.row,
            "id": problem.id,
            "problem": problem.text,
            "answer": problem.answer,
            "unit": canonical.unit,
            "tolerance": problem.tolerance,
            "is_list": canonical.is_list,
        },
    }


def write_parquet(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Write ``rows`` to ``path`` through ``SCHEMA``; a reader never sees a half-written file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    table = pa.Table.from_pylist(list(rows), schema=SCHEMA)
    pq.write_table(table, partial, compression="zstd", version="2.6", row_group_size=4096)
    os.replace(partial, path)

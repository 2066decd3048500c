# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""What every set is reduced to, and what a set has to say about itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal


class DataError(ValueError):
    """Input that cannot be prepared; the sentence names the file, the row and what to do."""


@dataclass(frozen=True)
class Problem:
    """One problem, before a template is applied.

    Attributes:
        text: the problem as its source words it, without template, outer white space removed.
        answer: the answer as the source writes it (a float of 27.0 becomes "27.0").
        id: the source's own id, or its row number, as a string.
        unit: the unit that the source states, "" where it states none.
        tolerance: absolute tolerance that the source states, None where it states none.
        is_list: the source says that the answer consists of several, in any order.
    """

    text: str
    answer: str
    id: str
    unit: str = ""
    tolerance: float | None = None
    is_list: bool = False


@dataclass(frozen=True)
class HubSource:
    """A data set on the Hugging Face hub, pinned to one commit.

    Attributes:
        repo: "owner/name".
        revision: commit hash; None where the project has not been able to pin one, see ``data_prep.source``.
        split: split to read.
        config: configuration name, None for the default one.
        rename: the hub's column -> the column that ``ProblemSet.parse`` reads.
    """

    repo: str
    revision: str | None
    split: str
    config: str | None = None
    rename: Mapping[str, str] | None = None


@dataclass(frozen=True)
class ProblemSet:
    """A set: where it lies, under which licence, and how one of its rows is read.

    Attributes:
        name: name of the set, of its output file and ``data_source`` of its rows.
        local: candidate paths below ``--raw``; the first that exists is read.
        columns: columns that a row must have.
        parse: (row, row number) -> Problem; raises DataError.
    """

    name: str
    split: Literal["train", "test"]
    local: tuple[str, ...]
    hub: HubSource
    origin: str
    licence: str
    columns: tuple[str, ...]
    parse: Callable[[Mapping[str, Any], int], Problem]


def required_text(row: Mapping[str, Any], column: str, row_number: int) -> str:
    """``row[column]`` as text without outer white space; raises DataError where it is missing or empty."""
    value = row.get(column)
    if not isinstance(value, str) or not value.strip():
        raise DataError(f"row {row_number}: {column} is {_shown(value)}; a problem and an answer are needed in each row")
    return value.strip()


def only_one(values: Iterable[Any], what: str, row_number: int) -> Any:
    """The single element of ``values``; raises DataError where there are none or several."""
    values = list(values)
    if len(values) != 1:
        shown = ", ".join(_shown(value) for value in values[:4])
        raise DataError(f"row {row_number}: expected one {what}, found {len(values)} ({shown}); correct or drop the row")
    return values[0]


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."

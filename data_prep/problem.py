# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""What every set is reduced to, and what a set has to say about itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from v05_verl.json_lines import DataError
from v05_verl.pins import HUB_REVISIONS
from v05_verl.prompt_text import strip_template

Row = Mapping[str, Any]

# Names that sources and their mirrors use for one column.
PROBLEM = ("problem", "question", "Problem", "Question", "prompt")
ANSWER = ("answer", "expected_answer", "Answer", "final_answer", "ground_truth", "reward_model")
ID = ("unique_id", "id", "ID", "idx", "index")
COLUMNS = frozenset(
    {*PROBLEM, *ANSWER, *ID, "extra_info", "solution", "unit", "error", "is_multiple_answer"}
)  # all that are read


@dataclass(frozen=True)
class Problem:
    """One problem, before a template is applied.

    Attributes:
        text: the problem without template and outer white space.
        answer: the answer as the source writes it (a float of 27.0 becomes "27.0").
        id: the source's own id, or its row number, as a string.
        row: number of the row in the source, from 0; ``extra_info.index``, whatever is dropped later.
        verbatim: the problem with the white space that the source has; what "exact duplicate" refers to.
        unit: the unit that the source states, "" where it states none.
        tolerance: absolute tolerance that the source states, None where it states none.
        is_list: the source says that the answer consists of several, in any order.
    """

    text: str
    answer: str
    id: str
    row: int
    verbatim: str = ""
    unit: str = ""
    tolerance: float | None = None
    is_list: bool = False


def plain_problem(row: Row, row_number: int, answer: Any = None, **more: Any) -> Problem:
    """A Problem from the columns that sources and their mirrors use.

    A prompt in verl's schema (a list of messages) gives its user message, without a known template.

    Args:
        row: the row.
        row_number: its number in the source, from 0.
        answer: its answer, where it stands in none of the usual columns.
        more: other fields of Problem.
    """
    text = first_of(row, *PROBLEM)
    if isinstance(text, (list, tuple)):
        text = _user_message(text, row_number)
    verbatim = strip_template(required_text(text, "the problem", row_number))
    identity = first_of(row, *ID)
    if identity is None:
        identity = (row.get("extra_info") or {}).get("index", row_number)
    return Problem(
        text=required_text(verbatim, "the problem inside its template", row_number).strip(),
        answer=_answer_text(_answer(row) if answer is None else answer, row_number),
        id=str(identity),
        row=row_number,
        verbatim=verbatim,
        **more,
    )


@dataclass(frozen=True)
class ProblemSet:
    """A set: where it lies, under which licence, and how one of its rows is read.

    Attributes:
        name: name of the set, of its output file, of its folder below ``--raw`` and ``data_source`` of its rows.
        rows: number of problems that it should have, duplicates counted once.
        file: its usual file below ``--raw/name``; another single file there is read as well.
        origin: where that file comes from.
        licence: of that file.
        hub: its repository on the Hugging Face hub, "owner/name".
        split: "train" or "test", as in ``extra_info``.
        hub_split: split to read on the hub.
        hub_rows: number of problems on the hub, where it differs from ``rows``.
        required: columns that a row needs, each with all of its names.
        parse: (row, row number) -> Problem; raises DataError.
    """

    name: str
    rows: int
    file: str
    origin: str
    licence: str
    hub: str
    split: Literal["train", "test"] = "test"
    hub_split: str = "test"
    hub_rows: int | None = None
    required: tuple[tuple[str, ...], ...] = (PROBLEM, ANSWER)
    parse: Callable[[Row, int], Problem] = plain_problem

    @property
    def revision(self) -> str:
        """The pinned commit on the hub."""
        return HUB_REVISIONS[self.hub]

    def check_columns(self, names: Iterable[str], where: str) -> None:
        """Raises DataError where one of ``required`` is not among ``names``."""
        for group in self.required:
            if not set(group) & set(names):
                wanted = group[0] if len(group) == 1 else f"one of {', '.join(group)}"
                raise DataError(f"{where} lacks a column ({wanted}); it has {', '.join(names) or 'none'}")


def first_of(row: Row, *columns: str) -> Any:
    """Value of the first of ``columns`` that the row has."""
    return next((row[column] for column in columns if row.get(column) is not None), None)


def required_text(value: Any, what: str, row_number: int) -> str:
    """``value`` as it is; raises DataError where it is no text, is blank or holds a NUL byte."""
    if not isinstance(value, str) or not value.strip():
        raise DataError(f"row {row_number}: {what} is {_shown(value)}; each row needs one, correct or drop the row")
    if "\x00" in value:
        raise DataError(f"row {row_number}: {what} holds a NUL byte; the file is damaged or no text")
    return value


def only_one(values: Iterable[Any], what: str, row_number: int) -> Any:
    """The single element of ``values``; raises DataError where there are none or several."""
    values = list(values)
    if len(values) != 1:
        shown = ", ".join(_shown(value) for value in values[:4])
        raise DataError(
            f"row {row_number}: expected one {what}, found {len(values)} ({shown}); correct or drop the row"
        )
    return values[0]


def _answer(row: Row) -> Any:
    value = first_of(row, *ANSWER)
    return value.get("ground_truth") if isinstance(value, Mapping) else value


def _answer_text(value: Any, row_number: int) -> str:
    """An answer as text: strings and numbers as they are, a list of one as its element."""
    if isinstance(value, (list, tuple)):
        value = only_one(value, "answer", row_number)
    if isinstance(value, bool) or (isinstance(value, float) and not math.isfinite(value)):
        raise DataError(f"row {row_number}: the answer is {value}; each row needs an answer, correct or drop the row")
    if isinstance(value, (int, float)):
        value = repr(value)
    return required_text(value, "the answer", row_number).strip()


def _user_message(messages: Iterable[Any], row_number: int) -> Any:
    if not all(isinstance(message, Mapping) for message in messages):
        raise DataError(f"row {row_number}: prompt is a list of something else than messages")
    user = [message for message in messages if message.get("role") == "user"]
    return only_one(user, "user message in prompt", row_number).get("content")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."

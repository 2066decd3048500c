# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Gold answers in one canonical spelling, made once when the data are prepared."""

from __future__ import annotations

import re
from dataclasses import dataclass

from v05_verl.grading import syntax, units
from v05_verl.grading.latex import normalise, unwrap_text
from v05_verl.grading.numbers import parse_number
from v05_verl.grading.structure import Answer, structure

KINDS = (
    "integer",
    "number",
    "expression",
    "equation",
    "list",
    "tuple",
    "set",
    "union",
    "matrix",
    "base",
    "words",
    "raw",
)

_BASE = re.compile(r"([0-9A-Z]+)_\{?(\w+)\}?")
_SCIENTIFIC = re.compile(r"([+-]?\d+(?:\.\d*)?)[eE]([+-]?\d+)")
_WORDS = re.compile(r"\(?[A-Za-z][A-Za-z' -]*\)?")


@dataclass(frozen=True)
class Canonical:
    """A gold answer in canonical spelling.

    Attributes:
        text: the spelling; what ``kind`` "raw" could not read is the source's own, without outer white space.
        kind: one of ``KINDS``.
        unit: the unit that was taken off, or that the source states; "" where there is none.
        is_list: several answers in any order.
    """

    text: str
    kind: str
    unit: str = ""
    is_list: bool = False


def canonical_answer(answer: str, unit: str = "", is_list: bool = False) -> Canonical:
    """The canonical spelling of ``answer``; grading it against ``answer`` gives "equal".

    Integers lose padding ("025"), decimal zeros ("27.0") and thousands separators; decimals keep their digits, which
    may be significant, and gain a leading zero; 4.5e33 becomes 4.5 \\times 10^{33}, 52_8 becomes 52_{8}; the parts of
    lists, tuples, intervals and sets are parted by ", ", matrices become pmatrix; units, degree and percent signs go to
    ``unit``, dollar signs are taken off; words stand in \\text{}.
    """
    text = normalise(answer)
    try:
        tree = structure(text, split_commas=is_list or parse_number(text) is None)
    except ValueError:
        return Canonical(answer.strip(), "raw", unit, is_list)
    if tree.kind == "list" and r"\pm" in text and not is_list:
        is_list = True
    if tree.kind != "leaf":
        spelled = _spelled(tree)
        kind = tree.kind if spelled is not None else "raw"
        return Canonical(spelled or answer.strip(), kind, unit, is_list or tree.kind == "list")
    spelled, kind, found_unit = _leaf(tree)
    return Canonical(spelled or answer.strip(), kind, unit or found_unit, is_list)


def _spelled(answer: Answer) -> str | None:
    """Spelling of a compound answer; None where one of its leaves is unreadable."""
    if answer.kind == "leaf":
        return _leaf(answer)[0]
    if answer.kind == "matrix":
        rows = [[_spelled(cell) for cell in row.parts] for row in answer.parts]
        if any(cell is None for row in rows for cell in row):
            return None
        body = r" \\ ".join(" & ".join(row) for row in rows)
        return rf"\begin{{pmatrix}} {body} \end{{pmatrix}}"
    parts = [_spelled(part) for part in answer.parts]
    if any(part is None for part in parts):
        return None
    if answer.kind == "union":
        return r" \cup ".join(parts)
    joined = ", ".join(parts)
    if answer.kind == "set":
        return rf"\{{{joined}\}}"
    return answer.fences[:1] + joined + answer.fences[1:]


def _leaf(answer: Answer) -> tuple[str | None, str, str]:
    """(spelling or None, kind, unit) of a leaf."""
    text, unit = units.split_unit(answer.text)
    prefix = f"{answer.name} = " if answer.name else ""
    number = parse_number(text)
    if number is not None:
        spelled = _number(text)
        kind = "integer" if re.fullmatch(r"-?\d+", spelled) else "number"
        return prefix + spelled, kind, unit
    base = _BASE.fullmatch(text)
    if base and base[1].isalnum() and not base[1].isalpha():
        return f"{base[1]}_{{{base[2]}}}", "base", unit
    words = unwrap_text(answer.text)
    if r"\text" in answer.text and _WORDS.fullmatch(words):
        return rf"\text{{{words}}}", "words", ""
    if text.count("=") == 1 and all(_readable(side) for side in text.split("=")):
        return prefix + text, "equation", unit
    if text in (r"\infty", r"-\infty", r"+\infty") or _readable(text):
        return prefix + text, "expression", unit
    return None, "raw", ""


def _number(text: str) -> str:
    """Without padding, separators and needless signs; a decimal keeps its digits unless they are all zeros."""
    text = text.replace(" ", "") if r"\t" not in text else text
    scientific = _SCIENTIFIC.fullmatch(text)
    if scientific:
        return rf"{scientific[1]} \times 10^{{{int(scientific[2])}}}"
    plain = re.fullmatch(r"([+-]?)([\d,]*)(?:\.(\d*))?", text)
    if not plain:
        return text.replace("./", "/")
    sign = "-" if plain[1] == "-" else ""
    whole = plain[2].replace(",", "").lstrip("0") or "0"
    decimals = plain[3] if (plain[3] or "").strip("0") else ""
    return f"{sign}{whole}.{decimals}" if decimals else f"{sign}{whole}" if whole != "0" else "0"


def _readable(text: str) -> bool:
    try:
        syntax.parse(text)
    except (syntax.ParseError, RecursionError):
        return False
    return True

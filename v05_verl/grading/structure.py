# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Splits an answer into its parts: lists, tuples, intervals, unions, sets, matrices, equations; the rest are leaves."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

MAX_PARTS = 64

Kind = Literal["leaf", "list", "tuple", "set", "union", "matrix"]


@dataclass(frozen=True)
class Answer:
    """One answer.

    Attributes:
        kind: "list" and "set" are in any order, "tuple" is ordered (an interval is one), "matrix" holds its rows as
            tuples, "leaf" is not taken apart.
        text: the text of a leaf.
        name: the left-hand side of a leaf like x = 5, "" where there is none.
        fences: the brackets of a tuple, as "[)".
        parts: the parts, in order.
    """

    kind: Kind
    text: str = ""
    name: str = ""
    fences: str = ""
    parts: tuple[Answer, ...] = field(default=())


_OPEN, _CLOSE = "([{", ")]}"
_MATRIX = re.compile(
    r"\\begin\{(?:[pbBvV]?matrix|smallmatrix|array)\}(?:\{[lcr|]*\})?(.*)\\end\{(?:[pbBvV]?matrix|smallmatrix|array)\}"
)
_NAME = r"[a-zA-Z](?:_(?:\w|\{[^{}]*\}))?'*"
_RATE = rf"\\frac\{{d\s?{_NAME}\}}\{{d\s?[a-zA-Z]\}}|\\d?dot\s?\{{?{_NAME}\}}?"
_COMMAND = r"\\[a-zA-Z]+(?:_(?:\w|\{[^{}]*\}))?"
_LEFT_SIDE = re.compile(rf"({_NAME}|{_COMMAND}|{_RATE}|{_NAME}\s?\([a-zA-Z](?:,\s?[a-zA-Z])*\))\s?=")
_MEMBER = re.compile(rf"(?:{_NAME}|\\[a-zA-Z]+)\s?\\in\s?(?=.)")
_ODD_MEMBER = re.compile(r"[a-z](?=\(.*\]$|\[.*\)$|\[.*\]$)")  # "t(0,4]", as one gold writes t in (0,4]
_JOIN = re.compile(r"\s?(?:,|;|\\text\s?\{\s?,?\s?(?:and|or)\s?\}|,?\s(?:and|or)\s|\\(?:land|lor|wedge|vee)\b)\s?")
_UNION = re.compile(r"\s?\\cup\s?")
_RELATION = re.compile(r"\s?(\\(?:le|ge|lt|gt)(?![a-zA-Z])|<=|>=|<|>)\s?")
_FLIP = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
_PLAIN = {r"\le": "<=", r"\ge": ">=", r"\lt": "<", r"\gt": ">"}
_SYMBOL = re.compile(rf"{_NAME}|\\(?:theta|alpha|beta|lambda|mu|phi|omega)")
_PLUS_MINUS = re.compile(r"\\pm(?![a-zA-Z])|\\mp(?![a-zA-Z])")


def structure(text: str, split_commas: bool = True) -> Answer:
    """The parts of ``text``, a normalised answer.

    Args:
        text: see ``latex.normalise``.
        split_commas: whether "1,000" is a list of 1 and 000; outside brackets only, and where a space follows the
            comma it always is one.
    """
    text = _MEMBER.sub("", text.strip(), count=1) if r"\in" in text else text.strip()
    if _ODD_MEMBER.match(text):
        text = text[1:]
    pieces = split(text, _JOIN, thousands=not split_commas)
    if len(pieces) > 1:
        return Answer("list", parts=_flat([structure(piece, split_commas) for piece in pieces], "list"))
    pieces = split(text, _UNION)
    if len(pieces) > 1:
        return Answer("union", parts=_flat([structure(piece, True) for piece in pieces], "union"))
    return _matrix(text) or _bracketed(text) or _interval(text) or _leaf(text)


def split(text: str, pattern: re.Pattern, thousands: bool = False) -> list[str]:
    """``text`` cut at the matches of ``pattern`` outside all brackets; with ``thousands`` not inside "10,080"."""
    pieces, start, depth, position = [], 0, 0, 0
    while position < len(text):
        match = pattern.match(text, position) if depth == 0 else None
        if match and match.end() > position and not (thousands and _is_thousands_comma(text, match)):
            pieces.append(text[start : match.start()])
            start = position = match.end()
            continue
        if text.startswith(r"\begin{", position):
            end = text.find(r"\end{", position)
            position = end if end > 0 else position
        step = 2 if text[position] == "\\" and position + 1 < len(text) and text[position + 1] in "{}\\|" else 1
        character = text[position + step - 1]
        depth += (character in _OPEN) - (character in _CLOSE)
        depth = max(depth, 0)
        position += step
    pieces = [piece.strip() for piece in [*pieces, text[start:]]]
    return pieces if len(pieces) == 1 else [piece for piece in pieces if piece]


def _is_thousands_comma(text: str, match: re.Match) -> bool:
    digits_after = re.match(r"\d{3}(?!\d)", text[match.end() : match.end() + 4])
    return match[0] == "," and text[match.start() - 1 : match.start()].isdigit() and digits_after is not None


def _flat(parts: list[Answer], kind: str) -> tuple[Answer, ...]:
    flat = [inner for part in parts for inner in (part.parts if part.kind == kind else (part,))]
    if len(flat) > MAX_PARTS:
        raise ValueError(f"more than {MAX_PARTS} parts")
    return tuple(flat)


def _matrix(text: str) -> Answer | None:
    match = _MATRIX.fullmatch(text)
    if not match or r"\begin" in match[1]:
        return None
    rows = [row.strip() for row in re.split(r"\\\\|\\cr(?![a-z])", match[1]) if row.strip()]
    cells = [[structure(cell, False) for cell in row.split("&")] for row in rows]
    return Answer("matrix", parts=tuple(Answer("tuple", parts=tuple(row)) for row in cells))


def _bracketed(text: str) -> Answer | None:
    """A set, tuple, interval, or a leaf in superfluous brackets."""
    if text.startswith(r"\{") and text.endswith(r"\}"):
        inner = text[2:-2]
        if _closes_at_end(text.replace(r"\{", "(").replace(r"\}", ")")):
            return Answer(
                "set", parts=_flat([structure(p, True) for p in split(inner, _JOIN)] if inner else [], "list")
            )
    if len(text) < 2 or text[0] not in "([{" or text[-1] not in ")]}" or not _closes_at_end(text):
        return None
    parts = split(text[1:-1], _JOIN)
    if len(parts) > 1:
        if text[0] == "{":  # a set whose braces lost their backslash
            return Answer("set", parts=_flat([structure(part, True) for part in parts], "list"))
        return Answer("tuple", fences=text[0] + text[-1], parts=tuple(structure(part, True) for part in parts))
    if text[0] == "{" or (text[0] == "(" and text[-1] == ")"):
        return structure(text[1:-1], False)
    return None


def _closes_at_end(text: str) -> bool:
    """Whether the first bracket is closed by the last character; "(a)(b)" is not."""
    depth = 0
    for position, character in enumerate(text):
        depth += (character in _OPEN) - (character in _CLOSE)
        if depth == 0:
            return position == len(text) - 1
    return False


def _interval(text: str) -> Answer | None:
    """x > 2, 1 < x <= 3, 2 >= x as the interval that they describe."""
    pieces = _RELATION.split(text)
    relations = [_PLAIN.get(relation, relation) for relation in pieces[1::2]]
    sides = [piece.strip() for piece in pieces[::2]]
    if len(relations) == 2 and _SYMBOL.fullmatch(sides[1]) and len({relation[0] for relation in relations}) == 1:
        if relations[0][0] == ">":
            sides, relations = sides[::-1], [_FLIP[relation] for relation in relations[::-1]]
        fences = ("[" if relations[0] == "<=" else "(") + ("]" if relations[1] == "<=" else ")")
        return _ends(fences, sides[0], sides[2])
    if len(relations) != 1 or not all(sides):
        return None
    relation, (left, right) = relations[0], sides
    if not _SYMBOL.fullmatch(left):
        left, right, relation = right, left, _FLIP[relation]
    if not _SYMBOL.fullmatch(left) or _SYMBOL.fullmatch(right):
        return None
    if relation[0] == ">":
        return _ends("[)" if relation == ">=" else "()", right, r"\infty")
    return _ends("(]" if relation == "<=" else "()", r"-\infty", right)


def _ends(fences: str, low: str, high: str) -> Answer:
    return Answer("tuple", fences=fences, parts=(_leaf(low), _leaf(high)))


def _leaf(text: str) -> Answer:
    """A leaf; one with plus-minus becomes the list of its two values."""
    match = _LEFT_SIDE.match(text)
    name, body = (match[1].strip(), text[match.end() :].strip()) if match else ("", text)
    if match and not body:
        name, body = "", text
    if name and (pieces := split(body, _JOIN)) and (len(pieces) > 1 or body.startswith((r"\{", r"\begin", "("))):
        inner = structure(body, False)
        if inner.kind != "leaf":
            return inner
    if _PLUS_MINUS.search(body):
        upper = body.replace(r"\pm", "+").replace(r"\mp", "-")
        lower = body.replace(r"\pm", "-").replace(r"\mp", "+")
        return Answer("list", parts=(Answer("leaf", upper, name), Answer("leaf", lower, name)))
    return Answer("leaf", body, name)

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Splits an answer into its parts: lists, tuples, intervals, unions, sets, matrices, equations; the rest are leaves."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
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
        name: the left-hand side of a leaf like x = 5, what an interval like 0 < f(x) < 1 bounds; "" where none stands.
        fences: the brackets of a tuple, as "[)".
        parts: the parts, in order.
    """

    kind: Kind
    text: str = ""
    name: str = ""
    fences: str = ""
    parts: tuple[Answer, ...] = field(default=())


_OPEN, _CLOSE = "([{", ")]}"
_INDEX = r"(?:_(?:\w|\{[^{}]*\}))?"
_VARIABLE = rf"(?:[a-zA-Z]{_INDEX}'*|\\(?!(?:pi|infty|emptyset)(?![a-zA-Z]))[a-zA-Z]+{_INDEX})"
_CAPITALS = rf"(?:\\(?:angle|triangle|overline|vec|hat)\s?)?\{{?[A-Z]+{_INDEX}'*\}}?"  # AB, \angle ABC, S_{MBCN}
_NAME = "|".join(
    (
        _VARIABLE,
        rf"[a-zA-Z]{_INDEX}'*(?:\^\{{?-1\}}?)?\s?\([^()=<>]*\)",  # f(x), P(A)
        rf"\\frac\{{d\s?{_VARIABLE}\}}\{{d\s?[a-zA-Z]\}}|\\d?dot\s?\{{?{_VARIABLE}\}}?",  # rates
        r"[a-zA-Z]\d|\\(?:vec|hat|bar|overline|overrightarrow)\s?\{[^{}=]*\}",  # x1, \vec{v}
    )
)
_NAME_OF_VALUE = "|".join(  # names only where a number or formula follows: AB = CD is an equation
    (
        rf"\|?{_CAPITALS}\|?|\\frac\{{{_CAPITALS}\}}\{{{_CAPITALS}\}}|{_CAPITALS}\s?[:/]\s?{_CAPITALS}",  # geometry
        r"[a-zA-Z]{3,}(?: [a-zA-Z]+){0,3}|\\text\s?\{[^{}]*\}",  # words
    )
)
_ABOUT = r"(?:\\(?:approx|simeq|sim|doteq)(?![a-zA-Z])|~=)"
_EQUALS = rf"\s?(?:=|{_ABOUT})\s?"
_VAGUELY = re.compile(
    rf"^(?:{_ABOUT}|[~=]|(?:\\text\s?\{{\s?)?(?:about|approx|approximately|around|roughly|exactly|precisely|therefore|thus"
    r"|just|simply|equal to)\b\.?(?:\s?\})?)\s?(?=[-+.\d\\])",
    re.IGNORECASE,
)
_LEFT_NAME = re.compile(rf"(?:({_NAME}){_EQUALS}(?=.)|({_NAME_OF_VALUE}){_EQUALS}(?=[-+.|\d\\(\[]))")
_RIGHT_NAME = re.compile(
    rf"(.*[^\s]){_EQUALS}({_VARIABLE}|{_VARIABLE}\([a-z]\))|([-+.\d\\][^=]*\S){_EQUALS}({_NAME}|{_NAME_OF_VALUE})"
)
_NAMES_OF_TUPLE = re.compile(rf"\(\s?({_VARIABLE}(?:\s?,\s?{_VARIABLE})+)\s?\)\s?(?:=|\\in(?![a-zA-Z]))\s?(?=.)")
_POINT = re.compile(r"(?:[A-Z](?:_\w|')?\s?:?\s?|Matrix|array|np\.array)(?=\((?:[^()]*,[^()]*|\[.*\])\)$)")  # P(3, 4)
_MEMBER = re.compile(rf"(?:{_VARIABLE})\s?\\in(?![a-zA-Z])\s?(?=.)")
_ODD_MEMBER = re.compile(r"[a-z](?=\(.*,.*\]$|\[.*,.*\)$|\[.*,.*\]$)")  # "t(0,4]", as one gold writes t in (0,4]
_JOIN = re.compile(
    r"\s?(?:,|;|\\text\s?\{\s?,?\s?(?:and|or)\s?\}|,?\s(?:and|or)\s|(?<=[)\]}])(?:and|or)(?=[(\[\\])"
    r"|\\(?:land|lor|wedge|vee)\b|\s\\?&\s)\s?"
)
_LEADING_JOIN = re.compile(r"^(?:\\text\s?\{\s?(?:and|or)\s?\}|(?:and|or)\s)\s?")
_UNION = re.compile(r"\s?\\cup(?![a-zA-Z])\s?|(?<=[)\]}])\s?U\s?(?=[(\[{\\])")
_DOMAIN = re.compile(
    r"(?<=\S)[\s,(]{1,4}(?:\\text\s?\{[^{}]*\}\s?|for |where )?[a-z]\s?\\in\s?"
    r"\\mathbb\s?\{?[ZNQRC]\}?(?:[_^]\{?\+\}?)?\)?$"
)
_BUILDER = re.compile(rf"\s?{_VARIABLE}(?:\s?\\in\s?\\mathbb\s?\{{?R\}}?)?\s?[|:]\s?(.+)")
_REALS = re.compile(r"\\mathbb\s?\{?R\}?|(?:\\text\s?\{)?all real numbers\}?")
_REALS_WITHOUT = re.compile(r"\\mathbb\s?\{?R\}?\s?(?:\\setminus|\\backslash|-|/)\s?\\\{([^{},]*)\\\}")
_MATRIX = re.compile(
    r"\\begin\{(?:[pbBvV]?matrix|smallmatrix|array)\}(?:\{[lcr|]*\})?(.*)\\end\{(?:[pbBvV]?matrix|smallmatrix|array)\}"
)
_SYSTEM = re.compile(
    r"\\begin\{(?:cases|aligned)\}(.*)\\end\{(?:cases|aligned)\}"
    r"|\\\{\s?\\begin\{(?:array|aligned|matrix)\}(?:\{[lcr|]*\})?(.*)\\end\{(?:array|aligned|matrix)\}"
)
_ROW_END = re.compile(r"\\\\(?:\[[^\]]*\])?|\\cr(?![a-z])")
_SCALED = re.compile(r"([^=,\[(]*\S)\s?(?:\\cdot|\\times)?\s?(\\begin\{[pb]matrix\}.*)")
_RELATION = re.compile(r"\s?(\\(?:le|ge|lt|gt|ne)(?![a-zA-Z])|<=|>=|!=|<|>)\s?")
_PLAIN = {r"\le": "<=", r"\ge": ">=", r"\lt": "<", r"\gt": ">", r"\ne": "!="}
_FLIP = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "!=": "!="}
_SYMBOL = re.compile(_VARIABLE)
_ABSOLUTE = re.compile(rf"\|\s?({_VARIABLE})\s?\|")
_HAS_VARIABLE = re.compile(
    r"(?<![a-zA-Z\\])[a-zA-Z]{1,2}(?![a-zA-Z])|\\(?:theta|alpha|beta|lambda|mu|phi|omega)(?![a-zA-Z])"
)
_CONSTANTS = re.compile(r"\\(?:infty|pi|sqrt|frac|text)(?![a-zA-Z])|(?<![a-zA-Z\\])[ei](?![a-zA-Z])")
_PLAIN_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_PLUS_MINUS = re.compile(r"\\pm(?![a-zA-Z])|\\mp(?![a-zA-Z])")


def structure(text: str, split_commas: bool = True) -> Answer:
    """The parts of ``text``, a normalised answer.

    Args:
        text: see ``latex.normalise``.
        split_commas: whether "1,000" is a list of 1 and 000; outside brackets only, and where a space follows the
            comma it always is one.
    """
    if _PLAIN_NUMBER.fullmatch(text):
        return Answer("leaf", text)
    text = _VAGUELY.sub("", text.strip())
    if r"\in" in text:
        text = _DOMAIN.sub("", text)
    named = _NAMES_OF_TUPLE.match(text)
    if named:
        return _with_names(structure(text[named.end() :]), re.split(r"\s?,\s?", named[1]))
    if r"\in" in text:
        text = _MEMBER.sub("", text, count=1)
    if _ODD_MEMBER.match(text):
        text = text[1:]
    pieces = split(text, _JOIN, thousands=not split_commas)
    if len(pieces) > 1:
        pieces = [_LEADING_JOIN.sub("", piece) for piece in pieces]
        return Answer("list", parts=_flat([structure(piece, split_commas) for piece in pieces], "list"))
    pieces = split(text, _UNION)
    if len(pieces) > 1:
        return Answer("union", parts=_flat([structure(piece, True) for piece in pieces], "union"))
    return _matrix(text) or _system(text) or _bracketed(text) or _interval(text) or _leaf(text)


def split(text: str, pattern: re.Pattern, thousands: bool = False) -> list[str]:
    """``text`` cut at the matches of ``pattern`` outside all brackets; with ``thousands`` not inside "10,080"."""
    if not pattern.search(text):
        return [text.strip()]
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


def _with_names(answer: Answer, names: list[str]) -> Answer:
    """(x, y) = (5, 8) names the parts 5 and 8; where it is a list or set of tuples, the parts of each."""
    if answer.kind in ("list", "set"):
        return replace(answer, parts=tuple(_with_names(part, names) for part in answer.parts))
    if answer.kind != "tuple" or len(answer.parts) != len(names):
        return answer
    return replace(answer, parts=tuple(replace(p, name=p.name or n) for p, n in zip(answer.parts, names, strict=True)))


def _rows(body: str) -> list[str]:
    return [row.strip() for row in _ROW_END.split(body) if row.strip()]


def _matrix(text: str) -> Answer | None:
    match = _MATRIX.fullmatch(text)
    scaled = _SCALED.fullmatch(text) if match is None else None
    if scaled:  # a number times a matrix
        match = _MATRIX.fullmatch(scaled[2])
    if not match or r"\begin" in match[1]:
        return None
    rows = [row.split("&") for row in _rows(match[1])]
    if scaled:
        rows = [[f"({scaled[1]})({cell})" for cell in row] for row in rows]
    cells = [[structure(cell, False) for cell in row] for row in rows]
    return Answer("matrix", parts=tuple(Answer("tuple", parts=tuple(row)) for row in cells))


def _system(text: str) -> Answer | None:
    """The equations of a system as a list; a function by cases is none."""
    match = _SYSTEM.fullmatch(text)
    body = (match[1] or match[2] or "").replace("&=", "=").replace("& =", "=").replace("=&", "=") if match else ""
    if not body or "&" in body or r"\begin" in body:
        return None
    if any(row.startswith("=") for row in _rows(body)[1:]):  # a computation over several lines
        return _leaf(" ".join(_rows(body)))
    return Answer("list", parts=_flat([structure(row.rstrip(",;. "), True) for row in _rows(body)], "list"))


def _bracketed(text: str) -> Answer | None:
    """A set, tuple, interval, or a leaf or matrix in superfluous brackets."""
    if text.startswith(r"\{") and text.endswith(r"\}"):
        inner = text[2:-2]
        if _closes_at_end(text.replace(r"\{", "(").replace(r"\}", ")")):
            builder = _BUILDER.fullmatch(inner)
            if builder:
                return structure(builder[1])
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
    inner = structure(text[1:-1], False)
    return inner if inner.kind == "matrix" else None


def _closes_at_end(text: str) -> bool:
    """Whether the first bracket is closed by the last character; "(a)(b)" is not."""
    depth = 0
    for position, character in enumerate(text):
        depth += (character in _OPEN) - (character in _CLOSE)
        if depth == 0:
            return position == len(text) - 1
    return False


def _interval(text: str) -> Answer | None:
    """x > 2, 1 < f(x) <= 3, 2 >= x as the interval that they describe, named by what it bounds; the reals."""
    if _REALS.fullmatch(text):
        return _ends("()", r"-\infty", r"\infty")
    without = _REALS_WITHOUT.fullmatch(text)
    if without:
        text = rf"x \ne {without[1]}"
    pieces = _RELATION.split(text)
    relations = [_PLAIN.get(relation, relation) for relation in pieces[1::2]]
    sides = [piece.strip() for piece in pieces[::2]]
    if len(relations) not in (1, 2) or not all(sides):
        return None
    if len(relations) == 2:
        if len({relation[0] for relation in relations}) > 1 or "!=" in relations or not _bounds(sides[1]):
            return None
        if relations[0][0] == ">":
            sides, relations = sides[::-1], [_FLIP[relation] for relation in relations[::-1]]
        fences = ("[" if relations[0] == "<=" else "(") + ("]" if relations[1] == "<=" else ")")
        return _ends(fences, sides[0], sides[2], sides[1])
    relation, (left, right) = relations[0], sides
    absolute = _ABSOLUTE.fullmatch(left)
    if absolute and relation[0] == "<":
        return _ends("[]" if relation == "<=" else "()", f"-({right})", right, absolute[1])
    if absolute and relation[0] == ">":
        return structure(rf"{absolute[1]} {relation} {right} \cup {absolute[1]} {_FLIP[relation]} -({right})")
    if _bounds(right) and (not _bounds(left) or (_SYMBOL.fullmatch(right) and not _SYMBOL.fullmatch(left))):
        left, right, relation = right, left, _FLIP[relation]
    if not _bounds(left) or (_bounds(right) and (_SYMBOL.fullmatch(right) or not _SYMBOL.fullmatch(left))):
        return None
    if relation == "!=":
        return Answer("union", parts=(_ends("()", r"-\infty", right, left), _ends("()", right, r"\infty", left)))
    if relation[0] == ">":
        return _ends("[)" if relation == ">=" else "()", right, r"\infty", left)
    return _ends("(]" if relation == "<=" else "()", r"-\infty", right, left)


def _bounds(text: str) -> bool:
    """Whether ``text`` holds a variable."""
    return _HAS_VARIABLE.search(_CONSTANTS.sub("", text)) is not None


def _ends(fences: str, low: str, high: str, name: str = "") -> Answer:
    return Answer("tuple", name=name, fences=fences, parts=(_leaf(low), _leaf(high)))


def _leaf(text: str) -> Answer:
    """A leaf; one with plus-minus becomes the list of its two values."""
    name, body = _named(_POINT.sub("", text, count=1))
    if body != text and (body.startswith(("\\{", r"\begin", "(", "[")) or len(split(body, _JOIN)) > 1):
        inner = structure(body, False)
        if inner.kind != "leaf":
            return inner
    if _PLUS_MINUS.search(body):
        upper = body.replace(r"\pm", "+").replace(r"\mp", "-")
        lower = body.replace(r"\pm", "-").replace(r"\mp", "+")
        return Answer("list", parts=(Answer("leaf", upper, name), Answer("leaf", lower, name)))
    return Answer("leaf", body, name)


def _named(text: str) -> tuple[str, str]:
    """("x", "5") of "x = 5", "x \\approx 5" and "5 = x"; ("", text) where there is no name."""
    match = _LEFT_NAME.match(text)
    if match:
        return (match[1] or match[2]).strip(), text[match.end() :].strip()
    match = _RIGHT_NAME.fullmatch(text) if text.count("=") == 1 else None
    return (match[2] or match[4], (match[1] or match[3]).strip()) if match else ("", text)

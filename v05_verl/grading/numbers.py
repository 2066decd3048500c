# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Exact numbers, as answers write them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

MAX_EXPONENT = 400  # |power of ten|; beyond it a number is left to the other paths
MAX_DIGITS = 400

_PLAIN = r"\d{1,3}(?:,\d{3})+(?:\.\d*)?|\d+(?:\.\d*)?|\.\d+"
_GROUPED = re.compile(r"[+-]?\d{1,3}(?: \d{3})+")  # 10 080
_SPACE = re.compile(r" (?!\d)|(?<!\d) ")
_DECIMAL = re.compile(rf"([+-]?)({_PLAIN})")
_SCIENTIFIC = re.compile(
    rf"([+-]?)(?:({_PLAIN})(?:[eE]|(?:\\times|\\cdot|\*|[xX])10(?:\^|\*\*))|10\^)(?:\{{([+-]?\d+)\}}|\(([+-]?\d+)\)|([+-]?\d+))"
)
_RATIO = re.compile(rf"([+-]?)(?:(\d+) )?\(?([+-]?)({_PLAIN})\)?/\(?([+-]?)({_PLAIN})\)?")  # 3/2, 1 1/2
_FRAC = re.compile(rf"(\d*)\\frac\{{([+-]?(?:{_PLAIN}))\}}\{{([+-]?(?:{_PLAIN}))\}}")


@dataclass(frozen=True)
class Number:
    """A rational number, and how many decimals it was written with (None: not written as a decimal)."""

    value: Fraction
    decimals: int | None = None


def parse_number(text: str) -> Number | None:
    """The number that ``text`` (normalised, without spaces) writes out, None where it is something else.

    Integers, decimals, thousands separators, a/b and \\frac{a}{b}, mixed numbers, scientific notation. The value is
    exact: "0.1" is 1/10. "1/0" is no number.
    """
    if not text or len(text) > MAX_DIGITS:
        return None
    text = text.replace(" ", "") if _GROUPED.fullmatch(text) else _SPACE.sub("", text)
    match = _DECIMAL.fullmatch(text)
    if match:
        return Number(_sign(match[1]) * _plain(match[2]), _decimals(match[2]))
    match = _SCIENTIFIC.fullmatch(text)
    if match:
        return _scientific(match)
    if r"\frac" in text:
        text = _FRAC.sub(lambda match: f"{match[1]} {match[2]}/{match[3]}".lstrip(), text)
    match = _RATIO.fullmatch(text)
    return _ratio(match) if match else None


def _scientific(match: re.Match) -> Number | None:
    exponent = match[3] or match[4] or match[5]
    if len(exponent) > 4 or abs(int(exponent)) > MAX_EXPONENT:
        return None
    mantissa = match[2] or "1"
    return Number(_sign(match[1]) * _plain(mantissa) * Fraction(10) ** int(exponent))


def _ratio(match: re.Match) -> Number | None:
    below, sign = _plain(match[6]), _sign(match[3]) * _sign(match[5])
    if not below or (match[2] and sign < 0):
        return None
    return Number(_sign(match[1]) * (int(match[2] or 0) + sign * _plain(match[4]) / below))


def _plain(text: str) -> Fraction:
    return Fraction(text.replace(",", "").rstrip(".") or "0")


def _decimals(text: str) -> int | None:
    return len(text.partition(".")[2]) if "." in text else None


def _sign(text: str) -> int:
    return -1 if text == "-" else 1

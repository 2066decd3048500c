# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Whether two quantities are equal: numbers exactly, expressions by their values, equations up to a factor."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

from v05_verl.grading import evaluate, syntax, units
from v05_verl.grading.evaluate import Value
from v05_verl.grading.numbers import Number, parse_number
from v05_verl.grading.rules import Rules

DECIMALS_OF_A_ROUNDING = 6  # a decimal with this many digits may stand for an irrational or repeating number
DECIMALS_OF_A_FLOAT = 15  # a gold answer with so many is a computed double: 0.30000000000000004
DECIMALS_OF_A_DOUBLE = 12  # beyond it a computed value cannot tell whether a decimal is its rounding
NEAR_WHOLE = 0.01
LARGEST_WHOLE = 10**13  # beyond it a computed value is no longer exact to NEAR_WHOLE

_BASE = re.compile(r"([+-]?)\(?([0-9A-Z]+)\)?_\{?(?:\\text\{)?\s?(\w+?)\s?\}{0,2}")
_BASES = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10}


@dataclass(frozen=True)
class Verdict:
    """``correct`` is None where it could not be decided; ``path`` names the step that decided."""

    correct: bool | None
    path: str


def same_quantity(gold: str, prediction: str, percent: tuple[bool, bool], rules: Rules) -> Verdict:
    """Verdict on two numbers, expressions or equations.

    Args:
        gold: the gold answer, normalised, without unit.
        prediction: likewise.
        percent: whether the gold answer and the prediction are in percent.
        rules: tolerances.
    """
    base = _same_base(gold, prediction)
    if base is not None:
        return Verdict(base, "number")
    left, right = parse_number(gold), parse_number(prediction)
    if left is not None and right is not None:
        if (left.decimals or 0) >= DECIMALS_OF_A_FLOAT and evaluate.same_value(float(left.value), float(right.value)):
            return Verdict(True, "number")
        return Verdict(_same_values(left.value, right.value, right, percent, rules), "number")
    if ":" in gold + prediction and max(gold.count(":"), prediction.count(":")) > 1:
        return Verdict(_same_ratio(gold, prediction), "number")
    trees = _equation(gold), _equation(prediction)
    if any(trees):
        if not all(trees):
            return Verdict(False if tree(gold) or tree(prediction) else None, "expression")
        same = evaluate.proportional(*trees)
        return _unless_too_large(*trees) if same is None else Verdict(same or evaluate.same_zeros(*trees), "expression")
    trees = tree(gold), tree(prediction)
    if None in trees:
        return Verdict(None, "unread")
    if evaluate.variables(*trees):
        same = evaluate.equal(*trees)
        return _unless_too_large(*trees) if same is None else Verdict(same, "expression")
    try:
        values = evaluate.value_of(trees[0]), evaluate.value_of(trees[1])
        is_rounded = left is not None and right is None and _is_rounding(values[1], left)
        return Verdict(is_rounded or _same_values(*values, right, percent, rules), "expression")
    except evaluate.Undefined:
        return _unless_too_large(*trees)


def _unless_too_large(left: syntax.Node, right: syntax.Node) -> Verdict:
    """What has no value is left to math-verify; what is too large for one is compared as it is written."""
    if evaluate.too_large(left) or evaluate.too_large(right):
        return Verdict(evaluate.same_form(left, right), "too_large")
    return Verdict(None, "unread")


def holds_giant(text: str) -> bool:
    """Whether any part of ``text`` is a number too large to hold, though the whole may be unreadable."""
    return any(evaluate.too_large(node) for node in syntax.powers(text))


def _same_base(gold: str, prediction: str) -> bool | None:
    """52_8 is 52_{8} and, where the problem asks for base 8, 52; None where the gold answer states no base."""
    match, other = _BASE.fullmatch(gold), _BASE.fullmatch(prediction)
    if not match and other and _BASES.get(other[3].lower(), other[3]) in (10, "10"):
        return other[1] + other[2].lstrip("0") == gold if parse_number(gold) else None
    if not match:
        return False if other and other[2].isdigit() and parse_number(gold) else None
    digits = match[1] + match[2].lstrip("0")
    if not other:
        return digits == prediction.replace(" ", "").lstrip("0")

    def base(name: str) -> str:
        return str(_BASES.get(name.lower(), name))

    return digits == other[1] + other[2].lstrip("0") and base(match[3]) == base(other[3])


def _same_ratio(gold: str, prediction: str) -> bool | None:
    """2:4:6 is 1:2:3; None where a part has no value."""
    left, right = ([constant(part) for part in text.split(":")] for text in (gold, prediction))
    if len(left) != len(right):
        return False
    if not all(left + right):
        return None
    return all(evaluate.same_value(a * right[0], b * left[0]) for a, b in zip(left, right, strict=True))


def _same_values(gold: Value, value: Value, written: Number | None, percent: tuple[bool, bool], rules: Rules) -> bool:
    """Equality of two values under ``rules``; 62.5% is 0.625, and 62.5 where the problem asks for percent."""
    if (evaluate.same_value(gold, value) and _near_whole(gold, value)) or _within(gold, value, rules):
        return True
    if isinstance(gold, Fraction) and isinstance(value, Fraction) and percent[0] != percent[1]:
        scaled = (gold / 100, value) if percent[0] else (gold, value / 100)
        tolerant = replace(rules, absolute=rules.absolute / 100) if percent[0] else rules
        if evaluate.same_value(*scaled) or _within(*scaled, tolerant):
            return True
    return written is not None and _is_rounding(gold, written)


def _near_whole(left: Value, right: Value) -> bool:
    """Whether a whole number and a computed one differ by rounding alone; nine digits do not tell large ones apart."""
    whole, computed = (left, right) if isinstance(left, Fraction) else (right, left)
    if not isinstance(whole, Fraction) or isinstance(computed, Fraction) or whole.denominator != 1:
        return True
    return abs(whole) <= LARGEST_WHOLE and abs(complex(computed) - whole.numerator) < NEAR_WHOLE


def _within(gold: Value, value: Value, rules: Rules) -> bool:
    """Whether two real values agree within the tolerances of ``rules``."""
    if rules.absolute == rules.relative == rules.relative_when_small == 0:
        return False
    gold, value = _real(gold), _real(value)
    if gold is None or value is None:
        return False
    if rules.absolute:
        return abs(gold - value) <= Fraction(rules.absolute) * Fraction(1 + evaluate.CLOSE)
    smaller = min(abs(gold), abs(value))
    relative = rules.relative_when_small if smaller < rules.small else rules.relative
    return abs(gold - value) <= Fraction(relative) * abs(gold)


def _is_rounding(gold: Value, written: Number) -> bool:
    """Whether a long decimal is the gold value, rounded or cut at its last digit."""
    decimals = written.decimals or 0
    exact = isinstance(gold, Fraction)
    if decimals < DECIMALS_OF_A_ROUNDING or (not exact and decimals > DECIMALS_OF_A_DOUBLE):
        return False
    value = _real(gold)
    return value is not None and value.denominator != 1 and abs(value - written.value) < Fraction(1, 10**decimals)


def _real(value: Value) -> Fraction | None:
    """``value`` as a fraction; None where it is not real or not finite."""
    if isinstance(value, Fraction):
        return value
    value = complex(value)
    if abs(value.imag) > evaluate.TINY or not math.isfinite(value.real):
        return None
    return Fraction(value.real)


@lru_cache(maxsize=8192)
def tree(text: str) -> syntax.Node | None:
    """The tree of ``text``; None where it cannot be parsed."""
    try:
        return syntax.parse(text)
    except (syntax.ParseError, RecursionError):
        return None


def _equation(text: str) -> syntax.Node | None:
    """left - right of an equation."""
    left, sign, right = text.partition("=")
    if not sign or "=" in right:
        return None
    sides = tree(left), tree(right)
    return None if None in sides else syntax.Node("+", (sides[0], syntax.Node("neg", (sides[1],))))


def constant(text: str) -> complex | None:
    """Value of an expression without variables; None where it has none."""
    node = tree(units.split_unit(text.strip())[0])
    try:
        return None if node is None or evaluate.variables(node) else complex(evaluate.value_of(node))
    except (evaluate.Undefined, OverflowError):
        return None

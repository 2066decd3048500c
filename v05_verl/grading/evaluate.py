# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Whether two expressions are equal: exactly where both are rational, otherwise by their values at sample points."""

from __future__ import annotations

import cmath
import math
from collections.abc import Mapping
from fractions import Fraction

from v05_verl.grading.syntax import Node, operations, symbols

MAX_BITS = 1 << 14  # of a numerator or denominator; 2^1009 and 100! have a tenth of it
MAX_FACTORIAL = 1000
CLOSE = 1e-9  # relative; doubles carry 2e-16, a formula of 100 terms loses a few digits of it
TINY = 1e-11  # below it a computed value counts as zero: sin(pi) is 1e-16
POINTS = 6
NEEDED = 3

Value = Fraction | float | complex
_ON_INTEGERS = frozenset({"floor", "ceil", "factorial", "binom"})
_CONSTANTS = {"pi": math.pi, "e": math.e, "i": 1j, "inf": math.inf}
_UNARY = {
    "sin": cmath.sin, "cos": cmath.cos, "tan": cmath.tan, "asin": cmath.asin, "acos": cmath.acos, "atan": cmath.atan,
    "sinh": cmath.sinh, "cosh": cmath.cosh, "tanh": cmath.tanh, "log": cmath.log,
    "cot": lambda x: 1 / cmath.tan(x), "sec": lambda x: 1 / cmath.cos(x), "csc": lambda x: 1 / cmath.sin(x),
}  # fmt: skip


class Undefined(ArithmeticError):
    """The expression has no value here, or one too large to hold."""


def variables(*nodes: Node) -> list[str]:
    """Names of the variables, constants left out, in alphabetical order."""
    return sorted(frozenset().union(*(symbols(node) for node in nodes)) - _CONSTANTS.keys())


def value_of(node: Node, at: Mapping[str, Value] | None = None) -> Value:
    """Value of ``node`` with the variables ``at``; a Fraction where it is rational. Raises Undefined."""
    try:
        return _value(node, at or {})
    except (ZeroDivisionError, OverflowError, ValueError, RecursionError) as error:
        raise Undefined(str(error)) from error


def same_value(left: Value, right: Value) -> bool:
    """Equality: exact between Fractions, to nine digits otherwise. Raises Undefined beyond the range of doubles."""
    if isinstance(left, Fraction) and isinstance(right, Fraction):
        return left == right
    left, right = _complex(left), _complex(right)
    if cmath.isinf(left) or cmath.isinf(right):
        return left == right
    size = max(abs(left), abs(right))
    return size < TINY or abs(left - right) <= CLOSE * size


def equal(left: Node, right: Node) -> bool | None:
    """Whether two expressions are the same function; None where too few points give both a value.

    Expressions without variables are compared by value. With variables they are compared at fixed points (whole
    numbers where a floor, factorial or binomial asks for them): different analytic functions agree at all of them
    with a probability that does not matter here.
    """
    names = variables(left, right)
    compared = 0
    for at in _points(names, whole=bool(_ON_INTEGERS & (operations(left) | operations(right)))):
        try:
            same = same_value(value_of(left, at), value_of(right, at))
        except Undefined:
            continue
        if not same:
            return False
        compared += 1
    return True if compared >= (NEEDED if names else 1) else None


def proportional(left: Node, right: Node) -> bool | None:
    """Whether left = c * right for one constant c other than 0: the equations left = 0 and right = 0 are then one."""
    names = variables(left, right)
    ratios = []
    for at in _points(names, whole=bool(_ON_INTEGERS & (operations(left) | operations(right)))):
        try:
            above, below = _complex(value_of(left, at)), _complex(value_of(right, at))
            if abs(above) < TINY or abs(below) < TINY:
                continue
            ratios.append(above / below)
        except Undefined:
            continue
    if len(ratios) < NEEDED or not names:
        return None
    return all(same_value(ratio, ratios[0]) for ratio in ratios)


def _points(names: list[str], whole: bool) -> list[dict[str, Value]]:
    if not names:
        return [{}]
    if whole:
        return [{name: Fraction(3 + (5 * p + 7 * v + p * v) % 23) for v, name in enumerate(names)} for p in range(12)]
    # Multiples of an irrational number spread evenly; positive, so that roots and logarithms stay real.
    golden = (math.sqrt(5) - 1) / 2
    return [
        {name: 0.35 + 2.1 * ((golden * (p + 1) * (v + 1) + 0.137 * v) % 1) for v, name in enumerate(names)}
        for p in range(POINTS)
    ]


def _value(node: Node, at: Mapping[str, Value]) -> Value:
    if node.op == "number":
        return node.value
    if node.op == "symbol":
        return at[node.value] if node.value in at else _CONSTANTS[node.value]
    args = [_value(arg, at) for arg in node.args]
    result = _apply(node.op, args)
    if isinstance(result, Fraction):
        if max(result.numerator.bit_length(), result.denominator.bit_length()) > MAX_BITS:
            raise Undefined("too large")
    elif cmath.isnan(result):
        raise Undefined("not a number")
    return result


def _apply(op: str, args: list[Value]) -> Value:
    if op in ("+", "*", "/"):
        return _arithmetic(op, *args)
    if op == "neg":
        return -args[0]
    if op == "^":
        return _power(*args)
    if op == "sqrt":
        return _power(args[0], Fraction(1, 2))
    if op == "degrees":
        return _complex(args[0]) * math.pi / 180
    if op in _UNARY:
        return _UNARY[op](_complex(args[0]))
    if op == "abs":
        return abs(args[0])
    if op in ("floor", "ceil"):
        return Fraction(getattr(math, op)(_nearly_whole(args[0])))
    if op == "factorial":
        return Fraction(math.factorial(_whole(args[0])))
    if op == "binom":
        return Fraction(math.comb(_whole(args[0]), _whole(args[1])))
    raise Undefined(f"{op} has no value")


def _arithmetic(op: str, left: Value, right: Value) -> Value:
    if not (isinstance(left, Fraction) and isinstance(right, Fraction)):
        left, right = _complex(left), _complex(right)
        if cmath.isinf(left) or cmath.isinf(right):
            raise Undefined("infinity in a formula")
    return left + right if op == "+" else left * right if op == "*" else left / right


def _power(base: Value, exponent: Value) -> Value:
    if isinstance(base, Fraction) and isinstance(exponent, Fraction):
        if exponent.denominator == 1:
            size = max(base.numerator.bit_length(), base.denominator.bit_length())
            if abs(exponent) * size > MAX_BITS:
                raise Undefined("too large")
            return base**exponent.numerator
        if exponent == Fraction(1, 2) and base >= 0:
            root = Fraction(math.isqrt(base.numerator), math.isqrt(base.denominator))
            if root * root == base:
                return root
    result = _complex(base) ** _complex(exponent)
    if cmath.isinf(result):
        raise Undefined("infinity in a formula")
    return result


def _nearly_whole(value: Value) -> Fraction | float:
    """The real value; one that misses a whole number by rounding alone is that number."""
    if isinstance(value, Fraction):
        return value
    if abs(value.imag) > TINY:
        raise Undefined("no real number")
    nearest = round(value.real)
    return Fraction(nearest) if abs(value.real - nearest) < CLOSE else value.real


def _whole(value: Value) -> int:
    value = _nearly_whole(value)
    if not isinstance(value, Fraction) or value.denominator != 1 or not 0 <= value <= MAX_FACTORIAL:
        raise Undefined("a factorial or binomial of something other than a small whole number")
    return value.numerator


def _complex(value: Value) -> complex:
    try:
        return complex(float(value)) if isinstance(value, Fraction) else complex(value)
    except OverflowError as error:
        raise Undefined("too large") from error

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Whether two expressions are equal: exactly where both are rational, otherwise by their values at sample points."""

from __future__ import annotations

import cmath
import contextlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction

from v05_verl.grading.syntax import Node, operations, symbols

MAX_BITS = 1 << 14  # of a numerator or denominator; 2^1009 and 100! have a tenth of it
MAX_BITS_OF_INTEGER = 1 << 16  # 2024^4046; integers need no common divisor
MAX_FACTORIAL = 1000
CLOSE = 1e-9  # relative; doubles carry 2e-16, a formula of 100 terms loses a few digits of it
TINY = 1e-11  # below it a computed value counts as zero: sin(pi) is 1e-16
ZERO = 1e-7  # of the other equation, at a computed solution of one
POINTS = 6
NEEDED = 3

Value = Fraction | float | complex
_ON_INTEGERS = frozenset({"floor", "ceil", "factorial", "binom"})
_CONSTANTS = {"pi": math.pi, "e": math.e, "i": 1j, "inf": math.inf}
_UNARY = {
    "sin": cmath.sin, "cos": cmath.cos, "tan": cmath.tan, "asin": cmath.asin, "acos": cmath.acos, "atan": cmath.atan,
    "sinh": cmath.sinh, "cosh": cmath.cosh, "tanh": cmath.tanh, "log": cmath.log,
    "degrees": lambda x: x * math.pi / 180,
    "cot": lambda x: 1 / cmath.tan(x), "sec": lambda x: 1 / cmath.cos(x), "csc": lambda x: 1 / cmath.sin(x),
}  # fmt: skip


class Undefined(ArithmeticError):
    """The expression has no value here."""


class TooLarge(Undefined):
    """The value, or one on the way to it, is too large to hold."""


def variables(*nodes: Node) -> list[str]:
    """Names of the variables, constants left out, in alphabetical order."""
    return sorted(frozenset().union(*(symbols(node) for node in nodes)) - _CONSTANTS.keys())


def value_of(node: Node, at: Mapping[str, Value] | None = None) -> Value:
    """Value of ``node`` with the variables ``at``; a Fraction where it is rational. Raises Undefined."""
    try:
        return _value(node, at or {})
    except OverflowError as error:
        raise TooLarge(str(error)) from error
    except (ZeroDivisionError, ValueError, RecursionError) as error:
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
    compared = 0
    for values in _values_at_points(left, right):
        with contextlib.suppress(Undefined):
            if not same_value(*values):
                return False
            compared += 1
    return True if compared >= (NEEDED if variables(left, right) else 1) else None


def proportional(left: Node, right: Node) -> bool | None:
    """Whether left = c * right for one constant c other than 0: the equations left = 0 and right = 0 are then one."""
    ratios = []
    for values in _values_at_points(left, right):
        with contextlib.suppress(Undefined):
            above, below = map(_complex, values)
            if min(abs(above), abs(below)) >= TINY:
                ratios.append(above / below)
    if len(ratios) < NEEDED or not variables(left, right):
        return None
    return all(same_value(ratio, ratios[0]) for ratio in ratios)


def _values_at_points(left: Node, right: Node) -> Iterator[tuple[Value, Value]]:
    """Values of both expressions at the sample points where both have one."""
    whole = bool(_ON_INTEGERS & (operations(left) | operations(right)))
    points = _points(variables(left, right), whole)
    if "abs" in operations(left) | operations(right) and not whole:  # |x - 3| is no 3 - x
        inside = _inside_abs(left) | _inside_abs(right)
        moved = [
            {name: at[name] * (factor if name in inside else 1) for name in at} for at in points for factor in (-1, 10)
        ]
        points = points + moved
    for at in points:
        with contextlib.suppress(Undefined):
            yield value_of(left, at), value_of(right, at)


def _inside_abs(node: Node) -> frozenset[str]:
    """Names of the variables inside absolute values, whose sign therefore matters."""
    return symbols(node) if node.op == "abs" else frozenset().union(*map(_inside_abs, node.args))


def same_zeros(left: Node, right: Node) -> bool:
    """Whether left = 0 and right = 0 have the same solutions, as xy = 12 and y = 12/x do: by Newton's method."""
    return _zeros_are_shared(left, right) and _zeros_are_shared(right, left)


def _zeros_are_shared(left: Node, right: Node) -> bool:
    """Whether solutions of left = 0, for each variable from several starts, are solutions of right = 0."""
    names, found = variables(left, right), 0
    if not names or _ON_INTEGERS & (operations(left) | operations(right)):
        return False
    for at in _points(names, whole=False):
        for name in names:
            for start in (at[name], -at[name], complex(0.3, 1.7)):
                zero = _zero(left, at, name, start)
                with contextlib.suppress(Undefined):
                    if zero is not None and abs(value_of(right, {**at, name: zero})) > ZERO:
                        return False
                    found += zero is not None
    return found >= 2 * NEEDED


def _zero(node: Node, at: Mapping[str, Value], name: str, x: complex) -> complex | None:
    """A solution of node = 0 in ``name`` by the secant method from ``x``; None where it does not converge."""
    try:
        before, x = x, x * 1.01 + 0.01
        value_before, value = (_complex(value_of(node, {**at, name: point})) for point in (before, x))
        for _ in range(30):
            if abs(value) < TINY:
                return x
            if value == value_before:
                return None
            before, x, value_before = x, x - value * (x - before) / (value - value_before), value
            value = _complex(value_of(node, {**at, name: x}))
    except Undefined:
        pass
    return None


def too_large(node: Node) -> bool:
    """Whether no value of ``node`` can be held, as of 2^{10^{10}} or x + (10^{10})!."""
    try:
        value_of(node, _points(variables(node), whole=bool(_ON_INTEGERS & operations(node)))[0])
    except Undefined as error:
        return isinstance(error, TooLarge)
    return False


def same_form(left: Node, right: Node) -> bool:
    """Whether two expressions without a value say the same: equal operations on equal arguments."""
    return _form(left) == _form(right)


def _form(node: Node) -> Node:
    """``node`` with its parts that have a value replaced by them, and sums and products in one order."""
    if not variables(node):
        with contextlib.suppress(Undefined):
            return Node("number", value=value_of(node))
    args = tuple(map(_form, node.args))
    return replace(node, args=tuple(sorted(args, key=hash)) if node.op in ("+", "*") else args)


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
        if _bits(result) > (MAX_BITS_OF_INTEGER if result.denominator == 1 else MAX_BITS):
            raise TooLarge("too many digits")
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
    if op == "abs":
        return abs(args[0])
    if op in _UNARY:
        return _UNARY[op](_complex(args[0]))
    if op in ("floor", "ceil"):
        return Fraction(getattr(math, op)(_nearly_whole(args[0])))
    if op in ("factorial", "binom"):
        return Fraction((_factorial if op == "factorial" else _binomial)(*map(_whole, args)))
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
            if abs(exponent) * (_bits(base) - 1) > MAX_BITS_OF_INTEGER:
                raise TooLarge("too many digits")
            return base**exponent.numerator
        if exponent == Fraction(1, 2) and base >= 0:
            root = Fraction(math.isqrt(base.numerator), math.isqrt(base.denominator))
            if root * root == base:
                return root
    if isinstance(exponent, Fraction) and exponent.denominator > 1 and exponent.denominator % 2:
        point = _complex(base)
        if point.imag == 0 and point.real < 0:  # the real root: \sqrt[3]{-8} is -2
            return (-1) ** exponent.numerator * _power(-base, exponent)
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
    if not isinstance(value, Fraction) or value.denominator != 1 or value < 0:
        raise Undefined("a factorial or binomial of something other than a whole number")
    return value.numerator


def _factorial(n: int) -> int:
    if n > MAX_FACTORIAL:
        raise TooLarge("factorial")
    return math.factorial(n)


def _binomial(n: int, k: int) -> int:
    if min(k, n - k) * n.bit_length() > MAX_BITS:
        raise TooLarge("binomial")
    return math.comb(n, k)


def _bits(value: Fraction) -> int:
    return max(value.numerator.bit_length(), value.denominator.bit_length())


def _complex(value: Value) -> complex:
    try:
        return complex(float(value)) if isinstance(value, Fraction) else complex(value)
    except OverflowError as error:
        raise TooLarge("beyond the doubles") from error

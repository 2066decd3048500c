# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Cuts an expression into tokens, after notations that are no arithmetic have become symbols."""

from __future__ import annotations

import re

from v05_verl.grading.latex import closing_brace

MAX_TOKENS = 240

Token = tuple[str, str]  # kind and text

FUNCTIONS = {
    "sin": "sin", "cos": "cos", "tan": "tan", "cot": "cot", "sec": "sec", "csc": "csc", "arcsin": "asin",
    "arccos": "acos", "arctan": "atan", "asin": "asin", "acos": "acos", "atan": "atan", "sinh": "sinh", "cosh": "cosh",
    "tanh": "tanh", "ln": "log", "log": "log", "lg": "lg", "exp": "exp", "sqrt": "sqrt", "floor": "floor",
    "ceil": "ceil", "abs": "abs",
}  # fmt: skip
GREEK = set(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau upsilon phi chi psi omega "
    "Gamma Delta Theta Lambda Xi Sigma Phi Psi Omega Pi hbar ell odot partial".split()
)
NAMES = {name: name for name in GREEK if len(name) > 2} | {"mu": "mu", "pi": "pi", "Pi": "pi", "PI": "pi"}
NAMES |= dict.fromkeys(("infty", "infinity", "inf", "oo"), "inf")
_WORDS = "|".join(sorted({*FUNCTIONS, *NAMES}, key=len, reverse=True))
_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d,])|\d+(?:\.\d*)?|\.\d+)"
    r"|(?P<command>\\(?:[a-zA-Z]+|[{}|]))"
    rf"|(?P<word>(?:np\.|math\.)?(?:{_WORDS})(?![a-zA-Z]))"
    r"|(?P<letter>[a-zA-Z])"
    r"|(?P<symbol>\*\*|[-+*/^_{}()\[\]|!'<>=,;:]))"
)
_DERIVATIVE = re.compile(
    r"\\frac\{\s*\\?d\s*(?:\^\{?\s*(\d)\s*\}?)?\s*(\\?[a-zA-Z]+(?:_(?:\w|\{[^{}]*\}))?)(?:\(t\))?\s*\}"
    r"\{\s*\\?d\s*[a-zA-Z]\s*(?:\^\{?\s*\d\s*\}?)?\s*\}"
)
_PRIME = re.compile(r"\^\s*(?:\{\s*((?:\\prime\s*)+)\}|(\\prime))")
_NUMBERED_NAME = re.compile(r"(?<=(?<![a-zA-Z\\\d_^])[a-zA-Z])(\d+)(?![\d.])")  # x1
_AT_ZERO = re.compile(r"(?<![a-zA-Z\\])([a-zA-Z])\s?\(0\)")
_NAME_IN_TEXT = re.compile(r"\\text\s?\{\s?([A-Za-z]{1,8})\s?\}")
_UNKNOWN_FUNCTION = re.compile(rf"(?<![a-zA-Z\\.])(?!(?:{_WORDS})\s?\()[a-z]{{3,}}\(")
_REPEATING = re.compile(r"(\d*)\.(\d*)\\overline\{(\d{1,20})\}")


class ParseError(ValueError):
    """The text is not an expression of the grammar."""


def _rewritten(text: str) -> str:
    """Notations that are not arithmetic, as symbols: derivatives, primes, f(0); repeating decimals as fractions."""
    text = _NUMBERED_NAME.sub(r"_{\1}", _NAME_IN_TEXT.sub(r" \1", text))
    text = _DERIVATIVE.sub(lambda match: f" {match[2]}" + "'" * int(match[1] or 1) + " ", text)
    text = _PRIME.sub(lambda match: "'" * (match[1] or match[2]).count("prime"), text)
    text = _AT_ZERO.sub(r"\1_{0}", text)
    return _REPEATING.sub(_repeating_decimal, text)


def _repeating_decimal(match: re.Match) -> str:
    whole, fixed, repeated = match[1] or "0", match[2], match[3]
    above = int(whole + fixed + repeated) - int(whole + fixed)
    return rf"(\frac{{{above}}}{{{'9' * len(repeated) + '0' * len(fixed)}}})"


def tokens(text: str, limit: int = MAX_TOKENS) -> list[Token]:
    """Tokens of ``text``, a normalised answer; raises ParseError where a character belongs to none."""
    if _UNKNOWN_FUNCTION.search(text):
        raise ParseError("a function that is not known")
    found, position = [], 0
    text = _rewritten(text).rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if not match:
            raise ParseError(f"{text[position : position + 10]!r} is no mathematics")
        kind, token = match.lastgroup, match[match.lastgroup]
        position = match.end()
        if token == "_":
            name, position = _subscript(text, position)
            kind, token = "subscript", name
        elif token == r"\text":
            raise ParseError(r"\text inside an expression")
        found.append((kind, token))
        if len(found) > limit:
            raise ParseError(f"more than {limit} tokens")
    if not found:
        raise ParseError("empty")
    return found


def _subscript(text: str, position: int) -> tuple[str, int]:
    while text[position : position + 1] == " ":
        position += 1
    if text[position : position + 1] == "{":
        end = closing_brace(text, position)
        if end < 0:
            raise ParseError("a brace is not closed")
        return re.sub(r"[\s{}\\]|\\?text", "", text[position + 1 : end]), end + 1
    match = re.compile(r"\\[a-zA-Z]+|\w").match(text, position)
    if not match:
        raise ParseError("an empty subscript")
    return match[0].lstrip("\\"), match.end()

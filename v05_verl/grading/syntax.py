# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Parses one mathematical expression, in LaTeX or plain text, into a small tree.

Hostile text is the normal case: tokens and depth are bounded, and whatever the grammar does not know raises ParseError
instead of being guessed at.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from v05_verl.grading.tokens import FUNCTIONS, GREEK, NAMES, ParseError, Token, tokens

MAX_DEPTH = 60

_NOT_IN_POWERS = re.compile(r"\\text(?![a-zA-Z])|[^ -~]|[\"#$%&?@~`]|\\[^a-zA-Z{}|]")
_INVERSE = {"sin": "asin", "cos": "acos", "tan": "atan"}
_ACCENTS = {"dot": "'", "ddot": "''", "vec": "vec", "hat": "hat", "bar": "bar", "tilde": "tilde", "overline": "bar"}
_INFIX = {
    "+": (0, "+"),
    "-": (0, "-"),
    **dict.fromkeys(("*", r"\times", r"\cdot"), (1, "*")),
    "/": (1, "/"),
    ":": (1, "/"),
}
_FENCES = {"(": ")", "[": "]", "{": "}", r"\{": r"\}"}


@dataclass(frozen=True)
class Node:
    """``op`` with its arguments; ``value`` is the number of a "number", the name of a "symbol"."""

    op: str
    args: tuple[Node, ...] = ()
    value: Fraction | str | None = None


ONE = Node("number", value=Fraction(1))


def parse(text: str) -> Node:
    """The tree of ``text``, a normalised answer without units; raises ParseError where the grammar does not fit."""
    found = tokens(text)
    parser = _Parser(found)
    node = parser.expression()
    if parser.kind != "end":
        raise ParseError(f"{parser.current[1]!r} was not expected")
    return node


def powers(text: str) -> Iterator[Node]:
    """The powers, factorials and binomials that start at any token of ``text``, whatever stands around them."""
    try:
        parser = _Parser(tokens(_NOT_IN_POWERS.sub(" ", text), limit=len(text)))
    except ParseError:
        return
    for start in range(len(parser.tokens)):
        parser.depth, parser.position = 0, start
        if parser.kind in ("number", "command", "letter") or parser.next in ("(", "{"):
            with contextlib.suppress(ParseError, RecursionError):
                yield parser.power()


def symbols(node: Node) -> frozenset[str]:
    """Names of the variables in ``node``."""
    if node.op == "symbol":
        return frozenset([node.value])
    return frozenset().union(*(symbols(arg) for arg in node.args))


def operations(node: Node) -> frozenset[str]:
    return frozenset([node.op]).union(*(operations(arg) for arg in node.args))


class _Parser:
    def __init__(self, tokens: list[Token]):
        self.tokens, self.position, self.depth = tokens, 0, 0

    @property
    def current(self) -> Token:
        return self.tokens[self.position] if self.position < len(self.tokens) else ("end", "the end")

    @property
    def kind(self) -> str:
        return self.current[0]

    @property
    def next(self) -> str:
        return self.current[1] if self.kind != "subscript" else ""

    def take(self) -> str:
        if self.kind == "end":
            raise ParseError("the text ends too early")
        self.position += 1
        return self.tokens[self.position - 1][1]

    def takes(self, *choices: str) -> bool:
        """Whether the next token is one of ``choices``; it is then taken."""
        found = self.next in choices
        self.position += found
        return found

    def expect(self, token: str) -> None:
        if not self.takes(token):
            raise ParseError(f"expected {token!r}, found {self.current[1]!r}")

    def expression(self, strength: int = 0) -> Node:
        """A sum, or with ``strength`` 1 a product: factors may follow each other without a sign."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ParseError(f"nested deeper than {MAX_DEPTH}")
        node = self.signed()
        while True:
            is_sign = self.next in _INFIX
            binds, op = _INFIX[self.next] if is_sign else (1, "*") if self.starts_factor() else (-1, "")
            if binds < strength:
                break
            self.position += is_sign
            right = self.expression(1) if binds == 0 else self.signed() if is_sign else self.power()
            node = Node("+", (node, Node("neg", (right,)))) if op == "-" else Node(op, (node, right))
        self.depth -= 1
        return node

    def signed(self) -> Node:
        is_negative = False
        while self.next in ("+", "-"):
            is_negative ^= self.take() == "-"
        node = self.power()
        return Node("neg", (node,)) if is_negative else node

    def power(self) -> Node:
        node = self.postfix(self.atom())
        if not self.takes("^", "**"):
            return node
        if [token for _, token in self.tokens[self.position : self.position + 3]] == ["{", r"\circ", "}"]:
            self.position += 3
            return Node("degrees", (node,))
        return self.postfix(Node("^", (node, self.exponent())))

    def exponent(self) -> Node:
        return self.postfix(self.group()) if self.next == "{" else self.signed()

    def postfix(self, node: Node) -> Node:
        while self.takes("!"):
            node = Node("factorial", (node,))
        return node

    def atom(self) -> Node:
        kind, token = self.current
        if kind == "number":
            return self.number()
        if token in _FENCES:
            return self.group()
        if kind == "letter":
            return self.named(self.take())
        if kind == "word":
            token = self.take().rpartition(".")[2]
            return self.function(FUNCTIONS[token]) if token in FUNCTIONS else self.named(NAMES[token])
        if self.takes("|", r"\|"):
            node = self.expression()
            self.expect(token)
            return Node("abs", (node,))
        if kind == "command":
            return self.command(self.take()[1:])
        raise ParseError(f"{token!r} was not expected")

    def number(self) -> Node:
        token = self.take()
        node = Node("number", value=Fraction(token.replace(",", "").rstrip(".")))
        if self.kind == "subscript":
            raise ParseError("a number with a subscript")
        if self.next == r"\frac" and "." not in token:  # 1\frac{4}{5} is a mixed number
            part = self.atom()
            return Node("+" if all(arg.op == "number" for arg in part.args) else "*", (node, part))
        return node

    def named(self, name: str) -> Node:
        """A symbol with its subscript and primes."""
        if self.kind == "subscript":
            name += "_" + self.take()
        while self.takes("'"):
            name += "'"
        return Node("symbol", value=name)

    def group(self) -> Node:
        closing = _FENCES[self.take()]
        node = self.expression()
        self.expect(closing)
        return node

    def command(self, name: str) -> Node:
        if name == "sqrt":
            degree = self.group() if self.next == "[" else None
            root = Node("sqrt", (self.argument(),))
            return root if degree is None else Node("^", (root.args[0], Node("/", (ONE, degree))))
        if name in FUNCTIONS:
            return self.function(FUNCTIONS[name])
        if name in ("frac", "binom"):
            return Node("/" if name == "frac" else "binom", (self.argument(), self.argument()))
        if name in ("lfloor", "lceil"):
            node = self.expression()
            self.expect(r"\r" + name[1:])
            return Node(name[1:], (node,))
        if name in _ACCENTS:
            node, accent = self.argument(), _ACCENTS[name]
            if node.op != "symbol":
                raise ParseError("an accent on something that is no symbol")
            return self.named(node.value + accent if accent.startswith("'") else f"{accent}({node.value})")
        if name in ("pi", "infty") or name in GREEK:
            return self.named("inf" if name == "infty" else name)
        raise ParseError(f"\\{name} is not known")

    def argument(self) -> Node:
        """A group in braces, or one token as in \\frac 1 2."""
        return self.group() if self.next == "{" else self.atom()

    def function(self, name: str) -> Node:
        """\\sin x, \\sin(x), \\sin^2 x, \\sin^{-1} x, \\log_2 x; without brackets the argument is the next product."""
        base = exponent = None
        while self.kind == "subscript" or self.next in ("^", "**"):
            if self.kind == "subscript":
                base = parse(self.take())
            else:
                self.take()
                exponent = self.exponent()
        argument = self.function_argument()
        if name == "exp":
            return Node("^", (Node("symbol", value="e"), argument))
        if name == "lg":
            name, base = "log", Node("number", value=Fraction(10))
        if exponent == Node("neg", (ONE,)) and name in _INVERSE:
            return Node(_INVERSE[name], (argument,))
        node = Node(name, (argument,))
        if base is not None:
            node = Node("/", (node, Node("log", (base,))))
        return node if exponent is None else Node("^", (node, exponent))

    def function_argument(self) -> Node:
        if self.next in _FENCES:
            return self.group()
        if self.takes("-"):
            return Node("neg", (self.function_argument(),))
        node = self.power()
        while self.starts_factor() and self.next.lstrip("\\").rpartition(".")[2] not in FUNCTIONS:
            node = Node("*", (node, self.power()))
        return node

    def starts_factor(self) -> bool:
        """Whether a factor follows without a sign between; a number does only after a bracket or a root."""
        kind, token = self.current
        if kind == "number":
            return self.tokens[self.position - 1][1] in (")", "}", "]")
        if kind == "command":
            return token not in (r"\}", r"\rfloor", r"\rceil", r"\|", r"\circ")
        return kind in ("letter", "word") or token in _FENCES

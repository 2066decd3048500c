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

from v05_verl.grading.tokens import FUNCTIONS, NAMES, ParseError, Token, tokens

MAX_DEPTH = 40

_NOT_IN_POWERS = re.compile(r"\\text(?![a-zA-Z])|[^ -~]|[\"#$%&?@~`]|\\[^a-zA-Z{}|]")
_INVERSE = {"sin": "asin", "cos": "acos", "tan": "atan"}
_GREEK = set(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau upsilon phi chi psi omega "
    "Gamma Delta Theta Lambda Xi Sigma Phi Psi Omega Pi hbar ell odot partial".split()
)
_ACCENTS = {"dot": "'", "ddot": "''", "vec": "vec", "hat": "hat", "bar": "bar", "tilde": "tilde", "overline": "bar"}
_FENCES = {"(": ")", "[": "]", "{": "}", r"\{": r"\}"}


@dataclass(frozen=True)
class Node:
    """``op`` with its arguments; ``value`` is the number of a "number", the name of a "symbol"."""

    op: str
    args: tuple[Node, ...] = ()
    value: Fraction | str | None = None


def parse(text: str) -> Node:
    """The tree of ``text``, a normalised answer without units; raises ParseError where the grammar does not fit."""
    found = tokens(text)
    parser = _Parser(found)
    node = parser.sum()
    if parser.position != len(found):
        raise ParseError(f"{found[parser.position][1]!r} was not expected")
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

    def sum(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ParseError(f"nested deeper than {MAX_DEPTH}")
        node = self.product()
        while self.next in ("+", "-"):
            sign = self.take()
            right = self.product()
            node = Node("+", (node, right if sign == "+" else Node("neg", (right,))))
        self.depth -= 1
        return node

    def product(self) -> Node:
        node = self.signed()
        while True:
            if self.next in ("*", r"\times", r"\cdot"):
                self.take()
                node = Node("*", (node, self.signed()))
            elif self.next in ("/", ":"):
                self.take()
                node = Node("/", (node, self.signed()))
            elif self.starts_factor():
                node = Node("*", (node, self.power()))
            else:
                return node

    def signed(self) -> Node:
        if self.next in ("+", "-"):
            self.depth += 1
            if self.depth > MAX_DEPTH:
                raise ParseError("too many signs")
            node = self.signed() if self.take() == "+" else Node("neg", (self.signed(),))
            self.depth -= 1
            return node
        return self.power()

    def power(self) -> Node:
        node = self.postfix(self.atom())
        if self.next in ("^", "**"):
            self.take()
            if self.next == r"\circ" or self.peek(2) == ["{", r"\circ"]:
                self.skip_group_or_token()
                return Node("degrees", (node,))
            return self.postfix(Node("^", (node, self.exponent())))
        return node

    def exponent(self) -> Node:
        if self.next in ("+", "-"):
            return self.signed()
        return self.power() if self.next != "{" else self.postfix(self.group())

    def postfix(self, node: Node) -> Node:
        while self.next == "!":
            self.take()
            node = Node("factorial", (node,))
        return node

    def atom(self) -> Node:
        kind, token = self.current
        if kind == "number":
            return self.number()
        if kind == "letter":
            self.take()
            return self.named(token)
        if kind == "word":
            self.take()
            token = token.rpartition(".")[2]
            return self.function(FUNCTIONS[token]) if token in FUNCTIONS else self.named(NAMES[token])
        if token in _FENCES:
            return self.group()
        if token in ("|", r"\|"):
            self.take()
            node = self.sum()
            self.expect(token)
            return Node("abs", (node,))
        if kind == "command":
            return self.command()
        raise ParseError(f"{token!r} was not expected")

    def number(self) -> Node:
        token = self.take()
        node = Node("number", value=Fraction(token.replace(",", "").rstrip(".")))
        if self.kind == "subscript":
            raise ParseError("a number with a subscript")
        if self.next == r"\frac" and "." not in token:  # 1\frac{4}{5} is a mixed number
            part = self.command()
            if all(arg.op == "number" for arg in part.args):
                return Node("+", (node, part))
            return Node("*", (node, part))
        return node

    def named(self, name: str) -> Node:
        """A symbol with its subscript and primes."""
        if self.kind == "subscript":
            name += "_" + self.take()
        while self.next == "'":
            self.take()
            name += "'"
        return Node("symbol", value=name)

    def group(self) -> Node:
        closing = _FENCES[self.take()]
        node = self.sum()
        self.expect(closing)
        return node

    def command(self) -> Node:
        name = self.take()[1:]
        if name in FUNCTIONS and name != "sqrt":
            return self.function(FUNCTIONS[name])
        if name == "sqrt":
            return self.root()
        if name in ("frac", "binom"):
            return Node("/" if name == "frac" else "binom", (self.argument(), self.argument()))
        if name in ("lfloor", "lceil"):
            node = self.sum()
            self.expect(r"\r" + name[1:])
            return Node(name[1:], (node,))
        if name in _ACCENTS:
            return self.accented(_ACCENTS[name])
        if name == "pi" or name == "infty" or name in _GREEK:
            return self.named({"infty": "inf"}.get(name, name))
        raise ParseError(f"\\{name} is not known")

    def argument(self) -> Node:
        """A group in braces, or one token as in \\frac 1 2."""
        return self.group() if self.next == "{" else self.atom()

    def accented(self, accent: str) -> Node:
        node = self.argument()
        if node.op != "symbol":
            raise ParseError("an accent on something that is no symbol")
        name = node.value + accent if accent.startswith("'") else f"{accent}({node.value})"
        return self.named(name)

    def root(self) -> Node:
        if self.next != "[":
            return Node("sqrt", (self.argument(),))
        degree = self.group()
        return Node("^", (self.argument(), Node("/", (Node("number", value=Fraction(1)), degree))))

    def function(self, name: str) -> Node:
        """\\sin x, \\sin(x), \\sin^2 x, \\sin^{-1} x, \\log_2 x; without brackets the argument is the next product."""
        base = exponent = None
        while self.kind == "subscript" or self.next in ("^", "**"):
            if self.kind == "subscript":
                base = parse(self.take())
            else:
                self.take()
                exponent = self.exponent()
        node = self.applied(name, self.function_argument())
        if base is not None:
            node = Node("/", (node, Node("log", (base,))))
        if exponent is None:
            return node
        if exponent == Node("neg", (Node("number", value=Fraction(1)),)) and name in _INVERSE:
            return Node(_INVERSE[name], node.args)
        return Node("^", (node, exponent))

    def applied(self, name: str, argument: Node) -> Node:
        if name == "exp":
            return Node("^", (Node("symbol", value="e"), argument))
        if name == "lg":
            return Node("/", (Node("log", (argument,)), Node("log", (Node("number", value=Fraction(10)),))))
        return Node(name, (argument,))

    def function_argument(self) -> Node:
        if self.next in _FENCES:
            return self.group()
        if self.next == "-":
            self.take()
            return Node("neg", (self.function_argument(),))
        node = self.power()
        while self.starts_factor() and not self.is_function():
            node = Node("*", (node, self.power()))
        return node

    def is_function(self) -> bool:
        kind, token = self.current
        return kind in ("word", "command") and token.lstrip("\\").rpartition(".")[2] in FUNCTIONS

    def starts_factor(self) -> bool:
        """Whether a factor follows without a sign between; a number does only after a bracket or a root."""
        kind, token = self.current
        if kind == "number":
            return self.tokens[self.position - 1][1] in (")", "}", "]")
        if kind == "command":
            return token not in (r"\times", r"\cdot", r"\}", r"\rfloor", r"\rceil", r"\|", r"\circ")
        return kind in ("letter", "word") or token in ("(", "[", "{", r"\{")

    def skip_group_or_token(self) -> None:
        if self.take() == "{":
            self.take()
            self.expect("}")

    @property
    def current(self) -> Token:
        return self.tokens[self.position] if self.position < len(self.tokens) else ("end", "the end")

    @property
    def next(self) -> str:
        return self.current[1] if self.current[0] != "subscript" else ""

    @property
    def kind(self) -> str:
        return self.current[0]

    def peek(self, count: int) -> list[str]:
        return [token for _, token in self.tokens[self.position : self.position + count]]

    def take(self) -> str:
        token = self.current[1]
        if self.current[0] == "end":
            raise ParseError("the text ends too early")
        self.position += 1
        return token

    def expect(self, token: str) -> None:
        if self.next != token:
            raise ParseError(f"expected {token!r}, found {self.current[1]!r}")
        self.take()

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Numbers, expressions, structures and canonical forms, by hand and by property."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v05_verl.grading.canonical import canonical_answer
from v05_verl.grading.compare import compare
from v05_verl.grading.evaluate import equal, value_of
from v05_verl.grading.extract import final_answer
from v05_verl.grading.latex import normalise, squeeze
from v05_verl.grading.numbers import parse_number
from v05_verl.grading.rules import EXACT, MINERVA, Rules, rules_for
from v05_verl.grading.structure import structure
from v05_verl.grading.syntax import ParseError, parse
from v05_verl.grading.units import split_unit

integers = st.integers(-(10**9), 10**9)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("025", 25),
        ("27.0", 27),
        ("10,080", 10080),
        ("10 080", 10080),
        (".5", Fraction(1, 2)),
        ("-1./3", Fraction(-1, 3)),
        (r"\frac{14}{3}", Fraction(14, 3)),
        (r"1\frac{4}{5}", Fraction(9, 5)),
        (r"-1\frac{4}{5}", Fraction(-9, 5)),
        ("4.5e-3", Fraction(9, 2000)),
        (r"4.5\times10^{-3}", Fraction(9, 2000)),
        ("10^{3}", 1000),
    ],
)
def test_numbers_are_exact(text, value):
    assert parse_number(text).value == value


@pytest.mark.parametrize("text", ["", "x", "1/0", "1e99999", "3 4", "1,00", "--1", "1.2.3", "9" * 401])
def test_what_is_no_number(text):
    assert parse_number(text) is None


@given(integers, st.integers(1, 10**6))
def test_a_fraction_is_itself_in_every_spelling(numerator, denominator):
    gold = rf"\frac{{{numerator}}}{{{denominator}}}"
    for spelling in (f"{numerator}/{denominator}", rf"\dfrac{{{2 * numerator}}}{{{2 * denominator}}}", f"${gold}$"):
        assert compare(gold, spelling, EXACT).correct


@given(integers, integers)
def test_different_integers_differ_and_equal_ones_do_not(left, right):
    assert compare(str(left), f"{right:,}", EXACT).correct is (left == right)
    assert compare(str(left), f"{right}.0", EXACT).correct is (left == right)


@given(st.lists(integers, min_size=1, max_size=6), st.randoms())
def test_a_list_is_in_any_order_and_a_tuple_is_not(values, random):
    shuffled = random.sample(values, len(values))
    joined = ", ".join(map(str, shuffled))
    rules = Rules(is_list=True)
    assert compare(", ".join(map(str, values)), joined, rules).correct
    another = max(values) + 1  # one of them may be said twice
    assert not compare(", ".join(map(str, values)), f"{joined}, {another}", rules).correct
    if len(values) > 1:
        gold = f"({', '.join(map(str, values))})"
        assert compare(gold, f"({joined})", EXACT).correct is (shuffled == values)


def test_an_answer_of_a_list_may_be_said_twice():
    rules = Rules(is_list=True)
    assert compare("7", "7, 7", rules).correct and compare("7, 8", "8, 7, 8", rules).correct
    assert not compare("7, 7", "7", rules).correct and not compare("7", "7, 7, 8", rules).correct


@given(st.text(max_size=60))
def test_no_text_breaks_the_comparison(text):
    for gold in ("34", r"\frac{n(n+1)}{2}", r"\text{even}", "(3, 4]", "1, 2"):
        assert compare(gold, text, EXACT).correct in (True, False, None)


@given(st.text(alphabet=r"\{}()[]^_$,.=+-*/ !|<>&%0123x", max_size=40))
def test_no_latex_breaks_extraction_or_canonical_form(text):
    assert isinstance(final_answer("Answer: " + text), str)
    assert canonical_answer(text or "0").text is not None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2^{10}", 1024),
        ("-3^2", -9),
        ("2^3^2", 512),
        ("1/2/2", Fraction(1, 4)),
        ("5!", 120),
        (r"\binom{5}{2}", 10),
        (r"\sqrt{49}", 7),
        (r"|{-3}|", 3),
        (r"\lfloor 7/2 \rfloor + \lceil 7/2 \rceil", 7),
        (r"0.1\overline{6}", Fraction(1, 6)),
        ("2(3)(4)", 24),
    ],
)
def test_values_by_hand(text, value):
    assert value_of(parse(text)) == value


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("(a+b)^2", "a^2+2ab+b^2", True),
        ("(a+b)^2", "a^2+b^2", False),
        (r"\sin^2 x + \cos^2 x", "1", True),
        (r"\log_2 8", "3", True),
        (r"\sqrt{x^2}", "x", True),  # variables stand for positive numbers
        ("2^{1009}+1", "2^{1009}", False),
        (r"\lfloor n/2 \rfloor", r"\frac{n}{2}", False),
        (r"\sin^{-1} x", r"\arcsin x", True),
        ("x_1", "x_2", False),
        ("9^{9^{9^9}}", "1", None),
    ],
)
def test_expressions_are_equal_where_their_values_are(left, right, same):
    assert equal(parse(left), parse(right)) is same


@pytest.mark.parametrize(
    "text", ["", "(", "1+", r"\frac{1}", r"\unknown{3}", "2 3", "((" * 60 + "1" + "))" * 60, "+" * 300]
)
def test_what_the_grammar_does_not_know_is_an_error(text):
    with pytest.raises(ParseError):
        parse(text)


@pytest.mark.parametrize(
    ("text", "kind", "parts"),
    [
        ("1, 2", "list", 2),
        ("(1, 2)", "tuple", 2),
        (r"\{1, 2\}", "set", 2),
        ("(1, 2) \\cup [3, 4)", "union", 2),
        ("(1,2), (3,4)", "list", 2),
        (r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}", "matrix", 2),
        ("x < 3", "tuple", 2),
        (r"1 \pm \sqrt{2}", "list", 2),
        ("(a+1)(b+1)", "leaf", 0),
        ("f(x) = 2x", "leaf", 0),
    ],
)
def test_structures(text, kind, parts):
    answer = structure(text)
    assert (answer.kind, len(answer.parts)) == (kind, parts)


@pytest.mark.parametrize(
    ("text", "rest", "unit"),
    [
        ("90^{\\circ}", "90", "degree"),
        ("62.5%", "62.5", "%"),
        (r"5.4 \text{ cents}", "5.4", "cent"),
        ("45 minutes", "45", "minute"),
        (r"864 \text{ inches}^2", "864", "inch"),
        ("2 pi", "2 pi", ""),
        ("5x", "5x", ""),
        (r"\text{even}", r"\text{even}", ""),
    ],
)
def test_units_are_taken_off(text, rest, unit):
    assert split_unit(text) == (rest, unit)


def test_spellings():
    assert normalise(r"$\dfrac12$.") == r"\frac{1}{2}"
    assert normalise("**−3×10²**") == r"-3\times 10^{2}"
    assert normalise(r"\left( 3,\, 4 \right]") == "( 3, 4 ]"
    assert squeeze(r"2 \pi r") == r"2\pi{}r"
    assert squeeze("3 4") == "3 4"


@given(st.text(alphabet=r"\{}()$ ,.^_*frac12xdleft", max_size=40))
def test_normalising_twice_is_normalising_once_or_less(text):
    once = normalise(text)
    assert len(normalise(once)) <= len(once) + 8


@pytest.mark.parametrize(
    ("answer", "text", "kind", "unit"),
    [
        ("025", "25", "integer", ""),
        ("27.0", "27", "integer", ""),
        (r"10,\!080", "10080", "integer", ""),
        (r"11,\! 111,\! 111,\! 100", "11111111100", "integer", ""),
        (r"\$18.90", "18.90", "number", ""),
        (".35625", "0.35625", "number", ""),
        (r"\frac9{19}", r"\frac{9}{19}", "number", ""),
        (r"90^\circ", "90", "integer", "degree"),
        ("62.5%", "62.5", "number", "%"),
        (r"864 \mbox{ inches}^2", "864", "integer", "inch"),
        (r"\frac{270}7\text{ degrees}", r"\frac{270}{7}", "number", "degree"),
        ("4.5e33", r"4.5 \times 10^{33}", "number", ""),
        ("52_8", "52_{8}", "base", ""),
        (r"\left(3,4\right]", "(3, 4]", "tuple", ""),
        ("$221,$8$", "221, 8", "list", ""),
        (r"\text{Evelyn}", r"\text{Evelyn}", "words", ""),
        (r"$k \geqslant 2$", r"[2, \infty)", "tuple", ""),
        (r"1 \pm \sqrt{19}", r"1 + \sqrt{19}, 1 - \sqrt{19}", "list", ""),
        (r"\begin{bmatrix}1&2\\3&4\end{bmatrix}", r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}", "matrix", ""),
        (r"f(x)=ax+b, where $\mho(a)=0$", r"f(x)=ax+b, where $\mho(a)=0$", "raw", ""),
    ],
)
def test_canonical_answers(answer, text, kind, unit):
    canonical = canonical_answer(answer)
    assert (canonical.text, canonical.kind, canonical.unit) == (text, kind, unit)


@given(st.one_of(integers.map(str), st.decimals(-999, 999, places=3).map(str)))
def test_a_canonical_number_equals_its_source(answer):
    assert compare(canonical_answer(answer).text, answer, EXACT).correct


def test_rules_of_the_benchmarks():
    assert rules_for("minerva_math", {"unit": "", "tolerance": None, "is_list": False}) == MINERVA
    stated = rules_for("olympiadbench", {"unit": "%", "tolerance": 0.1, "is_list": False})
    assert (stated.absolute, stated.unit) == (0.1, "%")
    assert rules_for("olympiadbench", None) == EXACT


def test_minervas_tolerance():
    """1e-5 relative, and 1% below 1e-8: the check of the benchmark's authors."""
    assert compare("1.6", "1.60001", MINERVA).correct and not compare("1.6", "1.6001", MINERVA).correct
    assert compare("4.6e-24", "4.63e-24", MINERVA).correct and not compare("4.6e-24", "4.7e-24", MINERVA).correct


def test_a_long_decimal_may_stand_for_a_number_without_end():
    assert compare("2/3", "0.666667", EXACT).correct and compare("2/3", "0.666666", EXACT).correct
    assert not compare("2/3", "0.66667", EXACT).correct
    assert compare(r"\sqrt{2}", "1.414213562", EXACT).correct
    assert not compare("12", "12.0000001", EXACT).correct

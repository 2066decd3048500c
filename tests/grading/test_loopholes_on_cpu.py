# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Answers that earn a reward which they do not deserve, and right ones that got none: each by hand."""

import pytest

from v05_verl.grading import compute_score


def accepts(gold: str, answer: str, data_source: str = "math500") -> bool:
    result = compute_score(data_source, f"Answer: {answer}", gold, workers=1)
    assert result["grader_path"] not in ("defect", "timeout", "error")
    return bool(result["acc"])


@pytest.mark.parametrize(
    ("response", "right"),
    [
        (r"So \boxed{34}. I put the answer in \boxed{} as asked.", True),
        (r"So \boxed{34}. I put the answer in $\boxed{\ }$ as asked.", True),
        (r"I was told to use \boxed{}. So \boxed{34}.", True),
        (r"So \boxed{34}. No, \boxed{35}. It stands in \boxed{}.", False),
        (r"So \boxed{34}. No, it is \boxed{3", False),
        (r"So 34, which is in \boxed{}.", False),
    ],
)
def test_an_empty_box_is_no_answer(response, right):
    assert bool(compute_score("math500", response, "34")["acc"]) is right


@pytest.mark.parametrize("word", ["hundred", "thousand", "million", "billion", "trillion", "dozen"])
def test_a_word_that_scales_is_no_unit(word):
    for answer in (
        f"3 {word}",
        rf"3\text{{ {word}}}",
        rf"3\ \mathrm{{{word}}}",
        f"$3$ {word}",
        rf"\frac{{6}}{{2}} {word}",
    ):
        assert not accepts("3", answer), answer


def test_a_word_that_scales_is_a_power_of_ten():
    for answer in (r"3\text{ million}", "3 million", "$3$ million", r"3\text{ million dollars}", "300万"):
        assert accepts("3000000", answer), answer
    assert accepts("300", "3 hundred") and not accepts("3", "3万")


CHANGED = ["squared", "cubed", "factorial", "pi", "minus one", "plus two", "halves", "halved", "quarters", "times two"]
NO_UNITS = ["35", ", or maybe 35", "-1", "+ 1", "!", "(or 35)", "mod 5", "x", "n"]


@pytest.mark.parametrize("words", [*CHANGED, *NO_UNITS])
def test_words_that_change_a_number_are_no_unit(words):
    assert not accepts("34", rf"34\text{{{words}}}") and not accepts("34", rf"34\text{{ {words}}}")
    assert words in NO_UNITS or not accepts("34", f"34 {words}")


def test_words_before_more_mathematics_are_not_dropped():
    assert not accepts("34", r"34\text{ divided by }2") and not accepts("34", r"34\text{ minus }1")


UNITS = [
    r"\text{ cm}^2", r"\text{ cm^2}", r"\text{ cm2}", r"\text{ m/s^2}", r"\text{ cm squared}",
    r"\text{ miles per hour}",
    r"\text{ ways to choose}", r"\text{ pens and pencils}", r"\text{m}", r"\text{-gon}", r"\text{ times}",
    " meters squared", " square units", " more",
]  # fmt: skip


@pytest.mark.parametrize("unit", UNITS)
def test_units_in_words_are_still_taken_off(unit):
    assert accepts("34", "34" + unit) and not accepts("35", "34" + unit)


OTHER_NUMBERS = [
    "half of 12", "twice the value 12", "the square of 12", "square root of 12", "the negative of 12",
    "a multiple of 12", "divisible by 12", "the factorial of 12", "Anything but 12", "twelve plus 12",
    "hundred times 12", "one less than 12", "the number after 12", "The value is the square of 12",
    "it cannot be 12", "it can't be 12", "it does not have 12", "it never is 12", "none of these is 12",
    "the wrong answer would be 12", "the answer is not 12",
]  # fmt: skip


@pytest.mark.parametrize("sentence", OTHER_NUMBERS)
def test_a_sentence_about_another_number_is_not_its_only_number(sentence):
    assert not accepts("12", sentence)


SAME_NUMBER = [
    "There are 12 such numbers", "The number of integers that are not divisible by 3 is 12", "we get 12 in total",
    "The square has 12 tiles", "the sum of the roots = 12", "The square of the distance is 12", "It takes 12 more days",
]  # fmt: skip


@pytest.mark.parametrize("sentence", SAME_NUMBER)
def test_a_sentence_that_states_a_number_is_read(sentence):
    assert accepts("12", sentence)


@pytest.mark.parametrize(
    ("gold", "answer", "right"),
    [
        ("274758382273", r"(2+\sqrt3)^{20}", False),
        ("274758382274", r"(2+\sqrt3)^{20}+(2-\sqrt3)^{20}", True),
        ("10000000000", r"10000000005\cos 0", False),
        ("10000000000", r"10000000000\cos 0", True),
        ("12586269028", r"\frac{(\frac{1+\sqrt5}{2})^{50}-(\frac{1-\sqrt5}{2})^{50}}{\sqrt5}", False),
        ("12586269025", r"\frac{(\frac{1+\sqrt5}{2})^{50}-(\frac{1-\sqrt5}{2})^{50}}{\sqrt5}", True),
        ("100000000000000", r"100000000000001\cos 0", False),
        ("100000000000000", r"\sqrt{10^{28}}", True),
        ("2", r"\sqrt{2}\sqrt{2}", True),
    ],
)
def test_nine_digits_are_not_enough_for_a_large_whole_number(gold, answer, right):
    assert accepts(gold, answer) is right


CHINESE = [
    "34种", "34个", "$34$ 个", "34人", "34元", "34厘米", "34千米", "34平方厘米", "共34种", "一共有34个", "共34种方法",
    "34种不同的方法", "34 （种）", "34（种）", r"34\text{种}",
]  # fmt: skip
NOT_34 = [
    "34万", "34亿", "34千", "34百", "34万元", "34或35", "34个或35个", "34和35", "34点五", "34个半", "34的平方",
    "34平方",
    "34的一半", "34分之一", "34以上", "不是34", "34加一", "34多个", "34的倍数", "34的阶乘", "十34", r"34\text{万}",
    r"34\text{ 或 }35", r"34\text{个半}",
]  # fmt: skip


@pytest.mark.parametrize("answer", CHINESE)
def test_chinese_measure_words_are_units(answer):
    assert accepts("34", answer) and not accepts("35", answer)
    assert compute_score("math500", rf"答案：{answer}", "34")["acc"]


@pytest.mark.parametrize("answer", NOT_34)
def test_chinese_words_that_change_a_number_are_no_units(answer):
    assert not accepts("34", answer)


def test_chinese_sentences_and_boxes():
    assert compute_score("math500", "所以答案是34个。", "34")["acc"]
    assert compute_score("math500", r"故 \boxed{34个}", "34")["acc"]
    assert accepts("340000", "34万")


@pytest.mark.parametrize(
    ("gold", "answer", "right"),
    [
        ("34", r"\textbf{(C)}\ 34", True),
        ("34", r"\text{(C) }34", True),
        ("34", r"\textbf{(C)}", False),
        ("34", "(C) 35", False),
        ("34", "34_{10}", True),
        ("34", r"34_{\text{ten}}", True),
        ("34", "34_8", False),
        ("34_8", "34_{10}", False),
        ("-2", r"\sqrt[3]{-8}", True),
        ("2", r"\sqrt[3]{-8}", False),
        (r"-\sqrt[3]{x-1}", r"\sqrt[3]{1-x}", True),
        (r"(1-x)^{1/3}", r"\sqrt[3]{1-x}", True),
        ("34", r"34 \pmod{100}", True),
        ("34", r"x \equiv 34 \pmod{100}", True),
        ("34", r"134 \bmod 100", False),
        ("4", r"34 \pmod{10}", False),
        ("134", r"34 \pmod{100}", False),
        ("34", "34 ✅", True),
        ("34", r"34\checkmark", True),
        ("34", r"34 \quad\blacksquare", True),
        ("34", "34<end_of_turn>", True),
        ("35", "34 ✅", False),
        ("5", r"2^{20000}+2^{10^{10}}", False),
        (r"2^{10^{10}}+2^{20000}", r"2^{20000}+2^{10^{10}}", True),
    ],
)
def test_choices_bases_roots_residues_and_ends(gold, answer, right):
    assert accepts(gold, answer) is right


@pytest.mark.parametrize(
    ("gold", "answer", "right"),
    [
        ("|x|", "x", False),
        ("|x|", r"\sqrt{x^2}", True),
        ("|x-3|", "3-x", False),
        ("|x-3|", "|3-x|", True),
        (r"|c|\sqrt{ab}", r"|c|\sqrt{a}\sqrt{b}", True),
    ],
)
def test_an_absolute_value_is_compared_on_both_sides_of_zero(gold, answer, right):
    assert accepts(gold, answer) is right


PHYSICS = ["eV", "Hz", "pc", "kJ/mol", "N/m^2", r"\Omega", "Ω", "Å", r"^\circ C", "°C", r"M_\odot", "MeV", "V/m"]


@pytest.mark.parametrize("unit", PHYSICS)
def test_units_of_physics_count_only_where_a_set_says_so(unit):
    assert accepts("15", f"15 {unit}", "minerva_math") and not accepts("16", f"15 {unit}", "minerva_math")
    assert accepts("15", f"15{unit}", "minerva_math")


@pytest.mark.parametrize("rest", ["x", "x^2", "n", r"\pi", "/m", "a/b", "ab", "e3", " million", r"\mu"])
def test_mathematics_after_a_number_is_no_unit_of_physics(rest):
    assert not accepts("15", f"15{rest}", "minerva_math")


@pytest.mark.parametrize("unit", ["eV", "kJ/mol", r"\Omega", "V/m", r"M_\odot"])
def test_other_sets_know_no_units_of_physics(unit):
    assert not accepts("15", f"15 {unit}")

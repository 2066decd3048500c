# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Every gold answer, rewritten: spellings that mean the same are accepted, near misses are rejected."""

import re

import pytest

from data_prep.registry import BENCHMARKS
from v05_verl.grading import compute_score
from v05_verl.grading.samples import golds


def same(text):
    """Spellings of ``text`` that mean the same."""
    yield text.replace(r"\frac", r"\dfrac")
    yield text.replace(",", " , ").replace("+", " + ")
    yield rf"**{text}**"
    yield rf"\({text}\)."
    yield f"The final result is ${text}$"
    if re.fullmatch(r"-?\d+", text):
        number = int(text)
        yield from (f"{text}.0", f"x = {text}", f"{number:,}", f"{number:,}".replace(",", "{,}"), f"{text} + 0")
        yield from (f"{text} units", rf"\frac{{{2 * number}}}{{2}}")
    match = re.fullmatch(r"(-?)\\frac\{(\d+)\}\{(\d+)\}", text)
    if match:
        sign, above, below = match[1], int(match[2]), int(match[3])
        yield from (f"{sign}{above}/{below}", rf"{sign}\frac{{{2 * above}}}{{{2 * below}}}")
    match = re.fullmatch(r"(\d*) ?\\sqrt\{(\d+)\}", text)
    if match:
        factor, radicand = int(match[1] or 1), int(match[2])
        yield from (rf"\sqrt{{{factor * factor * radicand}}}", f"{factor}*sqrt({radicand})", f"{factor}√{radicand}")
    if is_plain_list(text):
        parts = text.split(", ")
        yield from (", ".join(reversed(parts)), ", ".join(parts[:-1]) + " and " + parts[-1], rf"\{{{text}\}}")


def other(text):
    """Near misses of ``text``."""
    digit = re.search(r"\d", text)
    if digit:
        at = digit.start()
        yield text[:at] + str(int(text[at]) % 9 + 1) + text[at + 1 :]
    if re.fullmatch(r"[1-9]\d*", text):
        number = int(text)
        yield from (f"-{text}", f"{text}0", f"{text} or {2 * number}", f"{2 * number}, {text}", f"{text}-{2 * number}")
        yield from (f"{text}x", f"not {text}", f"x > {text}", f"{text}:{2 * number + 1}", f"({text}, {text})")
    if re.fullmatch(r"\([^()]*, [^()]*\)", text):
        parts = text[1:-1].split(", ")
        yield f"[{text[1:-1]}]"
        if parts != parts[::-1]:
            yield f"({', '.join(reversed(parts))})"
    if is_plain_list(text):
        yield from (text.rpartition(", ")[0], f"{text}, 77777")


def is_plain_list(text):
    return ", " in text and not re.search(r"[(\[{=]", text)


@pytest.mark.parametrize("name", BENCHMARKS)
def test_rewritten_gold_answers(name, prepared, is_whole):
    wrong, asked = [], 0
    for gold in golds(prepared[name]):
        for equal, rewritten in ((True, same(gold.text)), (False, other(gold.text))):
            for answer in rewritten:
                if answer == gold.text:
                    continue
                asked += 1
                result = compute_score(name, f"Answer: {answer}", gold.text, gold.extra_info)
                if bool(result["acc"]) is not equal:
                    wrong.append((gold.text, answer, result["grader_path"]))
    assert asked > (300 if is_whole else 50) and wrong == []

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Whether a prediction equals the gold answer: strings first, then numbers, then values of expressions.

Every step answers True, False, or None for "this step cannot tell". None at the end means that nothing here could
read one of the two; only then is math-verify worth its time.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache

import numpy as np

from v05_verl.grading import evaluate, prose, units
from v05_verl.grading.extract import CLAUSE
from v05_verl.grading.latex import normalise, squeeze, unwrap_text
from v05_verl.grading.numbers import parse_number
from v05_verl.grading.quantity import Verdict, constant, same_quantity, tree
from v05_verl.grading.rules import Rules
from v05_verl.grading.structure import Answer, structure
from v05_verl.grading.tokens import NAMES

MAX_LIST = 24
WORD_LETTERS = 4
SHORT_WORDS = frozenset({"yes", "no", "odd", "all", "dne", "one", "two", "six", "ten"})
LARGE = 10**300  # near the end of the doubles
MAX_CHAIN = 6  # sides of "a = b = c"

_CHOICE_MARK = re.compile(r"\([A-J]\)")
_CHOICE = re.compile(r"\(?([A-J])\)?")
_CHOICE_WITH_TEXT = re.compile(r"\(([A-J])\)\s?(?!.*\([A-J]\)).*|([A-J])[).:](?:\s.*)?")
_ARTICLE = re.compile(r"^(?:an?|the|option|choice|(?:the answer|it) is) ", re.IGNORECASE)
_WORDS = re.compile(r"[A-Za-z][A-Za-z'-]+(?: [A-Za-z'-]+)*")
_APPROXIMATELY = re.compile(r"\s?(?:\\(?:approx|simeq|sim|doteq)(?![a-zA-Z])|~=)\s?")
_RELATED = re.compile(r"[<>!:~]=|=[<>=]")
_BEFORE_BRACKET = re.compile(r"^(?:[A-Za-z]{2,}\s|\\text\s?\{[^{}]*\}\s?)+(?=[(\[])")
_YES_OR_NO = re.compile(r"(yes|no|true|false)[,.;:]\s.*", re.IGNORECASE)
_NUMBER_WORDS = "zero one two three four five six seven eight nine ten eleven twelve".split()
_FUNCTION = re.compile(r"[a-zA-Z].*\([a-z](?:,\s?[a-z])*\)")
_WORDS_LEFT = re.compile(r"\\text(?![a-zA-Z])|[\u4e00-\u9fff]")
_DECIMAL_COMMA = re.compile(r"-?(?:\d+,(?!\d{3}$)\d+|0,\d+)")


@lru_cache(maxsize=8192)
def _gold(text: str, is_list: bool) -> tuple[str, Answer | None]:
    text = normalise(text)
    if _CHOICE_MARK.fullmatch(text):
        text = rf"\text{{{text}}}"
    return squeeze(text), _structure(text, is_list)


def compare(gold: str, prediction: str, rules: Rules) -> Verdict:
    """Verdict on two answers, without math-verify."""
    gold_string, gold_answer = _gold(gold, rules.is_list)
    prediction = normalise(prediction)
    if not prediction:
        return Verdict(False, "no_answer")
    if squeeze(prediction) == gold_string:
        return Verdict(True, "string")
    if r"\text" in gold + prediction and _words(prediction) == _words(gold_string):
        return Verdict(True, "words")
    if _DECIMAL_COMMA.fullmatch(gold_string) and prediction == gold_string.replace(",", "."):
        return Verdict(True, "number")
    if gold_answer is None:
        return Verdict(None, "unread")
    verdicts = [_same(gold_answer, answer, rules) for answer in _readings(prediction, gold_answer)]
    for wanted in (True, False, None):
        for verdict in verdicts:
            if verdict.correct is wanted:
                undecided = wanted is None and _is_number_with_words(gold_answer, prediction)
                return Verdict(False, "words") if undecided else verdict
    raise AssertionError("a prediction has at least one reading")


def _is_number_with_words(gold: Answer, prediction: str) -> bool:
    """34\\text{ or 35} for 34: math-verify would drop the words."""
    return gold.kind == "leaf" and parse_number(gold.text) is not None and _WORDS_LEFT.search(prediction) is not None


def _words(text: str) -> str:
    return squeeze(unwrap_text(text)).replace(" ", "").casefold()


def _readings(prediction: str, gold: Answer) -> list[Answer | None]:
    """Ways to read the prediction; any of them may equal the gold answer.

    A comma before three digits parts a list or thousands; the last side of "a = b" is the answer, and so is the only
    number of a sentence.
    """
    several = gold.kind in ("list", "set")
    first = _structure(prediction, several)
    readings = [first]
    if (inner := prose.without_lead(prediction)) != prediction:
        readings.append(_structure(inner, several))
    if several and re.search(r"\d,\d{3}(?!\d)", prediction):
        readings.append(_structure(prediction, False))
    if gold.kind == "tuple" and _BEFORE_BRACKET.match(prediction):
        readings.append(_structure(_BEFORE_BRACKET.sub("", prediction), several))
    if gold.kind != "leaf":
        return readings
    if value := prose.number_of_choice_or_residue(prediction):
        readings.append(_structure(value, False))
    if answered := _YES_OR_NO.match(prediction):
        readings.append(_structure(answered[1], False))
    if not prose.states(prediction):
        return readings
    if first is not None and first.kind == "leaf" and "=" not in gold.text:
        if gold.name:
            readings += [replace(first, text=side) for side in _results(first.text)]
        else:
            readings += [_structure(side, False) for side in _results(first.text)]
    if CLAUSE.search(prediction):
        readings.append(_structure(CLAUSE.sub("", prediction), False))
    if value := prose.only_value(prediction):
        readings.append(_structure(value, False))
    return readings


def _results(prediction: str) -> list[str]:
    """34 of "m + n = 34", both sides of "1/3 \\approx 0.333"; an equation that ends in "= 0" has no result."""
    if _RELATED.search(prediction):
        return []
    sides = _APPROXIMATELY.split(prediction)
    if len(sides) == 2:
        return sides if _is_approximation(*sides) else sides[:1]
    sides = prediction.split("=")
    return [sides[-1]] if 1 < len(sides) <= MAX_CHAIN and sides[-1].strip() != "0" else []


def _is_approximation(exact: str, rounded: str) -> bool:
    """Whether ``rounded`` is ``exact`` to its own decimals; 203 for 204 is a second guess and none."""
    number, value = parse_number(rounded), constant(exact.rpartition("=")[2])
    if number is None or value is None or abs(number.value) > LARGE:
        return False
    return abs(value - float(number.value)) <= 0.51 * 10.0 ** -(number.decimals or 0)


def _structure(text: str, split_commas: bool) -> Answer | None:
    try:
        return structure(text, split_commas)
    except (ValueError, RecursionError):
        return None


def _same(gold: Answer, prediction: Answer | None, rules: Rules) -> Verdict:
    if prediction is None:
        return Verdict(None, "unread")
    if gold.kind == "leaf" and prediction.kind == "leaf":
        return _same_leaf(gold, prediction, rules)
    if gold.kind == "matrix" or prediction.kind == "matrix":
        return _same_matrix(gold, prediction, rules)
    names = [{part.name for part in answer.parts} - {""} for answer in (gold, prediction)]
    if "tuple" in (gold.kind, prediction.kind) and len(names[0]) > 1 and names[0] == names[1]:
        return _same_in_any_order(gold.parts, prediction.parts, rules)  # q = 4, p = 3 for (p, q) = (3, 4)
    unordered = {"list", "set", "union"}
    if gold.kind in unordered and prediction.kind in unordered:
        if {gold.kind, prediction.kind} == {"set", "union"}:
            return Verdict(False, "structure")
        return _same_in_any_order(gold.parts, prediction.parts, rules)
    if gold.kind in ("list", "set") and len(gold.parts) == 1:
        return _same(gold.parts[0], prediction, rules)
    if prediction.kind == "set" and len(prediction.parts) == 1:
        return _same(gold, prediction.parts[0], rules)
    if gold.kind == "tuple" and prediction.kind == "tuple":
        if not _bounds_agree(gold.name, prediction.name):
            return Verdict(None, "unread")
        if gold.fences != prediction.fences:
            return Verdict(False, "structure")
        return _same_in_order(gold.parts, prediction.parts, rules)
    if prediction.kind == "list" and gold.kind == "leaf":  # one value in several spellings
        return _all([_same(gold, part, rules) for part in prediction.parts])
    kinds = {gold.kind: gold.fences, prediction.kind: prediction.fences}
    if kinds.keys() == {"tuple", "list"} and (kinds["tuple"] == "()" or len(gold.parts) > 2):
        return _same_in_order(gold.parts, prediction.parts, rules)  # 3, 4 for (3, 4)
    return Verdict(False, "structure")


def _bounds_agree(gold: str, prediction: str) -> bool:
    """x > 2 and t > 2 are one interval, and so are 0 < f(x) < 1 and (0, 1); x + y > 2 is not x > 2."""
    return not gold or not prediction or squeeze(gold) == squeeze(prediction) or len(gold) == len(prediction) == 1


def _same_matrix(gold: Answer, prediction: Answer, rules: Rules) -> Verdict:
    """Entry by entry; a column or row may be written as a tuple."""

    def rows(answer: Answer) -> list[tuple[Answer, ...]] | None:
        if answer.kind == "matrix":
            return [row.parts for row in answer.parts]
        if answer.kind == "tuple" and all(part.kind == "tuple" for part in answer.parts):
            return [part.parts for part in answer.parts]  # [[1, 2], [3, 4]]
        return [(part,) for part in answer.parts] if answer.kind == "tuple" else None

    left, right = rows(gold), rows(prediction)
    if left is None or right is None:
        return Verdict(False, "structure")
    if "tuple" in (gold.kind, prediction.kind) and len(left) != len(right) and len(left[0]) == len(right):
        right = [tuple(entry for row in right for entry in row)]
    if [len(row) for row in left] != [len(row) for row in right]:
        return Verdict(False, "structure")
    return _same_in_order([e for row in left for e in row], [e for row in right for e in row], rules)


def _same_in_order(gold, prediction, rules: Rules) -> Verdict:
    if len(gold) != len(prediction):
        return Verdict(False, "structure")
    return _all([_same(left, right, rules) for left, right in zip(gold, prediction, strict=True)])


def _same_in_any_order(gold, prediction, rules: Rules) -> Verdict:
    """A perfect matching between the two; parts that nothing could read stand for "perhaps"."""
    if len(prediction) > len(gold):  # said twice
        prediction = list(dict.fromkeys(prediction))
    if len(gold) != len(prediction) or len(gold) > MAX_LIST:
        return Verdict(False if len(gold) != len(prediction) else None, "structure")
    table = [[_same(left, right, rules) for right in prediction] for left in gold]
    if _matching([[cell.correct is True for cell in row] for row in table]):
        return Verdict(True, _slowest([cell.path for row in table for cell in row if cell.correct]))
    if _matching([[cell.correct is not False for cell in row] for row in table]):
        return Verdict(None, "unread")
    return Verdict(False, _slowest([cell.path for row in table for cell in row if cell.correct is not None]))


def _matching(fits: list[list[bool]]) -> bool:
    """Whether rows and columns can be paired off."""
    if not all(map(any, fits)):
        return False
    from scipy.optimize import linear_sum_assignment

    table = np.array(fits, dtype=bool)
    return bool(table[linear_sum_assignment(table, maximize=True)].all())


def _all(verdicts: list[Verdict]) -> Verdict:
    wrong = [verdict for verdict in verdicts if verdict.correct is False]
    if wrong:
        return wrong[0]
    path = _slowest([verdict.path for verdict in verdicts])
    return Verdict(None if any(verdict.correct is None for verdict in verdicts) else True, path)


def _slowest(paths: list[str]) -> str:
    order = ["string", "structure", "words", "number", "expression", "too_large", "unread"]
    return max(paths, key=order.index, default="structure")


def _same_leaf(gold: Answer, prediction: Answer, rules: Rules) -> Verdict:
    agree = _names_agree(gold, prediction)
    if agree and squeeze(gold.text) == squeeze(prediction.text):
        return Verdict(True, "string")
    words = _same_words(gold.text, prediction.text)
    if words is not None:
        return Verdict(words, "words")
    (left, left_unit), (right, right_unit) = units.split_unit(gold.text), units.split_unit(prediction.text)
    if rules.unit_letters and right != left and parse_number(left) is not None:
        right, letter = units.split_unit(right, letters=True)
        right_unit = right_unit or letter
    right = unwrap_text(right) if right.startswith(r"\text") else right
    left_unit = rules.unit or left_unit
    if units.conflicting(left_unit, right_unit):
        return Verdict(False, "number")
    # An equation stays one: y = 2x + 3 for y - 2x = 3, and the other way round.
    left, right = (
        f"{answer.name}={text}" if answer.name and (not agree or "=" in other) else text
        for answer, text, other in ((gold, left, right), (prediction, right, left))
    )
    percent = units.canonical_unit(left_unit) == units.PERCENT, right_unit == units.PERCENT
    return same_quantity(left, right, percent, rules)


def _names_agree(gold: Answer, prediction: Answer) -> bool:
    """x = 5 is 5, but not y = 5. A formula's name is free: f(x) = 2x is y = 2x."""
    if not gold.name or not prediction.name or squeeze(gold.name) == squeeze(prediction.name):
        return True
    if _FUNCTION.fullmatch(gold.name):
        return True
    sides = tree(gold.text), tree(prediction.text)
    known = evaluate.variables(*(side for side in sides if side is not None))
    return bool(sides[0] and known) and not {gold.name, prediction.name} & set(known)


def _same_words(gold: str, prediction: str) -> bool | None:
    """Verdict on words and choices; None where the gold answer is neither."""
    gold_words, words = unwrap_text(gold), _ARTICLE.sub("", unwrap_text(prediction))
    choice = _CHOICE.fullmatch(gold_words)
    if choice:
        match = _CHOICE.fullmatch(words) or _CHOICE_WITH_TEXT.fullmatch(words)
        if match is not None or r"\text" in gold or "(" in gold:  # else A is a variable
            return match is not None and choice[1] in match.groups()
    if not _WORDS.fullmatch(gold_words):
        return gold_words == str(_NUMBER_WORDS.index(words.lower())) if words.lower() in _NUMBER_WORDS else None
    if not (r"\text" in gold or len(gold_words) >= WORD_LETTERS or gold_words.casefold() in SHORT_WORDS):
        return None  # "ab" is a product
    if gold_words in NAMES:
        return None
    return gold_words.casefold().removesuffix("s") == words.casefold().removesuffix("s")

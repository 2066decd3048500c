# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""What a sentence states: whether it states one value at all, and which."""

from __future__ import annotations

import re

from v05_verl.grading.extract import CLAUSE

_CHINESE_LEAD = re.compile(r"^(?:所以|因此|故)?(?:(?:一共|总共|共)(?:有|为|是)?|有|为|是)\s?(?=[-\d\\(])")
_CHOICE_AND_NUMBER = re.compile(r"(?:\\text\s?\{\s?)?\([A-J]\)\s?\}?\s?(-?\d+(?:\.\d+)?)")
_RESIDUE = re.compile(r"(?:[a-zA-Z]\s?\\equiv\s?)?(\d{1,20})\s?\(mod (\d{1,20})\)")
_PROSE = re.compile(r"(?:[A-Za-z][a-z'-]*[ ,.]+){2,}")  # two words in a row
_VALUE_IN_PROSE = re.compile(r"(?<![\w\\])-?\d[\d,.]*(?:/\d+)?%?|\\\w+|[^\w\s,.'\"()-]")
_NO_STATEMENT = re.compile(
    r"\b(?:not|no|never|without|except|than|least|most|below|above|between|up to|over|under|about|or|if|unless|true"
    r"|false|lambda|import|cannot|none|neither|nor|wrong|incorrect)\b|n't",
    re.IGNORECASE,
)
# Words by which a sentence means another number than the one that it holds.
_ANOTHER_NUMBER = re.compile(
    r"\b(?:half|halves|thirds?|quarters?|twice|thrice|doubled?|tripled?|times|squared?|cubed?|roots?|powers?|negatives?|minus|plus"
    r"|add|added|multiples?|multiplied|multiply|divisible|divided|divides|divisors?|factors?|factorials?|inverse"
    r"|reciprocal|opposite|logarithms?|log|sine?|cosine?|tangent|modulo|mod|but|hundred|thousand|[mbtr]+illion|dozen"
    r"|after|before|any|anything|instead"
    r"|zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)\b",
    re.IGNORECASE,
)


def states(text: str) -> bool:
    """Whether ``text`` states a value: no denial, bound, condition or second possibility outside its last clause."""
    return _NO_STATEMENT.search(CLAUSE.sub("", text)) is None


def only_value(text: str) -> str:
    """The only number or symbol of a sentence; "" where there are several, or the words make another number of it."""
    if not _PROSE.search(text) or _ANOTHER_NUMBER.search(CLAUSE.sub("", text)):
        return ""
    values = _VALUE_IN_PROSE.findall(text)
    return values[0].rstrip(",.") if len(values) == 1 else ""


def without_lead(text: str) -> str:
    """34种 of 共34种: ``text`` without the Chinese words that say there are, or it is, so many."""
    return _CHINESE_LEAD.sub("", text, count=1)


def number_of_choice_or_residue(text: str) -> str:
    """34 of "(C) 34" and of "x \\equiv 34 (mod 100)"; "" where ``text`` is neither."""
    if match := _CHOICE_AND_NUMBER.fullmatch(text):
        return match[1]
    match = _RESIDUE.fullmatch(text)
    return match[1] if match and int(match[1]) < int(match[2]) else ""

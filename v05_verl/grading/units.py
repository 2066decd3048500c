# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Takes units, percent and degree signs off an answer."""

from __future__ import annotations

import re

DEGREE, PERCENT = "degree", "%"

_KNOWN = {
    "degree": "degree degrees deg",
    "hour": "hour hours hr hrs h",
    "minute": "minute minutes min mins",
    "second": "second seconds sec secs",
    "day": "day days",
    "week": "week weeks",
    "month": "month months",
    "year": "year years yr yrs",
    "kg": "kg kgs kilogram kilograms",
    "gram": "g gram grams",
    "pound": "lb lbs pound pounds",
    "litre": "L liter liters litre litres",
    "m/s": "m/s",
    "radian": "rad rads radian radians",
    "km/h": "km/h kmh kph km/hr",
    "km": "km kilometer kilometers kilometre kilometres",
    "m": "m meter meters metre metres",
    "cm": "cm centimeter centimeters centimetre centimetres",
    "mm": "mm millimeter millimeters",
    "inch": "in inch inches",
    "foot": "ft foot feet",
    "mile": "mile miles mi",
    "cent": "cent cents",
    "dollar": "dollar dollars usd",
    "%": "% percent percents percentage pct",
}
_NAMES = {spelling: unit for unit, spellings in _KNOWN.items() for spelling in spellings.split()}
_CHANGES = (
    r"hundred|thousand|million|billion|trillion|dozen|plus|minus|divided|multiplied|maybe|perhaps"
    r"|doubled|tripled|halved|negated|inverted|reversed"
)
# Words after a number that belong to the mathematics and are no unit.
_MATHS = (
    r"pi|sqrt|sin|cos|tan|cot|sec|csc|log|ln|exp|mod|and|or|to|by|times|infty|infinity|inf|factorial|over|choose"
    rf"|{_CHANGES}"
)
# These change the number before them; after another word they do not ("meters squared", "two quarters").
_RIGHT_AFTER = r"squared|cubed|half|halves|thirds|fourths|quarters|fifths|sixths|tenths|hundredths"
_POWER = r"(?:\s?\^\s?\{?\s?-?\d\s?\}?)?"
_UNIT_TEXT = re.compile(rf"\s?(?:\\cdot|/|per)?\s?\\text\s?\{{(?!\s?(?:is|are|or|and|not|if)\b)([^{{}}]*)\}}{_POWER}$")
# Chinese words that are no measure word: "or", numerals, parts, what scales (but 千米 is a unit) or changes the number.
_NOT_CHINESE_UNIT = (
    r"或|和|与|及|万|亿|兆|千(?![米克])|百|十|零|一|二|两|三|四|五|六|七|八|九|点|半|多|余|约|分之|平方$|立方$|次方|阶乘|倍"
    r"|加|减|乘|除|负|根号|开方|以[上下内外]|至|到|不(?!同)|非|(?<!不同)的"
)
_CHINESE = rf"(?:(?!{_NOT_CHINESE_UNIT})[\u4e00-\u9fff])"
_UNIT_CHINESE = re.compile(rf"(?<=[\d}}).])\s?{_CHINESE}{{1,8}}{_POWER}$")
# Words in \text{} that are no unit: operations, signs, variables, a second number ("cm^2" and "cm2" hold none).
_NO_UNIT = re.compile(
    rf"^\s?(?:(?:{_RIGHT_AFTER}|pi|mod|over|choose)\b|[+*^=<>!]|-\s?(?:[a-zA-Z]\b|[^a-zA-Z])|times\b\s?\w"
    r"|[abeijknqrtuvwxyz]\s?$)"
    rf"|\b(?:or|factorial|{_CHANGES})\b|(?<![a-zA-Z^])(?<!\^-)\d"
    rf"|{_NOT_CHINESE_UNIT}",
    re.IGNORECASE,
)
_KNOWN_WORDS = "|".join(sorted((re.escape(name) for name in _NAMES if len(name) > 1 and name != "%"), key=len)[::-1])
_UNIT_WORDS = re.compile(
    rf"(?<=[\d}}).%])(?:\s?(?:{_KNOWN_WORDS})|(?!\s(?:{_RIGHT_AFTER})\b)"
    rf"(?:\s(?!(?:{_MATHS})\b)(?:[a-zA-Z]{{3,20}}|sq\.?|cu\.?)(?:/[a-zA-Z]+)?){{1,4}})"
    rf"{_POWER}$"
)
# Units of physics, where a set says that letters after a number are units ("15 kJ/mol").
_SYMBOL = r"(?:[kMG]?(?:eV|Hz|Pa|pc|J|W|V|N)|mol|[mgsJVNKWACFLhM]|\\Omega|Ω|Å|\\AA|(?:M|L|R)_\{?\\odot\}?)"
_UNIT_LETTER = re.compile(rf"(?<=[\d}}])\s?(?:{_SYMBOL}(?:/{_SYMBOL})?|\^\{{\\circ\}}\s?[CF]){_POWER}$")
_REMARK = re.compile(
    r"\s\((?:[A-Za-z][A-Za-z ,'-]{2,80}|(?:since|because|as|where|for|i\.e\.,?)\s[^()]*)\)$"
    rf"|\s?\({_CHINESE}{{1,8}}\)$"
)
_CIRCLE = re.compile(r"\s?\^\{\\circ\}$")
_ANGLE_OF_FUNCTION = re.compile(r"(?:sin|cos|tan|cot|sec|csc)\W*\d+\s?\^\{\\circ\}$")


def split_unit(text: str, letters: bool = False) -> tuple[str, str]:
    """(what is left, unit) of a normalised answer; the unit is "" where none stands at its end.

    Words that follow a number and units in ``\\text{}`` are taken off unless they change it; those of a table come
    back under one name ("hours" -> "hour"), and so do degrees and percent. An answer that is nothing but words is
    left as it is. With ``letters`` a letter or symbol of physics is a unit too.
    """
    unit = ""
    text = _REMARK.sub("", text)
    if letters and (match := _UNIT_LETTER.search(text)):
        return text[: match.start()], canonical_unit(match[0].strip())
    for _ in range(4):  # "864 \text{ inches}^2", "9e11 \text{kJ} / \text{box}"
        head, piece = _take_one(text)
        if piece is None or not head.strip() or head.rstrip()[-1] in "=+-*/<>(,":
            break
        text, unit = head.strip(), _combined(piece, unit)
    return text, unit


def canonical_unit(unit: str) -> str:
    """The table's name of ``unit`` ("$cm^2$" -> "cm"), the bare word where the table has none."""
    word = re.sub(r"\\text|\\mathrm|[\s${}~\\]|\^\{?-?\d\}?", "", unit.replace(r"\circ", "degree").replace("^", "", 1))
    return _NAMES.get(word.rstrip("0123456789").lower(), word)


def conflicting(gold: str, prediction: str) -> bool:
    """Whether both units are known and differ, as hours and minutes do."""
    gold, prediction = canonical_unit(gold), canonical_unit(prediction)
    return gold in _KNOWN and prediction in _KNOWN and gold != prediction


def _take_one(text: str) -> tuple[str, str | None]:
    if text.endswith("%"):
        return text[:-1], PERCENT
    if _ANGLE_OF_FUNCTION.search(text):
        return text, None
    for pattern, name in ((_CIRCLE, DEGREE), (_UNIT_TEXT, None), (_UNIT_WORDS, None), (_UNIT_CHINESE, None)):
        match = pattern.search(text)
        if match and not (pattern is _UNIT_TEXT and _NO_UNIT.search(match[1])):
            return text[: match.start()], name or (match[1] if pattern is _UNIT_TEXT else match[0])
    return text, None


def _combined(piece: str, later: str) -> str:
    """The name of a unit read from its end: "km" before "/h" is no kilometre."""
    name = canonical_unit(piece.strip())
    if not later or name in (DEGREE, PERCENT):
        return name
    return f"{name} {later}"

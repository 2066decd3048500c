# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""A few dozen hand-made features of a prompt: what its difficulty shows on the surface. No download, no state."""

from __future__ import annotations

import re

import numpy as np

# Length and numbers: what grades synthetic tasks, and separates one-line from multi-part problems.
_SIZE = [
    "characters",
    "words",
    "sentences",
    "digits",
    "numbers",
    "longest_number",
    "largest_number",
    "mean_number",
    "distinct_digits",
    "distinct_characters",
    "upper_case",
    "longest_word",
    "cjk_share",
    "math_share",
]

# Counts of what competition problems are made of (log(1 + count)); names are for reading only.
_PATTERNS = {
    "dollars": r"\$",
    "line_breaks": r"\n",
    "commands": r"\\[a-zA-Z]+",
    "fractions": r"\\[dt]?frac|\\df",
    "roots": r"\\sqrt",
    "powers": r"\^",
    "indices": r"_",
    "equals": r"=|\\equiv",
    "inequalities": r"[<>]|\\[lg]eq?(slant)?(?![a-z])",
    "plus_minus": r"[+-]",
    "times_divided": r"[*/]|\\(times|cdot|div)(?![a-z])",
    "ellipses": r"\\[lcv]?dots|\.\.\.|…",
    "sums_products": r"\\(sum|prod)(?![a-z])",
    "trigonometry": r"\\(sin|cos|tan|cot|arctan|arcsin)(?![a-z])",
    "logarithms": r"\\(log|ln|lg)(?![a-z])",
    "calculus": r"\\(int|lim|infty)(?![a-z])|derivative|integral",
    "floors": r"\\l?floor|\\lceil|floor",
    "modulo": r"\\(pmod|bmod|mod|equiv)(?![a-z])|remainder|divided by|divisible|余数|整除",
    "primes": r"\bprimes?\b|relatively prime|\\gcd|质数|素数|互质",
    "pi": r"\\pi(?![a-z])",
    "triangles": r"triangle|三角形",
    "angles": r"\\angle|\\circ|degrees?|角",
    "circles": r"circle|radius|radii|tangent|圆|半径",
    "polygons": r"square|rectangle|polygon|hexagon|quadrilateral|正方形|矩形",
    "solids": r"cube|sphere|tetrahedron|volume|pyramid|体积|球|正方体",
    "points": r"\bpoints?\b|midpoint|vertex|vertices|点",
    "drawings": r"\[asy\]|figure|diagram|如图|linewidth",
    "probability": r"probabilit|random|expected|概率",
    "counting": r"how many|number of|ways|多少|个数|种",
    "extrema": r"maximum|minimum|largest|smallest|greatest|least|最大|最小",
    "find_all": r"find all|determine all|sum of all|所有",
    "polynomials": r"polynomial|roots?\b|coefficient|多项式|根",
    "functions": r"function|f\(|函数",
    "sequences": r"sequence|a_|term|数列|项",
    "sets": r"\bsets?\b|subset|\\\{|集合",
    "games": r"game|player|strategy|\bwins?\b|\bmoves?\b|tournament",
    "grids": r"grid|board|chess|lattice|coloru?r?ed",
    "integers": r"integer|natural number|整数",
    "reals": r"\breals?\b|complex|实数|复数",
    "people": r"\b(he|she|his|her|they)\b|dollars|minutes|hours|miles|students?",
    "answer_form": r"in the form|form of|expressed as|written as|形式|格式",
    "answer_sum": r"[a-z] ?\+ ?[a-z] ?(\+ ?[a-z])?\$?\.? *$|m ?\+ ?n|原始答案|original answer|请给出",
    "proofs": r"prove|show that|satisf|such that|满足",
    "years": r"\b(19|20)\d\d\b",
    "clauses": r"[,;:，；：]",
    "brackets": r"[(\[]",
}
_COMPILED = [re.compile(pattern, re.IGNORECASE) for pattern in _PATTERNS.values()]
_NUMBER, _WORD, _CJK = re.compile(r"\d+"), re.compile(r"\w+"), re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")

NAMES: tuple[str, ...] = (*_SIZE, *_PATTERNS)
"""Names of the features, in the order of the columns of :func:`hand_features`."""

MAX_CHARACTERS = 20_000
"""Patterns are counted in the first so many characters, so that one huge prompt cannot hold up a step."""


def hand_features(prompt: str) -> np.ndarray:
    """(len(NAMES),) float64 features of one prompt; finite for every text, the empty one included."""
    text = prompt[:MAX_CHARACTERS]
    counts = [len(pattern.findall(text)) for pattern in _COMPILED]
    return np.concatenate([_size_features(prompt, text), np.log1p(counts)])


def _size_features(prompt: str, text: str) -> np.ndarray:
    numbers, words = _NUMBER.findall(text), _WORD.findall(text)
    digits = sum(map(len, numbers))
    # log10 of a number from its digits alone: a number of a thousand digits must not overflow.
    magnitudes = [len(number) + float("0." + number[:15]) for number in numbers] or [0.0]
    length = max(len(text), 1)
    math = len(re.findall(r"[\\$\^_{}=]", text))
    return np.array(
        [
            np.log1p(len(prompt)),
            np.log1p(len(words)),
            np.log1p(len(re.findall(r"[.?!。？！]", text))),
            np.log1p(digits),
            np.log1p(len(numbers)),
            np.log1p(max(map(len, numbers), default=0)),
            np.log1p(max(magnitudes)),
            np.log1p(np.mean(magnitudes)),
            len(set("".join(numbers))),
            np.log1p(len(set(text))),
            np.log1p(sum(map(str.isupper, text))),
            np.log1p(max(map(len, words), default=0)),
            len(_CJK.findall(text)) / length,
            math / length,
        ]
    )

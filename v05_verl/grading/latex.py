# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""One spelling for many: text that means the same is brought to the same characters, nothing is evaluated."""

from __future__ import annotations

import re
import unicodedata

_SUPERSCRIPT = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ", "0123456789+-n")
_SUPERSCRIPTS = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ]+")
_SUBSCRIPT = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_SUBSCRIPTS = re.compile("[₀₁₂₃₄₅₆₇₈₉]+")
_CHARACTERS = {
    "−": "-", "–": "-", "—": "-", "‐": "-", "×": r"\times ", "·": r"\cdot ", "⋅": r"\cdot ", "÷": "/", "⁄": "/",
    "∕": "/", "π": r"\pi ", "∞": r"\infty ", "≤": r"\le ", "≥": r"\ge ", "≠": r"\ne ", "°": r"^{\circ}", "√": r"\sqrt ",
    "±": r"\pm ", "∓": r"\mp ", "∪": r"\cup ", "∩": r"\cap ", "∈": r"\in ", "θ": r"\theta ", "α": r"\alpha ",
    "“": '"', "”": '"', "’": "'", "′": "'", "″": "''", "∅": r"\emptyset ", "⌊": r"\lfloor ", "⌋": r"\rfloor ",
    "⌈": r"\lceil ", "⌉": r"\rceil ", "µ": r"\mu ", "ℝ": r"\mathbb{R}",
}  # fmt: skip
_CHARACTER = re.compile("[" + "".join(_CHARACTERS) + "]")

# Commands that change how an answer looks and not what it is; longest first where one begins another.
_SIZES = re.compile(
    r"\\(?:left|right|bigl|bigr|Bigl|Bigr|biggl|biggr|Biggl|Biggr|big|Big|bigg|Bigg|displaystyle|textstyle|limits"
    r"|nolimits|mathstrut|strut|rm|bf|it)(?![a-zA-Z])"
)
_SPACES = re.compile(r"\\[,;:> ]|\\q?quad(?![a-zA-Z])|\\hspace\{[^{}]*\}|\\(?:thinspace|enspace)(?![a-zA-Z])|~|&nbsp;|\s+")
_NO_SPACE = re.compile(r"\\!|\\(?:phantom|label)\{[^{}]*\}")
_SYNONYMS = [
    (re.compile(rf"\\(?:{names})(?![a-zA-Z])"), replacement)
    for names, replacement in [
        ("dfrac|tfrac|cfrac", r"\\frac"),
        ("dbinom|tbinom", r"\\binom"),
        ("leqslant|leq|leqq", r"\\le"),
        ("geqslant|geq|geqq", r"\\ge"),
        ("neq", r"\\ne"),
        ("lbrace", r"\\{"),
        ("rbrace", r"\\}"),
        ("lbrack", "["),
        ("rbrack", "]"),
        ("lparen", "("),
        ("rparen", ")"),
        ("ast", "*"),
        ("div", "/"),
        ("colon", ":"),
        ("varnothing", r"\\emptyset"),
        ("degree", r"^{\\circ}"),
        ("percent", "%"),
        ("lvert|rvert|vert", "|"),
        ("varepsilon", r"\\epsilon"),
        ("mathrm|textrm|textnormal|textsf|texttt|textup|mbox|hbox|operatorname\\*?|mathop|mathsf", r"\\text"),
        ("textbf|mathbf|boldsymbol|bm|textit|mathit|emph|underline|mathnormal|boxed|fbox|textcolor", r"\\style"),
    ]
]
_STYLE = re.compile(r"\\style\s*\{([^{}]*)\}")
_THOUSANDS = re.compile(r"(?<=\d)\{,\}(?=\d{3})|(?<=\d),\\!\s*(?=\d{3})|(?<=\d)\\,(?=\d{3}(?!\d))")
_CIRCLE = re.compile(r"\^\s*(?:\{\s*\\circ\s*\}|\\circ(?![a-zA-Z]))")
_SHORT_FRAC = re.compile(r"\\frac\s*(\d|\{[^{}]*\})\s*(\d|[a-zA-Z](?![a-zA-Z])|\{)")
_SHORT_ROOT = re.compile(r"\\sqrt\s*(\d+|[a-zA-Z](?![a-zA-Z]))")
_MARKDOWN = re.compile(r"\*\*(?=[^\s\d(\\{+-])|(?<=\S)\*\*(?=\W*$)|^\W*\*\*|__")
_MATH_MARKS = re.compile(r"(?<!\\)\$|\\[()\[\]](?!\w)|\\(?=\$)")


def normalise(text: str) -> str:
    """``text`` with one spelling for spaces, fractions, roots, signs, brackets, styles and unicode characters.

    Math delimiters, markdown bold and trailing punctuation are removed. The result is at most a constant factor longer.
    """
    text = _unicode(text)
    text = _THOUSANDS.sub(lambda match: "," if "," in match[0] else "", text)
    text = _NO_SPACE.sub("", text)
    text = text.replace(r"\$", "$")
    text = re.sub(r"\\([()\[\]])", r" \1" if False else " ", text)
    text = text.replace("$", "")
    text = _SPACES.sub(" ", text)
    text = _SIZES.sub("", text)
    for pattern, replacement in _SYNONYMS:
        text = pattern.sub(replacement, text)
    text = _unwrap_styles(text)
    text = _CIRCLE.sub(r"^{\\circ}", text)
    text = text.replace(r"\%", "%")
    text = _braces_of_short_forms(text)
    text = re.sub(r"(?<![\d.])\.(?=\d)", "0.", text)
    return trim(re.sub(r" {2,}", " ", text))


def trim(text: str) -> str:
    """``text`` without outer white space, markdown bold, quotes and trailing punctuation."""
    before = None
    while before != text:
        before = text
        text = text.strip().strip("`\"").strip()
        text = re.sub(r"^(?:\*\*|__)\s*|\s*(?:\*\*|__)$", "", text)
        text = re.sub(r"(?:\\\\|[.,;:!?。，；])+$", "", text)
        if text.endswith("*") and text.startswith("*"):
            text = text[1:-1]
    return text


def squeeze(text: str) -> str:
    """``text`` without spaces, except one after a command that a letter follows: what is compared as a string."""
    return re.sub(r"(?<!\\[a-zA-Z]) | (?![a-zA-Z])", "", _KEEP.sub(r"\1\\ ", text)).replace("\\ ", " ")


_KEEP = re.compile(r"(\\[a-zA-Z]+) (?=[a-zA-Z])")


def _unicode(text: str) -> str:
    if text.isascii():
        return text
    text = _SUPERSCRIPTS.sub(lambda match: "^{" + match[0].translate(_SUPERSCRIPT) + "}", text)
    text = _SUBSCRIPTS.sub(lambda match: "_{" + match[0].translate(_SUBSCRIPT) + "}", text)
    text = _CHARACTER.sub(lambda match: _CHARACTERS[match[0]], text)
    return _CHARACTER.sub(lambda match: _CHARACTERS[match[0]], unicodedata.normalize("NFKC", text))


def _unwrap_styles(text: str) -> str:
    for _ in range(4):  # nested styles
        text, count = _STYLE.subn(r"\1", text)
        if not count:
            break
    return text


def _braces_of_short_forms(text: str) -> str:
    """\\frac12 -> \\frac{1}{2}, \\sqrt3 -> \\sqrt{3}."""
    text = _SHORT_ROOT.sub(r"\\sqrt{\1}", text) if r"\sqrt" in text else text
    if r"\frac" not in text:
        return text

    def braced(match: re.Match) -> str:
        above = match[1] if match[1].startswith("{") else "{" + match[1] + "}"
        return r"\frac" + above + ("{" if match[2] == "{" else "{" + match[2] + "}")

    return _SHORT_FRAC.sub(braced, text)

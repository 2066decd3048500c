# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""One spelling for many: text that looks different and means the same becomes the same characters.

Nothing is evaluated here. Every function takes time linear in the length of its text.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ"
_SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉"
_RAISED = str.maketrans(_SUPERSCRIPTS, "0123456789+-n")
_LOWERED = str.maketrans(_SUBSCRIPTS, "0123456789")
_SYMBOLS = {
    "−": "-", "–": "-", "—": "-", "‐": "-", "×": r"\times ", "·": r"\cdot ", "⋅": r"\cdot ", "÷": "/", "⁄": "/",
    "∕": "/", "π": r"\pi ", "∞": r"\infty ", "≤": r"\le ", "≥": r"\ge ", "≠": r"\ne ", "≈": r"\approx ",
    "°": r"^{\circ}", "√": r"\sqrt ", "±": r"\pm ", "∓": r"\mp ", "∪": r"\cup ", "∩": r"\cap ", "∈": r"\in ",
    "θ": r"\theta ", "α": r"\alpha ", "λ": r"\lambda ", "ω": r"\omega ", "“": '"', "”": '"', "’": "'", "′": "'",
    "″": "''", "∅": r"\emptyset ", "⌊": r"\lfloor ", "⌋": r"\rfloor ", "⌈": r"\lceil ", "⌉": r"\rceil ",
    "ℝ": r"\mathbb{R}", "⟨": "(", "⟩": ")", "。": ".", "，": ",", "、": ",", "；": ";", "（": "(", "）": ")",
}  # fmt: skip
_SYMBOL = re.compile("[" + "".join(_SYMBOLS) + "]")
_IGNORED = re.compile(r"[€£¥\x00-\x08\x0b-\x1f\x7f\u200b-\u200f\u202a-\u202e\ufeff\ud800-\udfff]")

_THOUSANDS = re.compile(r"(?<=\d)(?:\{,\}|,\\!\s*|\\,)(?=\d{3}(?!\d))")
_REPEATING = re.compile(r"(?<=[\d.])(\d)(?:\s?\(?repeating\)?|\1\1(?:\.{3}|…|\s?\\[lc]?dots))")
_MODULO = re.compile(r"\(?\s?\\?(?<![a-zA-Z])[pb]?mod(?![a-zA-Z])\s?\{?\s?(\w+)\s?\}?\)?")
_DELIMITERS = re.compile(r"(?<!\\)\\[()\[\]]|\\?\$")
_INVISIBLE = re.compile(r"\\!|\\(?:phantom|label|tag|color|textcolor)\{[^{}]*\}|(?:\\text\s?)?\{\s*\}")
_BARE_FRAC = re.compile(r"(?<![\\a-zA-Z])[dt]?frac(?=\{)")
_SCALES = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12, "万": 4, "亿": 8}
_SCALE_WORD = "(" + "|".join(_SCALES) + r")(?![a-zA-Z])"
_SCALE = re.compile(rf"(?<=\d)\s?(?:\\text\s?\{{\s?{_SCALE_WORD}([^{{}}]*)\}}|{_SCALE_WORD})")
_VULGAR = re.compile("(?<=[0-9])(?=[¼-¾⅐-⅞])")
_SPACE = re.compile(r"(?<!\\)\\[,;:> ]|\\q?quad|\\(?:thinspace|enspace)(?![a-zA-Z])|\\hspace\{[^{}]*\}|~|\s+")
_SIZE = re.compile(
    r"\\(?:left|right|[bB]igg?[lr]?|displaystyle|textstyle|limits|nolimits|rm|bf|it|large|Large|scriptstyle)(?![a-zA-Z])\.?"
)
_DOUBLE_ESCAPE = re.compile(r"\\\\(?=[a-zA-Z])")


def _commands(replacements: dict[str, str]) -> tuple[re.Pattern, dict[str, str]]:
    table = {name: new for names, new in replacements.items() for name in names.split()}
    pattern = "|".join(sorted(map(re.escape, table), key=len, reverse=True))
    return re.compile(rf"\\({pattern})(?![a-zA-Z])\*?"), table


_SYNONYM, _SYNONYMS = _commands(
    {
        "dfrac tfrac cfrac": r"\frac",
        "dbinom tbinom": r"\binom",
        "leqslant leq leqq": r"\le",
        "geqslant geq geqq": r"\ge",
        "neq": r"\ne",
        "lbrace": r"\{",
        "rbrace": r"\}",
        "lbrack": "[",
        "rbrack": "]",
        "langle": "(",
        "rangle": ")",
        "ast": "*",
        "div": "/",
        "colon": ":",
        "varnothing": r"\emptyset",
        "degree": r"^{\circ}",
        "lvert rvert vert mid": "|",
        "varepsilon": r"\epsilon",
        "varphi": r"\phi",
        "mathrm textrm textnormal textsf texttt textup mbox hbox operatorname mathop mathsf textsc": r"\text",
        "textbf mathbf boldsymbol bm textit mathit emph underline mathnormal boxed fbox mathcal": r"\style",
    }
)
_STYLE = re.compile(r"\\style\s*\{([^{}]*)\}")
_CIRCLE = re.compile(r"\^\s*(?:\{\s*\\circ\s*\}|\\circ(?![a-zA-Z]))")
_SHORT_FRAC = re.compile(r"\\frac\s*(?:(\d|[a-zA-Z])|(\{[^{}]*\}))\s*(?:(\d|[a-zA-Z])|(?=\{))")
_SHORT_ROOT = re.compile(r"\\sqrt\s*(\d+|[a-zA-Z])")
_BARE_POINT = re.compile(r"(?<![\d.\w])\.(?=\d)")
_TRAILING = re.compile(
    r"(?:\\(?:checkmark|blacksquare|square|Box|qed)|[✅✓✔☑∎■□🎉\ufe0f]|\\+|[.,;:!?])+$"  # a proof's end, a tick
)
_OUTER_BOLD = re.compile(r"^(?:\*\*|__)\s*|\s*(?:\*\*|__)$")


@lru_cache(maxsize=1024)  # the answer is compared and told
def normalise(text: str) -> str:
    """``text`` with one spelling for spaces, signs, fractions, roots, brackets, styles and unicode characters.

    Math delimiters, dollar signs, markdown bold, sizes and trailing punctuation are removed; ``\\text{}`` stays, for it
    marks units and words.
    """
    text = _THOUSANDS.sub(",", _ascii(_IGNORED.sub("", text)))
    if "repeating" in text or "..." in text or "…" in text or "dots" in text:
        text = _REPEATING.sub(r"\\overline{\1}", text)
    text = _BARE_FRAC.sub(r"\\frac", text)
    if "\\" in text:
        text = _plain_latex(text)
    else:
        text = re.sub(r"\s+", " ", text.replace("$", ""))
    text = _SCALE.sub(_power_of_ten, text)
    if "mod" in text:
        text = _MODULO.sub(r"(mod \1)", text)
    return trim(_BARE_POINT.sub("0.", text))


def trim(text: str) -> str:
    """``text`` without outer white space, markdown bold, quotes and trailing punctuation."""
    before = None
    while before != text:
        before = text
        text = text.strip(' \n\t`"')
        text = _OUTER_BOLD.sub("", text)
        if not text.endswith((r"\!", r"\;", r"\,")) and not re.search(r"\d!$|\)!$|[a-zA-Z]!$", text):
            text = _TRAILING.sub("", text)
        if len(text) > 2 and text[0] == text[-1] and text[0] in "*_":
            text = text[1:-1]
    return text


def squeeze(text: str) -> str:
    """``text`` without the spaces and braces that change nothing: the form in which strings are compared."""
    text = re.sub(r"(\\[a-zA-Z]+) +(?=[a-zA-Z])", r"\1{}", text)
    text = re.sub(r" (?!\d)|(?<!\d) ", "", text)  # "3 4" is not 34
    return re.sub(r"([\^_])\{(\w)\}", r"\1\2", text)


def unwrap_text(text: str) -> str:
    """``text`` with each ``\\text{words}`` replaced by its words."""
    return re.sub(r"\\text\s*\{([^{}]*)\}", r"\1", text).strip()


def closing_brace(text: str, start: int) -> int:
    """Position of the brace that closes the one at ``start``; -1 where none does. ``\\{`` and ``\\}`` do not count."""
    depth, position = 0, start
    while position < len(text):
        character = text[position]
        if character == "\\":
            position += 1
        elif character == "{":
            depth += 1
        elif character == "}":
            depth -= 1
            if depth == 0:
                return position
        position += 1
    return -1


def _ascii(text: str) -> str:
    if text.isascii():
        return text
    text = re.sub(f"[{_SUPERSCRIPTS}]+", lambda match: "^{" + match[0].translate(_RAISED) + "}", text)
    text = re.sub(f"[{_SUBSCRIPTS}]+", lambda match: "_{" + match[0].translate(_LOWERED) + "}", text)
    text = _VULGAR.sub(" ", text)
    text = unicodedata.normalize("NFKC", _SYMBOL.sub(lambda match: _SYMBOLS[match[0]], text))
    return _SYMBOL.sub(lambda match: _SYMBOLS[match[0]], text)


def _plain_latex(text: str) -> str:
    text = text.replace('\\"', '"')
    if r"\begin" not in text:
        text = _DOUBLE_ESCAPE.sub(r"\\", text)
    text = _DELIMITERS.sub(" ", text)
    text = _INVISIBLE.sub("", text)
    text = _SPACE.sub(" ", text)
    text = _SIZE.sub("", text)
    text = _SYNONYM.sub(lambda match: _SYNONYMS[match[1]], text)
    for _ in range(4):  # styles inside styles
        text, count = _STYLE.subn(r"\1", text)
        if not count:
            break
    text = _CIRCLE.sub(r"^{\\circ}", text).replace(r"\%", "%").replace(r"\{\}", r"\emptyset")
    text = _SHORT_ROOT.sub(r"\\sqrt{\1}", text)
    return re.sub(r" {2,}", " ", _SHORT_FRAC.sub(_braced_frac, text))


def _power_of_ten(match: re.Match) -> str:
    """3 million, 3 \\text{ million dollars}: the word scales the number and is no unit."""
    rest = rf" \text{{{match[2]}}}" if (match[2] or "").strip() else ""
    return rf"\times 10^{{{_SCALES[match[1] or match[3]]}}}{rest}"


def _braced_frac(match: re.Match) -> str:
    """\\frac12, \\frac{1}2, \\frac1{2} -> \\frac{1}{2}."""
    above = match[2] or "{" + match[1] + "}"
    return r"\frac" + above + ("{" + match[3] + "}" if match[3] else "")

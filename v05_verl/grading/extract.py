# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Finds the final answer in a response."""

from __future__ import annotations

import re
from collections import deque

from v05_verl.grading.latex import closing_brace

MAX_ANSWER_CHARS = 2000  # the longest gold answer of the seven sets has 193 characters
_BLANK = " \t\r\n*_`$:"

# "Answer: x", "**Answer:** x", "Final Answer：x", "the answer is: x"; a Chinese response writes 答案.
_MARK = re.compile(r"(?:\banswer(?:\s{1,4}is)?|答案(?:是|为)?)[ \t*_`}]{0,8}[:：]", re.IGNORECASE)
_OPENING = re.compile(
    r"(?:^|[\n.!?。:$*)>\]])[\s*_#>-]{0,8}(?:(?:the|my|our|final|so|thus|hence|therefore|correct),?\s){0,4}$",
    re.IGNORECASE,
)
_LOOK_BACK = 60
_PHRASE = re.compile(
    r"\banswer\s{1,4}(?:(?:to|for|of)\s[^.\n]{1,60}?\s)?(?:(?:is|(?:must|should|will|would) be)\b|=)|答案(?:是|为)",
    re.IGNORECASE,
)
_TAG = re.compile(r"####\s|<answer>|(?:^|\n)[#* ]{2,8}(?:the |my )?(?:final )?answer[:* ]{0,4}\n", re.IGNORECASE)
# An empty box, as in "in \boxed{} as asked", is none; one that never closes is: its answer is not finished.
_EMPTY = r"\{(?:\s|\\[,;:! ]|\\q?quad|~){0,20}\}"
_BOX = re.compile(rf"\\(?:boxed|fbox)\s{{0,4}}(?!{_EMPTY})(?=[{{\d])")
_END_TOKENS = re.compile(r"(?:<\|[a-z_]{2,20}\|>|</s>|<end_of_turn>|<eos>)\s*$")
_BOX_WORD = re.compile(r"[^\s$,;.]{1,40}")
# What may stand between the boxes of one answer: marks, "and", "or", and the name of what comes next.
_MARKS = r"(?:[\s$,;.*\\()\[\]&]|\\q?quad|\\hspace\{[^{}]*\}|\\text\s?\{[\s,;]*\}){0,30}"
_JOINING = r"(?:\\text\s?\{\s?)?(?:and also|as well as|and|or|和|或|及)(?:\s(?:also|the other is))?(?:\s?\})?"
_NAME = r"(?:\\?[a-zA-Z]+(?:_(?:\w|\{\w{1,4}\}))?(?:\([a-z]\))?|\([a-zA-Z, ]{1,12}\))\s?=\s?"
_NAME_BEFORE = re.compile(rf"{_NAME}$")
_BETWEEN_BOXES = re.compile(rf"{_MARKS}(?:{_JOINING})?{_MARKS}(?:{_NAME})?")
_ANNOUNCED = re.compile(r"^\s*(?:\\text\{)?\s*(?:final )?answer(?: is)?\s*[:：]?\s*\}?\s*(?=\S)", re.IGNORECASE)
_DISPLAY = re.compile(r"[\s*]*(\$\$|\\\[)")
_LINE_END = re.compile(r"\\begin\{|\\end\{|\n")
_SENTENCE_END = re.compile(r"(?<!\\left)(?<!\\right)(?<!\.)\.(?=\s|$)")
_SENTENCE = re.compile(r"(?!(?:[Yy]es|[Nn]o),)[A-Za-z]{2,}(?:,|'s)?\s|[a-zA-Z]\sequals\s")
_VERB = re.compile(
    r"(?:\s(?:is|are|equals|(?:must|should|will|would) be|has|have)\b:?|(?<=\b[Ii]t)'s)\s+"
    r"(?:(?:equal to|given by|therefore|thus|simply|at)\s+)?(?=\S)"
)
_DENIED = re.compile(
    r"(?:\b(?:not|cannot|never)|n't|\b(?:none|neither)(?:\sof\s\w{1,20})?|\b(?:wrong|incorrect)(?:\s\w{1,20})?)$",
    re.IGNORECASE,
)
CLAUSE = re.compile(r",?\s(?:which|where|since|because|so that|such that)\s.*", re.DOTALL)


def final_answer(response: str) -> str:
    """The final answer of ``response``: what its last marker announces; "" where there is none.

    Markers are an "Answer:" (``_announcement``) and a ``\\boxed{}``; the later one wins, and a box inside the answer
    line is its content. Only where neither stands, "#### x", <answer>, a heading "Answer", "... answer: x" and "the
    answer is x" count. Thoughts before a closing ``</think>`` are not read.
    Time is linear in the length of the response.
    """
    response = _END_TOKENS.sub("", response.rpartition("</think>")[2])
    line, box = _announcement(response), _last(_BOX, response)
    if box is not None:
        text, end = _boxes(response, box)
        if text and (line is None or line.start() < end):
            return _statement(_ANNOUNCED.sub("", text))
    if line is not None:
        text = _value(response, line.end())
        if text:
            return text
    for pattern in (_TAG, _MARK, _PHRASE):
        phrase = _last(pattern, response)
        if phrase is not None and (text := _value(response, phrase.end()).partition("</answer>")[0]):
            return text
    return ""


def _last(pattern: re.Pattern, text: str) -> re.Match | None:
    return next(iter(deque(pattern.finditer(text), maxlen=1)), None)


def _announcement(response: str) -> re.Match | None:
    """The last "Answer:" that announces an answer: with a capital, or at the start of a line or sentence.

    Elsewhere ("we check our answer: ...") it may mean something else.
    """
    for mark in reversed(list(_MARK.finditer(response))):
        before = response[max(0, mark.start() - _LOOK_BACK) : mark.start()]
        if mark[0][0] in "A答" or _OPENING.search(before):
            return mark
    return None


def _value(response: str, start: int) -> str:
    """What is announced at ``start``: a displayed formula, or the first line that is not blank, without its prose."""
    text = response[start : start + 2 * MAX_ANSWER_CHARS]
    display = _DISPLAY.match(text)
    if display:
        end = text.find({"$$": "$$", "\\[": "\\]"}[display[1]], display.end())
        if end > 0:
            return text[display.end() : end].strip()
    for line in _lines(text)[:4]:
        if line.strip(_BLANK):
            return _statement(_SENTENCE_END.split(line.strip(), maxsplit=1)[0].strip())
    return ""


def _lines(text: str) -> list[str]:
    """Lines of ``text``; a line does not end inside an environment."""
    lines, start, depth = [], 0, 0
    for mark in _LINE_END.finditer(text):
        depth = max(0, depth + {"\\begin{": 1, "\\end{": -1}.get(mark[0], 0))
        if mark[0] == "\n" and depth == 0:
            lines.append(text[start : mark.start()])
            start = mark.end()
    return [*lines, text[start:]]


def _statement(text: str) -> str:
    """What follows the main verb: 1/2, of "the probability that it is odd is 1/2"; else all of ``text``.

    A verb that is denied ("it does not have 34") is none.
    """
    if not _SENTENCE.match(text):
        return text
    verb = _last(_VERB, CLAUSE.sub("", text))
    if (
        verb is None
        or _DENIED.search(text[: verb.start()])
        or ("=" in text[: verb.start()] and text[verb.end()].isalpha())
    ):
        return text
    return text[verb.end() :]


def _boxes(response: str, last: re.Match) -> tuple[str, int]:
    """Content of the last box and where it ends; joined with those before it that belong to one answer.

    Boxes of one answer are parted by marks, "and" and "or"; in a list of boxes each keeps the name before it.
    """
    contents: list[tuple[str, str]] = []
    end = -1
    for box in _BOX.finditer(response, max(0, last.start() - MAX_ANSWER_CHARS), last.end() + 1):
        if box.start() < end:
            continue  # a box in a box
        content, box_end = _box_content(response, box.end())
        if contents and not _BETWEEN_BOXES.fullmatch(response, end, box.start()):
            contents = []
        named = _NAME_BEFORE.search(response[max(end, box.start() - 20, 0) : box.start()])
        contents.append((named[0] if named and "=" not in content else "", content))
        end = box_end
    contents = [(name, content) for name, content in contents if content]
    if len(contents) == 1:
        return contents[0][1], end
    return ", ".join(name + content for name, content in contents), end


def _box_content(text: str, start: int) -> tuple[str, int]:
    """Text inside the braces that open at ``start`` and the position after them; "" where they do not close."""
    if text[start] != "{":  # \boxed 42
        word = _BOX_WORD.match(text, start)
        return (word[0], word.end()) if word else ("", start)
    text_after = text[start : start + 4 * MAX_ANSWER_CHARS]
    end = closing_brace(text_after, 0)
    if end < 0 and (end := text_after.find(r"\}") + 1) and "{" in text_after[1:end]:  # \boxed{42\}
        end = -1
    return (text[start + 1 : start + end], start + end + 1) if end > 0 else ("", start)

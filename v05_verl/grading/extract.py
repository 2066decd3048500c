# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Finds the final answer in a response."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass

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
_PHRASE = re.compile(r"\banswer\s{1,4}is\b|答案(?:是|为)", re.IGNORECASE)
_BOX = re.compile(r"\\(?:boxed|fbox)\s{0,4}(?=[{\d])")
_END_TOKENS = re.compile(r"(?:<\|[a-z_]{2,20}\|>|</s>)\s*$")
_BOX_WORD = re.compile(r"[^\s$,;.]{1,40}")
_BETWEEN_BOXES = re.compile(
    r"[\s$,;.*\\()\[\]]{0,20}(?:(?:\\text\{ ?)?(?:and|or)(?: ?\})?|和|或)?[\s$,;.*\\()\[\]]{0,20}"
)
_ANNOUNCED = re.compile(r"^\s*(?:\\text\{)?\s*(?:final )?answer(?: is)?\s*[:：]?\s*\}?\s*(?=\S)", re.IGNORECASE)
_DISPLAY = re.compile(r"[\s*]*(\$\$|\\\[|(?=\\begin\{))")
_SENTENCE_END = re.compile(r"(?<!\\left)(?<!\\right)\.(?=\s|$)")
_STATEMENT = re.compile(r"^[A-Za-z]{2,}(?:\s[^=\n]{0,200}?)?\s(?:is|are|equals|be)\b:?\s+(?=\S)")


@dataclass(frozen=True)
class Extracted:
    """The answer's text, and by which marker it was found ("answer_line", "boxed", "answer_is" or "none")."""

    text: str
    how: str


NOTHING = Extracted("", "none")


def final_answer(response: str) -> Extracted:
    """The final answer of ``response``: what its last marker announces.

    Markers are an "Answer:" (``_announcement``) and a ``\\boxed{}``; the later one wins, and a box inside the answer
    line is its content. Only where neither stands, "... answer: x" and "the answer is x" count. Thoughts before a
    closing ``</think>`` are not read.
    Time is linear in the length of the response.
    """
    response = _END_TOKENS.sub("", response.rpartition("</think>")[2])
    line, box = _announcement(response), _last(_BOX, response)
    if box is not None:
        text, end = _boxes(response, box)
        if text and (line is None or line.start() < end):
            return Extracted(_ANNOUNCED.sub("", text), "boxed")
    if line is not None:
        text = _value(response, line.end())
        if text:
            return Extracted(text, "answer_line")
    for pattern in (_MARK, _PHRASE):
        phrase = _last(pattern, response)
        if phrase is not None and (text := _value(response, phrase.end())):
            return Extracted(text, "answer_is")
    return NOTHING


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
        opening = display[1]
        closing = {"$$": "$$", "\\[": "\\]"}.get(opening, r"\end{")
        end = text.find(closing, display.end())
        if end > 0:
            return text[display.end() : text.find("}", end) + 1 if not opening else end].strip()
    for line in text.split("\n")[:4]:
        if line.strip(_BLANK):
            return _statement(_SENTENCE_END.split(line.strip(), maxsplit=1)[0].strip())
    return ""


def _statement(line: str) -> str:
    """ "The probability is 1/2" says 1/2."""
    match = _STATEMENT.match(line)
    return line[match.end() :] if match else line


def _boxes(response: str, last: re.Match) -> tuple[str, int]:
    """Content of the last box and where it ends; joined with the boxes of its line that only commas or "and" part."""
    line_start = response.rfind("\n", 0, last.start()) + 1
    contents: list[str] = []
    end = -1
    for box in _BOX.finditer(response, max(line_start, last.start() - MAX_ANSWER_CHARS), last.end() + 1):
        if box.start() < end:
            continue  # a box in a box
        content, box_end = _box_content(response, box.end())
        if contents and not _BETWEEN_BOXES.fullmatch(response, end, box.start()):
            contents = []
        contents.append(content)
        end = box_end
    return ", ".join(filter(None, contents)), end


def _box_content(text: str, start: int) -> tuple[str, int]:
    """Text inside the braces that open at ``start`` and the position after them; "" where they do not close."""
    if text[start] != "{":  # \boxed 42
        word = _BOX_WORD.match(text, start)
        return (word[0], word.end()) if word else ("", start)
    end = closing_brace(text[start : start + 4 * MAX_ANSWER_CHARS], 0)
    return (text[start + 1 : start + end], start + end + 1) if end > 0 else ("", start)

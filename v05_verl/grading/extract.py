# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Finds the final answer in a response."""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_ANSWER_CHARS = 2000  # the longest answer of the seven sets has 193 characters

# "Answer: x", "**Answer:** x", "Final Answer：x", "answer is: x"; a Chinese response writes 答案.
_ANSWER_LINE = re.compile(r"(?:\banswer(?:\s{1,4}is)?|答案(?:是|为)?)[ \t*_`}]{0,8}[:：]", re.IGNORECASE)
_ANSWER_IS = re.compile(r"\banswer\s{1,4}is\b[ \t]*[:：]?", re.IGNORECASE)
_BOX = re.compile(r"\\(?:boxed|fbox|framebox)\s*(?=[{\s\d])")
_BETWEEN_BOXES = re.compile(r"[\s$,;.*\\()\[\]]*(?:and|or|,|;|\\text\{ ?(?:and|or) ?\}|和|或)?[\s$,;.*\\()\[\]]*")


@dataclass(frozen=True)
class Extracted:
    """The answer's text, and by which marker it was found ("answer_line", "boxed", "answer_is" or "none")."""

    text: str
    how: str


NOTHING = Extracted("", "none")


def final_answer(response: str) -> Extracted:
    """The final answer of ``response``: what its last marker announces.

    Markers are an "Answer:" line and a ``\\boxed{}``; the later one wins, and a box inside the answer line is its
    content. Only where neither stands, "the answer is x" counts. Thoughts before a closing ``</think>`` are not read.
    Time is linear in the length of the response.
    """
    response = response.rpartition("</think>")[2]
    line = _last(_ANSWER_LINE, response)
    box = _last(_BOX, response)
    if box is not None and (line is None or box.start() > line.start()):
        found = Extracted(_boxes(response, box), "boxed")
        if found.text:
            return found
    if line is not None:
        return Extracted(_rest_of_line(response, line.end()), "answer_line")
    phrase = _last(_ANSWER_IS, response)
    if phrase is not None:
        return Extracted(_sentence(_rest_of_line(response, phrase.end())), "answer_is")
    return NOTHING


def _last(pattern: re.Pattern, text: str) -> re.Match | None:
    match = None
    for match in pattern.finditer(text):
        pass
    return match


def _rest_of_line(text: str, start: int) -> str:
    """The line after ``start``; where it is blank but for decoration, the next line that is not."""
    for line in text[start : start + 4 * MAX_ANSWER_CHARS].split("\n")[:4]:
        if line.strip(" \t\r*_`$"):
            return line.strip()
    return ""


def _sentence(text: str) -> str:
    """``text`` up to the end of its sentence; a decimal point ends none."""
    return re.split(r"(?<=[^\d\s])\.(?:\s|$)|(?<=\d)\.(?:\s|$)", text, maxsplit=1)[0].strip()


def _boxes(response: str, last: re.Match) -> str:
    """Content of the last box, joined with the boxes of the same line that only commas and words like "and" part."""
    line_start = response.rfind("\n", 0, last.start()) + 1
    contents: list[str] = []
    end = -1
    for box in _BOX.finditer(response, max(line_start, last.start() - MAX_ANSWER_CHARS), last.end() + 1):
        if box.start() < end:
            continue  # a box in a box
        content, box_end = _box_content(response, box.end())
        if contents and not _BETWEEN_BOXES.fullmatch(response[end : box.start()]):
            contents = []
        contents.append(content)
        end = box_end
    return ", ".join(contents)


def _box_content(text: str, start: int) -> tuple[str, int]:
    """Text inside the braces that open at ``start`` and the position after them; "" where they never close."""
    if not text.startswith("{", start):  # \boxed 42
        word = re.compile(r"\s*([^\s$,;]{1,40})").match(text, start)
        return (word.group(1), word.end()) if word else ("", start)
    depth = 0
    for position in range(start, min(len(text), start + 4 * MAX_ANSWER_CHARS)):
        if text[position] == "{" and not text.startswith("\\{", position - 1):
            depth += 1
        elif text[position] == "}" and not text.startswith("\\}", position - 1):
            depth -= 1
            if depth == 0:
                return text[start + 1 : position], position + 1
    return "", start

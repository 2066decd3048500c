# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""The one text of a prompt: the problem itself, as value models read it while training, in files and in evaluation.

The template around a problem asks for a form of the answer and is the same for all prompts of a run; V0's queries read
the state of the last token, which would be the template's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Messages = Iterable[Mapping[str, Any]]


@dataclass(frozen=True)
class Template:
    """Text before and after the problem."""

    name: str
    prefix: str
    suffix: str

    def apply(self, problem: str) -> str:
        return f"{self.prefix}{problem}{self.suffix}"


# Word for word the text of DAPO-Math-17k, so that a prompt made here equals the released one.
DAPO = Template(
    name="dapo",
    prefix=(
        "Solve the following math problem step by step. The last line of your response should be of the form "
        "Answer: $Answer (without quotes) where $Answer is the answer to the problem.\n\n"
    ),
    suffix='\n\nRemember to put your answer on its own line after "Answer:".',
)
BOXED = Template(
    name="boxed",
    prefix="",
    suffix="\n\nPlease reason step by step, and put your final answer within \\boxed{}.",
)
TEMPLATES = {template.name: template for template in (DAPO, BOXED)}

# What remains of chat markers when special tokens are skipped: Qwen, Llama 3, Gemma; DeepSeek's and Mistral's are text.
_OPENING = re.compile(r"(?:\A|\n)user\n+|<｜User｜>|\[INST\] ?")
_CLOSING = re.compile(
    r"(?:\n?assistant\n+|\nmodel\n|<｜Assistant｜>)(?:<think>\s*(?:</think>\s*)?)?\Z| ?\[/INST\]\s*\Z"
)


def problem_text(prompt: str | Messages, extra_info: Mapping[str, Any] | None = None) -> str:
    """The problem that a prompt asks, without outer white space.

    ``extra_info["problem"]`` where the row has it, as those of data_prep do; else the text of the user's messages,
    each without a known template, joined by blank lines. System messages are left out, unless there are no others. Of
    multimodal messages only the text parts are read.

    Args:
        prompt: messages ({"role", "content"}), or the text of a single one.
        extra_info: the row's field of that name in verl's schema, where there is one.
    """
    problem = extra_info.get("problem") if isinstance(extra_info, Mapping) else None
    if isinstance(problem, str) and problem.strip():
        return problem.strip()
    return "\n\n".join(strip_template(text).strip() for text in _user_texts(prompt)).strip()


def user_text(prompt: str | Messages) -> str:
    """The text of the user's messages as it stands, templates included, joined by blank lines."""
    return "\n\n".join(_user_texts(prompt))


def strip_template(prompt: str) -> str:
    """The bare problem of ``prompt``, its white space kept.

    A known template is removed only where its prefix and its suffix both stand there exactly; text that merely
    resembles one belongs to the problem and stays.
    """
    for template in TEMPLATES.values():
        fits = prompt.startswith(template.prefix) and prompt.endswith(template.suffix)
        if fits and len(prompt) >= len(template.prefix) + len(template.suffix):
            return prompt[len(template.prefix) : len(prompt) - len(template.suffix)]
    return prompt


def decoded_problem_text(decoded: str) -> str:
    """The problem in a prompt that verl decoded, special tokens skipped, as its dumps have it.

    Finds one user's turn between the chat markers of usual models, or else the prefix and suffix of a known template;
    without either, the text as it is. ``rollout_dumps.PromptIndex``, which knows the rows of the run, is exact.
    """
    opening, closing = _OPENING.search(decoded), _CLOSING.search(decoded)
    if opening and closing and opening.end() <= closing.start():
        return problem_text(decoded[opening.end() : closing.start()])
    for template in TEMPLATES.values():
        start, end = decoded.find(template.prefix), decoded.rfind(template.suffix)
        if 0 <= start <= end - len(template.prefix):
            return decoded[start + len(template.prefix) : end].strip()
    return decoded.strip()


def _user_texts(prompt: str | Messages) -> list[str]:
    if isinstance(prompt, str):
        return [prompt]
    messages = list(prompt)
    chosen = [message for message in messages if message.get("role") == "user"] or messages
    return [_content_text(message.get("content", "")) for message in chosen]


def _content_text(content: Any) -> str:
    if isinstance(content, str):
        return content
    texts = (part.get("text") for part in content or () if isinstance(part, Mapping))
    return "\n".join(text for text in texts if isinstance(text, str))  # a table gives image parts an empty text

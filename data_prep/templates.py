# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Prompt templates: how the answer is asked for. One per run, the same for every arm of a comparison."""

from __future__ import annotations

from dataclasses import dataclass


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

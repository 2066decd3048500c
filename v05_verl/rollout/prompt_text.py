# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""The text of a chat prompt, as value models read it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def prompt_text(raw_prompt: Iterable[Mapping[str, Any]]) -> str:
    """Text of the user's messages, joined by blank lines; of all messages where there is no user message.

    System messages are left out: they are the same for every prompt of a run. Of multimodal messages only the text
    parts are read.
    """
    messages = list(raw_prompt)
    chosen = [message for message in messages if message.get("role") == "user"] or messages
    return "\n\n".join(_content_text(message.get("content", "")) for message in chosen)


def _content_text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(part["text"] for part in content if isinstance(part, Mapping) and "text" in part)

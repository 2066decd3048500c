# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""DAPO's soft penalty for responses that come close to the length limit (arXiv 2503.14476, equation 13)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any


@dataclass(frozen=True)
class Overlong:
    """Settings of the penalty.

    Attributes:
        max_length: longest response in tokens.
        buffer_length: length of the zone before it in which the penalty grows; 0 < buffer_length <= max_length.
        penalty_factor: penalty at ``max_length``, on the reward scale.
        tokenizer: path or hub id of the policy's tokenizer. A reward function sees text only and counts its tokens
            again, which can differ from what was sampled by a few; verl's reward manager ``dapo`` counts the sampled
            ids and is the exact choice.
    """

    max_length: int
    buffer_length: int
    tokenizer: str
    penalty_factor: float = 1.0

    def __post_init__(self):
        if not 0 < self.buffer_length <= self.max_length:
            raise ValueError(
                f"overlong needs 0 < buffer_length <= max_length, got {self.buffer_length}, {self.max_length}"
            )
        if self.penalty_factor < 0:
            raise ValueError(f"overlong.penalty_factor must be at least 0, got {self.penalty_factor:g}")


def overlong_penalty(length: int, max_length: int, buffer_length: int, penalty_factor: float = 1.0) -> float:
    """The penalty, at most 0: min(0, -(length - (max_length - buffer_length)) / buffer_length) * penalty_factor."""
    excess = length - (max_length - buffer_length)
    return -max(0.0, excess / buffer_length) * penalty_factor


def penalty_of(response: str, settings: Mapping[str, Any]) -> float:
    """The penalty of ``response`` under ``settings``, the fields of ``Overlong``."""
    checked = _checked(tuple(sorted(settings.items())))
    length = len(_tokenizer(checked.tokenizer).encode(response, add_special_tokens=False))
    return overlong_penalty(length, checked.max_length, checked.buffer_length, checked.penalty_factor)


@lru_cache(maxsize=8)
def _checked(settings: tuple) -> Overlong:
    return Overlong(**dict(settings))


@lru_cache(maxsize=2)
def _tokenizer(name: str):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(name)

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Gold answers in one canonical spelling."""

from __future__ import annotations

from dataclasses import dataclass

from v05_verl.grading.latex import normalise
from v05_verl.grading.numbers import parse_number


@dataclass(frozen=True)
class Canonical:
    """A gold answer in canonical spelling.

    Attributes:
        text: the spelling.
        kind: "number" or "raw" (kept as it was).
        unit: unit that was taken off.
        is_list: several answers in any order.
    """

    text: str
    kind: str
    unit: str = ""
    is_list: bool = False


def canonical_answer(answer: str, unit: str = "", is_list: bool = False) -> Canonical:
    """The canonical spelling of ``answer``."""
    text = normalise(answer)
    number = parse_number(text)
    if number is None or is_list:
        return Canonical(text, "raw", unit, is_list)
    if number.value.denominator == 1:
        return Canonical(str(number.value.numerator), "number", unit)
    return Canonical(text, "number", unit)

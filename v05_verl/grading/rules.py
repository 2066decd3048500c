# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""What each benchmark says about units and tolerances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Rules:
    """How a prediction may differ from the gold answer.

    Attributes:
        relative: relative tolerance on numbers.
        relative_when_small: relative tolerance where either number is below ``small``.
        small: see above.
        absolute: absolute tolerance on numbers; where it is above 0 it replaces the relative ones.
        unit: unit of the gold answer; a prediction in another known unit is wrong.
        unit_letters: single letters and symbols of physics after a number are units, "3 m", "3 eV"; else variables.
        is_list: the gold answer consists of several, in any order.
    """

    relative: float = 0.0
    relative_when_small: float = 0.0
    small: float = 0.0
    absolute: float = 0.0
    unit: str = ""
    unit_letters: bool = False
    is_list: bool = False


EXACT = Rules()

# Minerva's own check of numeric answers (arXiv 2206.14858, code of the OCWCourses evaluation): 1e-5 relative, and 1%
# where a number is below 1e-8. Its answers come with a stated number of digits, which the problems ask for.
MINERVA = Rules(relative=1e-5, relative_when_small=0.01, small=1e-8, unit_letters=True)

_BY_SOURCE = {"minerva_math": MINERVA, "math-ai/minervamath": MINERVA, "minervamath": MINERVA}


def rules_for(data_source: str, extra_info: Mapping[str, Any] | None) -> Rules:
    """Rules of ``data_source`` with what the row itself states in ``extra_info`` (unit, tolerance, is_list)."""
    rules = _BY_SOURCE.get(data_source, EXACT)
    if not extra_info:
        return rules
    tolerance, unit, is_list = (extra_info.get(key) for key in ("tolerance", "unit", "is_list"))
    if not (tolerance or unit or is_list):
        return rules
    return replace(rules, absolute=float(tolerance or 0.0), unit=str(unit or ""), is_list=bool(is_list))

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""All sets, in the order in which they are prepared."""

from __future__ import annotations

from data_prep import aime2024, aime2025, amc2023, dapo_math_17k, math500, minerva_math, olympiadbench
from data_prep.problem import ProblemSet

_MODULES = (aime2024, aime2025, amc2023, math500, minerva_math, olympiadbench, dapo_math_17k)
SETS: dict[str, ProblemSet] = {module.SET.name: module.SET for module in _MODULES}
BENCHMARKS = tuple(name for name, problem_set in SETS.items() if problem_set.split == "test")

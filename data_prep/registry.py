# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""All sets, in the order in which they are prepared."""

from __future__ import annotations

from data_prep import dapo_math_17k
from data_prep.problem import ProblemSet

SETS: dict[str, ProblemSet] = {module.SET.name: module.SET for module in (dapo_math_17k,)}

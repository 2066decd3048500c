# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Grades mathematical answers; ``compute_score`` is verl's custom reward function (``pkg://v05_verl.grading``).

Importing this package imports neither verl nor torch.
"""

from v05_verl.grading.score import compute_score

__all__ = ["compute_score"]

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""The paper's results as far as they can be read: approximate, off its figure, never mixed with our own."""

from __future__ import annotations

SOURCE = (
    "Approximate values read off a figure of arXiv 2603.10848 by a digest of it (Qwen3-4B-Instruct-2507, "
    "DAPO-Math-17k, mean@16); the paper prints no exact table. Not measured here."
)

ACCURACY_PERCENT = {
    "aime2024": {"grpo_n16": 24, "dapo_n16": 25, "v05": 35},
    "aime2025": {"grpo_n16": 16, "dapo_n16": 17, "v05": 24},
    "math500": {"grpo_n16": 80, "dapo_n16": 81, "v05": 88},
    "amc2023": {"grpo_n16": 58, "dapo_n16": 60, "v05": 68},
}
"""Final accuracy by set and arm, percent."""

SAME_ARM = {"grpo": "grpo_n16", "dapo": "dapo_n16", "v05_sequential": "v05"}
"""Other names of the three arms that the paper has."""


def approximate_percent(source: str, arm: str) -> int | None:
    """The paper's value for this set and arm; None where it gives none."""
    return ACCURACY_PERCENT.get(source, {}).get(SAME_ARM.get(arm, arm))

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Names of arms and validation sets, and line styles that stay apart in black and white."""

from __future__ import annotations

import re
from typing import NamedTuple

QUICKSTART_ARMS = ("grpo_n16", "rloo_n4", "v05")
KNOWN_ARMS = ("grpo_n16", "rloo_n4", "v05", "grpo_n4", "v05_fixed4", "v05_wave", "v05_oracle")
METHODS = {"grpo": "GRPO", "drgrpo": "Dr.GRPO", "rloo": "RLOO", "dapo": "DAPO", "v05": "V0.5"}
SETS = {
    "aime2024": "AIME 2024",
    "aime2025": "AIME 2025",
    "amc2023": "AMC 2023",
    "math500": "MATH500",
    "minerva_math": "Minerva Math",
    "olympiadbench": "OlympiadBench",
    "mean": "Mean of the sets",
}
BENCHMARKS = tuple(name for name in SETS if name != "mean")

# Okabe and Ito's palette without its yellow: apart for colour-blind readers, and dark enough on white.
COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
LINES = ("-", "--", "-.", (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5, 1, 1.5)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")


class Style(NamedTuple):
    """How an arm is drawn."""

    colour: str
    line: str | tuple
    marker: str


def arm_label(arm: str) -> str:
    """``grpo_n16`` -> ``GRPO n=16``, ``v05_fixed4`` -> ``V0.5 fixed k=4``, ``v05`` -> ``V0.5``."""
    method, *rest = arm.split("_")
    return " ".join([METHODS.get(method, method), *map(_word, rest)])


def arm_order(arms: list[str]) -> list[str]:
    """Methods in METHODS' order, unknown ones before V0.5; in a method the quickstart's arms first, then by name."""
    methods = [*list(METHODS)[:-1], "", "v05"]

    def place(arm: str) -> tuple[int, int, str]:
        method = arm.split("_")[0]
        known = KNOWN_ARMS.index(arm) if arm in KNOWN_ARMS else len(KNOWN_ARMS)
        return methods.index(method if method in METHODS else ""), known, arm

    return sorted(arms, key=place)


def arm_styles(arms: list[str]) -> dict[str, Style]:
    """One style per arm; 40 arms differ in line and marker, 280 in one of the three.

    An arm of the quickstart looks the same in every report; the others take what is left, by name.
    """
    others = [arm for arm in arm_order(arms) if arm not in KNOWN_ARMS]
    places = {arm: KNOWN_ARMS.index(arm) for arm in arms if arm in KNOWN_ARMS}
    free = [place for place in range(len(arms) + len(KNOWN_ARMS)) if place not in places.values()]
    places |= dict(zip(others, free, strict=False))
    return {arm: _style(place) for arm, place in places.items()}


def set_label(source: str) -> str:
    """``aime2024`` -> ``AIME 2024``, ``reverse_greedy`` -> ``reverse, greedy``."""
    if source in SETS:
        return SETS[source]
    return re.sub(r"_(sampled|greedy)$", r", \1", source).replace("_", " ")


def _style(place: int) -> Style:
    return Style(COLOURS[place % len(COLOURS)], LINES[place % len(LINES)], MARKERS[place % len(MARKERS)])


def _word(word: str) -> str:
    word = re.sub(r"^n(\d+)$", r"n=\1", word)
    return re.sub(r"^fixed(\d+)$", r"fixed k=\1", word)

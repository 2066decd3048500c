# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Names of arms and validation sets, and line styles that stay apart in black and white."""

from __future__ import annotations

import re
from typing import NamedTuple

from v05_verl import arms

QUICKSTART_ARMS = ("grpo_n16", "rloo_n4", "v05", "v05_auto")
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


def printable(text: str) -> str:
    """``text`` with what a terminal would obey, such as escape codes and line ends, shown as ``\\x1b``."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def base(arm: str) -> str:
    """Name of an arm without the label of its folder: ``light/v05`` -> ``v05``."""
    return arm.rpartition("/")[2]


def folder_of(arm: str) -> str:
    """Label of the arm's folder, empty without one."""
    return arm.rpartition("/")[0]


def arm_label(arm: str) -> str:
    """The label of the arm's file, its changes and folder behind it; an arm without a file is called by its name."""
    name = base(arm)
    label = arms.load(name).label if name.split(",")[0] in arms.names() else name.replace("_", " ")
    return f"{label}, {folder_of(arm)}" if folder_of(arm) else label


def arm_order(found: list[str]) -> list[str]:
    """The arms that have a file in their order, then the others by name."""
    known = arms.names()
    return sorted(found, key=lambda arm: (known.index(base(arm)) if base(arm) in known else len(known), arm))


def arm_styles(found: list[str]) -> dict[str, Style]:
    """One style per arm; 40 arms differ in line and marker, 280 in one of the three.

    An arm that has a file looks the same in every report; the others take what is left, by name.
    """
    places = {arm: arms.load(arm).place for arm in found if arm in arms.names()}
    others = [arm for arm in arm_order(found) if arm not in places]
    taken = {arms.load(arm).place for arm in arms.names()}
    free = [place for place in range(len(others) + len(taken)) if place not in taken]
    places |= dict(zip(others, free, strict=False))
    return {arm: _style(place) for arm, place in places.items()}


def set_label(source: str) -> str:
    """``aime2024`` -> ``AIME 2024``, ``reverse_greedy`` -> ``reverse, greedy``."""
    if source in SETS:
        return SETS[source]
    return re.sub(r"_(sampled|greedy)$", r", \1", source).replace("_", " ")


def _style(place: int) -> Style:
    return Style(COLOURS[place % len(COLOURS)], LINES[place % len(LINES)], MARKERS[place % len(MARKERS)])

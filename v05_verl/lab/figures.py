# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Figures of a study: learning curves of a few arms, and every arm beside the control and the reference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from v05_verl.lab.compare import CONTROL, REFERENCE
from v05_verl.lab.study import Curve
from v05_verl.report import labels
from v05_verl.report.figures import STYLE
from v05_verl.report.panels import BAND_SEEDS, draw_band
from v05_verl.report.statistics import Curve as Points
from v05_verl.report.statistics import band

SHOWN = (REFERENCE, "dapo_n16", CONTROL, "v05", "v05_wave")
"""Arms with a learning curve, beside the best arm of V0.5."""
NOTE = {"ha": "right", "va": "center", "fontsize": 8, "bbox": {"facecolor": "white", "edgecolor": "none", "pad": 1}}


def draw(curves: dict[str, dict[int, Curve]], summary: dict[str, Any], folder: Path) -> None:
    """Writes ``curves`` and ``arms``, each as PNG (150 dots per inch) and SVG; the arguments are ``summarize``'s."""
    with matplotlib.rc_context(STYLE):
        for name, figure in {"curves": _curves(curves, summary), "arms": _arms(summary)}.items():
            for kind, options in {"png": {"dpi": 150}, "svg": {"metadata": {"Date": None}}}.items():
                figure.savefig(folder / f"{name}.{kind}", **options)


def _curves(curves: dict[str, dict[int, Curve]], summary: dict[str, Any]) -> Figure:
    ours = [arm for arm in curves if arm.startswith("v05")]
    best = max(ours, key=lambda arm: summary[arm]["final_sampled"]["mean"], default=None)
    arms = labels.arm_order([arm for arm in curves if arm in SHOWN or arm == best])
    styles = labels.arm_styles(arms)
    figure = Figure(figsize=(12, 8), layout="constrained")
    for row, measure in enumerate(("sampled", "greedy")):
        for column, (axis, name) in enumerate((("rollouts", "rollouts"), ("step", "training steps"))):
            panel = figure.add_subplot(2, 2, 2 * row + column + 1)
            for place, arm in enumerate(arms):
                runs = curves[arm].values()
                mean = band([Points(np.array(run.column(axis), float), np.array(run.column(measure))) for run in runs])
                if mean is not None:
                    draw_band(panel, mean, styles[arm], place, labels.arm_label(arm))
            panel.set(title=f"Held-out accuracy, {measure}", xlabel=name, ylabel="accuracy")
            panel.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    handles, names = panel.get_legend_handles_labels()
    seeds = len(next(iter(curves.values())))
    title = f"lines: mean over {seeds} seeds; bands: its 95% interval, from {BAND_SEEDS} seeds on"
    figure.legend(handles, names, loc="outside upper center", ncols=3, title=title, frameon=False)
    return figure


def _arms(summary: dict[str, Any]) -> Figure:
    """Paired differences and rollouts needed, one line per arm, best on top."""
    arms = sorted(summary, key=lambda arm: summary[arm]["final_sampled"]["mean"])
    figure = Figure(figsize=(12, 1.6 + 0.3 * len(arms)), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    gains = [(summary[arm].get(f"over_{CONTROL}") or {}).get("final_sampled") for arm in arms]
    _whiskers(left, gains)
    left.axvline(0, color="#888888", linewidth=1)
    left.set(xlabel=f"final sampled accuracy over {labels.arm_label(CONTROL)}, same seeds")
    needed = [summary[arm]["rollouts_to_end_of"].get(REFERENCE) for arm in arms]
    _whiskers(right, [to and to["share_of_its_budget"] for to in needed])
    for place, to in enumerate(needed):
        if to is not None and to["share_of_its_budget"] is None:
            note = f"reached by {to['reached']} of {to['seeds']} seeds"
            right.text(0.98, place, note, transform=right.get_yaxis_transform(), **NOTE)
    right.axvline(1, color="#888888", linewidth=1)
    right.set(
        xlabel=f"rollouts to {labels.arm_label(REFERENCE)}'s final accuracy, share of its rollouts", xlim=(0, None)
    )
    left.set_yticks(range(len(arms)), [labels.arm_label(arm) for arm in arms])
    left.set_ylim(-0.6, len(arms) - 0.4)
    figure.suptitle("dots: mean over seeds; bars: its 95% interval", fontsize=10)
    return figure


def _whiskers(panel: Axes, values: list[dict[str, Any] | None]) -> None:
    for place, value in enumerate(values):
        if value is not None:
            panel.errorbar(value["mean"], place, xerr=value["ci95"], fmt="o", color="black", capsize=3, markersize=4)

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Figures of learning curves: mean over seeds with 95% bands, legible in black and white."""

from __future__ import annotations

import io
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from v05_verl.report import labels
from v05_verl.report.aggregate import Aggregator
from v05_verl.report.panels import (
    AXES,
    BAND_SEEDS,
    TARGET_STYLE,
    draw_accuracy,
    draw_metric,
    draw_whiskers,
    legend,
    mark_target,
    say_nothing_logged,
)
from v05_verl.report.tables import pairs_of

STYLE = {
    "text.parse_math": False,  # names are not formulas
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "v05_verl",
}
NOTE = {"ha": "right", "va": "center", "fontsize": 8, "bbox": {"facecolor": "white", "edgecolor": "none", "pad": 1}}


def render(aggregate: Aggregator, summary: dict[str, Any], is_quickstart: bool) -> dict[str, dict[str, bytes]]:
    """Every figure of the report by name, each as ``png`` (150 dots per inch) and ``svg``.

    Letters of an SVG are outlines, so that it looks the same everywhere; the same runs give the same bytes.
    """
    with matplotlib.rc_context(STYLE):
        figures = {"quickstart": quickstart(aggregate)} if is_quickstart else {"overview": overview(aggregate)}
        if not is_quickstart:
            figures |= {f"by_set_{axis}": by_set(aggregate, axis) for axis in AXES}
        figures["training"] = training(aggregate)
        figures["arms"] = by_arm(summary)
        return {name: saved(figure) for name, figure in figures.items()}


def quickstart(aggregate: Aggregator) -> Figure:
    """Sampled and greedy accuracy against rollouts and steps; rollouts per prompt; quality of the prior."""
    sets = {source.rsplit("_", 1)[1]: source for source in aggregate.sources if "_" in source}
    figure = Figure(figsize=(14, 8.5), layout="constrained")
    grid = figure.add_gridspec(6, 3)
    for row, kind in enumerate(("sampled", "greedy")):
        for column, axis in enumerate(("rollouts", "step")):
            panel = figure.add_subplot(grid[3 * row : 3 * row + 3, column])
            title = f"Held-out accuracy, {kind}"
            if kind not in sets:
                say_nothing_logged(panel, title)
                continue
            draw_accuracy(panel, aggregate, sets[kind], axis, title)
            if sets[kind] == aggregate.headline:
                mark_target(panel, aggregate)
    for row, metric in enumerate(("rollouts_per_prompt", _auc(aggregate), "v05/prior/mse")):
        draw_metric(figure.add_subplot(grid[2 * row : 2 * row + 2, 2]), aggregate, metric)
    return legend(figure, aggregate, names_target=True)


def overview(aggregate: Aggregator) -> Figure:
    """The headline accuracy against rollouts, steps, tokens and wall time."""
    figure = Figure(figsize=(12, 8.5), layout="constrained")
    for place, axis in enumerate(AXES, start=1):
        panel = figure.add_subplot(2, 2, place)
        draw_accuracy(panel, aggregate, aggregate.headline, axis, labels.set_label(aggregate.headline))
        mark_target(panel, aggregate)
    return legend(figure, aggregate, names_target=True)


def by_set(aggregate: Aggregator, axis: str) -> Figure:
    """Accuracy on every validation set against one axis."""
    columns = min(3, len(aggregate.sources))
    rows = -(-len(aggregate.sources) // columns)
    figure = Figure(figsize=(4.7 * columns, 3.6 * rows + 0.8), layout="constrained")
    for place, source in enumerate(aggregate.sources, start=1):
        draw_accuracy(figure.add_subplot(rows, columns, place), aggregate, source, axis, labels.set_label(source))
    return legend(figure, aggregate)


def training(aggregate: Aggregator) -> Figure:
    """What to watch in training: gradient norm, entropy, length, rollouts per prompt, quality of the prior.

    And the prior's AUC by visits, where any run has it.
    """
    metrics = ("actor/grad_norm", "actor/entropy", "response_length/mean")
    metrics += ("rollouts_per_prompt", _auc(aggregate), "v05/prior/mse")
    by_visit = [f"v05/prior/auc/{visit}" for visit in ("first", "third_to_fifth", "later")]
    rows = 3 if any(len(run.curve(metric, "step").x) for metric in by_visit for run in aggregate.runs) else 2
    figure = Figure(figsize=(14, 4.25 * rows), layout="constrained")
    for place, metric in enumerate((*metrics, *by_visit)[: 3 * rows], start=1):
        draw_metric(figure.add_subplot(rows, 3, place), aggregate, metric)
    return legend(figure, aggregate)


def _auc(aggregate: Aggregator) -> str:
    """The exact AUC where all runs with a prior have it: groups of one show a far lower one than groups of four."""
    judged = [run for run in aggregate.runs if len(run.curve("v05/prior/auc", "step").x)]
    exact = judged and all(len(run.curve("lab/prior/auc", "step").x) for run in judged)
    return "lab/prior/auc" if exact else "v05/prior/auc"


def by_arm(summary: dict[str, Any]) -> Figure:
    """Every arm, best on top: difference to its control and, where there is a target, rollouts to it."""
    arms = sorted(summary["arms"], key=lambda arm: summary["arms"][arm]["final_accuracy"]["mean"] or 0.0)
    target = summary["target_arm"]
    figure = Figure(figsize=(12 if target else 8, 1.8 + 0.3 * len(arms)), layout="constrained")
    left, *right = figure.subplots(1, 2 if target else 1, sharey=True, squeeze=False)[0]
    _draw_pairs(left, summary, arms)
    if right:
        _draw_reaches(right[0], summary, arms)
    left.set_yticks(range(len(arms)), [labels.arm_label(arm) for arm in arms])
    left.set_ylim(-0.6, len(arms) - 0.4)
    figure.suptitle(f"dots: mean over seeds; bars: its 95% interval, from {BAND_SEEDS} seeds on", fontsize=10)
    return figure


def _draw_pairs(panel: Axes, summary: dict[str, Any], arms: list[str]) -> None:
    found, controls = pairs_of(summary), {arm: summary["arms"][arm]["control"] for arm in arms}
    draw_whiskers(panel, [found.get((summary["accuracy_of"], arm, controls[arm])) for arm in arms], scale=100)
    panel.axvline(0, zorder=1, **TARGET_STYLE)
    control = labels.arm_label(summary["control"]) if summary["control"] else "no control"
    panel.set(xlabel=f"accuracy minus {control}'s, same seeds and rollouts, points")


def _draw_reaches(panel: Axes, summary: dict[str, Any], arms: list[str]) -> None:
    reaches = [summary["arms"][arm]["rollouts_to_target"] for arm in arms]
    draw_whiskers(panel, [reach["share_of_target_arm"] for reach in reaches])
    for place, reach in enumerate(reaches):
        if reach["share_of_target_arm"]["mean"] is None:
            note = f"reached by {reach['reached']} of {reach['of']} seeds"
            panel.text(0.98, place, note, transform=panel.get_yaxis_transform(), **NOTE)
    panel.axvline(1, zorder=1, **TARGET_STYLE)
    target = labels.arm_label(summary["target_arm"])
    panel.set(xlabel=f"rollouts to {target}'s final accuracy, share of its rollouts", xlim=(0, None))


def saved(figure: Figure) -> dict[str, bytes]:
    """The figure as ``png`` and ``svg``."""
    images = {"png": io.BytesIO(), "svg": io.BytesIO()}
    figure.savefig(images["png"], format="png", dpi=150)
    figure.set_layout_engine("none")  # it stays as it was laid out, which takes longer than the drawing
    figure.savefig(images["svg"], format="svg", metadata={"Date": None})
    return {kind: image.getvalue() for kind, image in images.items()}

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Figures of learning curves: mean over seeds with 95% bands, legible in black and white."""

from __future__ import annotations

import io

import matplotlib
from matplotlib.figure import Figure

from v05_verl.report import labels
from v05_verl.report.panels import AXES, draw_accuracy, draw_metric, legend, mark_target, say_nothing_logged
from v05_verl.report.summary import Aggregator

STYLE = {
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "v05_verl",
}


def render(aggregate: Aggregator, is_quickstart: bool) -> dict[str, dict[str, bytes]]:
    """Every figure of the report by name, each as ``png`` (150 dots per inch) and ``svg``.

    Letters of an SVG are outlines, so that it looks the same everywhere; the same runs give the same bytes.
    """
    with matplotlib.rc_context(STYLE):
        figures = {"quickstart": quickstart(aggregate)} if is_quickstart else {"overview": overview(aggregate)}
        if not is_quickstart:
            figures |= {f"by_set_{axis}": by_set(aggregate, axis) for axis in AXES}
        figures["training"] = training(aggregate)
        return {
            name: {
                "png": _saved(figure, format="png", dpi=150),
                "svg": _saved(figure, format="svg", metadata={"Date": None}),
            }
            for name, figure in figures.items()
        }


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
    for row, metric in enumerate(("rollouts_per_prompt", "v05/prior/auc", "v05/prior/mse")):
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
    """What to watch in training: gradient norm, entropy, length, rollouts per prompt, quality of the prior."""
    figure = Figure(figsize=(14, 8.5), layout="constrained")
    metrics = ("actor/grad_norm", "actor/entropy", "response_length/mean")
    metrics += ("rollouts_per_prompt", "v05/prior/auc", "v05/prior/mse")
    for place, metric in enumerate(metrics, start=1):
        draw_metric(figure.add_subplot(2, 3, place), aggregate, metric)
    return legend(figure, aggregate)


def _saved(figure: Figure, **options) -> bytes:
    out = io.BytesIO()
    figure.savefig(out, **options)
    return out.getvalue()

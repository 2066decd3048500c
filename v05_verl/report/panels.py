# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Single panels of the figures: one line per arm, mean over seeds with its 95% band."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from v05_verl.report import labels
from v05_verl.report.aggregate import Aggregator
from v05_verl.report.runs import Run
from v05_verl.report.statistics import Band, Curve, band, moving_mean

AXES = {
    "rollouts": "training rollouts",
    "step": "training step",
    "tokens": "generated training tokens",
    "seconds": "training wall time",
}
TIME_UNITS = ((7200, 3600, "hours"), (300, 60, "minutes"), (0, 1, "seconds"))
"""(longest run of at least so many seconds, seconds of the unit, unit)"""
COUNT_UNITS = ((1e9, 1e9, "B"), (1e6, 1e6, "M"), (1e5, 1e3, "k"))
"""(largest value of at least this, size of the unit, its letter)"""
METRICS = {
    "actor/grad_norm": "Gradient norm",
    "actor/entropy": "Entropy, nats per token",
    "response_length/mean": "Response length, tokens",
    "rollouts_per_prompt": "Rollouts per prompt",
    "v05/prior/auc": "AUC of the prior, on the rollouts taken",
    "v05/prior/mse": "Squared error of the prior, reward scale",
    "lab/prior/auc": "AUC of the prior, exact, all prompts looked at",
    "v05/prior/auc/first": "AUC of the prior, first visits of a prompt",
    "v05/prior/auc/third_to_fifth": "AUC of the prior, third to fifth visits",
    "v05/prior/auc/later": "AUC of the prior, later visits",
}
TARGET_STYLE = {"color": "#555555", "linewidth": 1, "linestyle": (0, (2, 2))}
BAND_SEEDS = 3
"""Fewest seeds for a band; that of two (t = 12.7) covers the panel and says little."""
MOVING = 5
"""Records that metrics of training are averaged over; verl writes one per step."""


def draw_accuracy(panel: Axes, aggregate: Aggregator, source: str, axis: str, title: str) -> None:
    """Accuracy along an axis of AXES, in percent."""
    seconds, unit = _time_unit(aggregate) if axis == "seconds" else (1, None)

    def scaled(run: Run) -> Curve:
        curve = run.accuracy_curve(source, axis)
        return Curve(curve.x / seconds, curve.y)

    if not _draw(panel, aggregate, scaled):
        say_nothing_logged(panel, title)
        return
    panel.set(title=title, xlabel=f"{AXES[axis]}, {unit}" if unit else AXES[axis], ylabel="accuracy, %")
    panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g}"))
    _mark_counts(panel, is_whole=axis != "seconds")


def draw_metric(panel: Axes, aggregate: Aggregator, metric: str) -> None:
    """A metric of METRICS, averaged over MOVING records."""

    def smoothed(run: Run) -> Curve:
        curve = run.curve(metric, "step")
        return Curve(curve.x, moving_mean(curve.y, MOVING)) if len(curve.x) else curve

    if not _draw(panel, aggregate, smoothed):
        say_nothing_logged(panel, METRICS[metric])
        return
    panel.set(title=METRICS[metric], xlabel="training step (moving mean)")
    _mark_counts(panel)


def mark_target(panel: Axes, aggregate: Aggregator) -> None:
    """A horizontal line at the target accuracy; the legend names it."""
    if aggregate.target() is not None:
        panel.axhline(aggregate.target(), zorder=1, **TARGET_STYLE)


def say_nothing_logged(panel: Axes, title: str) -> None:
    """An empty panel that says so."""
    panel.set(title=title, xticks=[], yticks=[])
    panel.text(0.5, 0.5, "not logged by any run", ha="center", va="center", transform=panel.transAxes, color="#555555")


def legend(figure: Figure, aggregate: Aggregator, *, names_target: bool = False) -> Figure:
    """One legend above all panels: the arms, their seeds, what the bands are, the target where a panel marks it."""
    styles = labels.arm_styles(aggregate.arms)
    handles = []
    for arm in aggregate.drawn():
        seeds = len(aggregate.of(arm))
        name = f"{labels.arm_label(arm)} ({seeds} seed{'s' if seeds > 1 else ''})"
        handles.append(Line2D([], [], label=name, **drawn_as(styles[arm])))
    if names_target and aggregate.target() is not None:
        name = f"target: {labels.arm_label(aggregate.target_arm)}'s final accuracy, {100 * aggregate.target():.1f}%"
        handles.append(Line2D([], [], label=name, **TARGET_STYLE))
    banded = any(len(aggregate.of(arm)) >= BAND_SEEDS for arm in aggregate.drawn())
    title = f"lines: mean over seeds; bands: its 95% interval, from {BAND_SEEDS} seeds on" if banded else None
    columns = min(len(handles), max(1, int(figure.get_figwidth() // 3)))
    figure.legend(handles=handles, loc="outside upper center", ncols=columns, title=title, frameon=False)
    return figure


def _draw(panel: Axes, aggregate: Aggregator, curve_of: Callable[[Run], Curve]) -> bool:
    """Every arm's mean curve with its band; whether there was anything to draw."""
    styles = labels.arm_styles(aggregate.arms)
    bands = {arm: band([curve_of(run) for run in aggregate.of(arm)]) for arm in aggregate.drawn()}
    bands = {arm: mean for arm, mean in bands.items() if mean is not None}
    for place, (arm, mean) in enumerate(bands.items()):
        draw_band(panel, mean, styles[arm], place)
    return bool(bands)


def draw_band(panel: Axes, mean: Band, style: labels.Style, place: int) -> None:
    """The mean curve, and its interval from ``BAND_SEEDS`` seeds on; ``place`` is the arm's number in the panel."""
    # Markers of different arms at different points, so that lines that coincide can be told apart.
    every = max(1, len(mean.x) // 10)
    panel.plot(mean.x, mean.mean, markevery=(place % every, every), **drawn_as(style))
    if mean.ci95 is not None and mean.seeds >= BAND_SEEDS:
        panel.fill_between(
            mean.x, mean.mean - mean.ci95, mean.mean + mean.ci95, color=style.colour, alpha=0.13, linewidth=0
        )


def draw_whiskers(panel: Axes, values: list[dict[str, Any] | None], scale: float = 1.0) -> None:
    """A dot with its interval per row of the panel; rows without a mean stay empty."""
    for place, value in enumerate(values):
        if value is not None and value["mean"] is not None:
            half = half_bar(value, scale)
            panel.errorbar(scale * value["mean"], place, xerr=half, fmt="o", color="black", capsize=3, markersize=4)


def half_bar(value: dict[str, Any], scale: float = 1.0) -> float | None:
    """Half the interval of a mean over seeds; None below ``BAND_SEEDS`` seeds."""
    shows_bar = value["ci95"] is not None and len(value["per_seed"]) >= BAND_SEEDS
    return scale * value["ci95"] if shows_bar else None


def drawn_as(style: labels.Style) -> dict:
    """Matplotlib's properties of a line."""
    return {
        "color": style.colour,
        "linestyle": style.line,
        "linewidth": 1.6,
        "marker": style.marker,
        "markersize": 5.5,
        "markerfacecolor": "white",
    }


def short_count(value: float, largest: float) -> str:
    """A tick in the unit that suits the largest: 12000 -> 12,000, or 12k up to 200000; 1.5e6 -> 1.5M; 2e9 -> 2B."""
    for least, size, letter in COUNT_UNITS:
        if largest >= least and value:
            return f"{value / size:g}{letter}"
    return f"{value:,g}"


def _time_unit(aggregate: Aggregator) -> tuple[float, str]:
    """(its seconds, its name) of a unit that suits the longest run."""
    longest = max((run.metrics["seconds"].max() for run in aggregate.runs), default=0.0)
    return next((seconds, name) for least, seconds, name in TIME_UNITS if longest >= least)


def _mark_counts(panel: Axes, *, is_whole: bool = True) -> None:
    """Few round ticks on the x axis, in short; of whole numbers where only these occur."""
    panel.xaxis.set_major_locator(MaxNLocator(5, integer=is_whole))
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short_count(value, panel.get_xlim()[1])))
    panel.set_xmargin(0.02)

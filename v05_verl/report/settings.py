# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""The same arms in several settings side by side: ``python -m v05_verl.report.settings "AUC .60=DIR" "AUC .92=DIR"``.

Each DIR holds the ``summary.json`` of ``python -m v05_verl.report``. Writes ``settings.png``, ``settings.svg`` and
``settings.md`` into ``--out``: by setting, in the order given, each arm's accuracy minus its control's, and the
share of the target arm's rollouts with which its mean curve gets to that arm's final accuracy.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from v05_verl.report import labels
from v05_verl.report.figures import STYLE, saved
from v05_verl.report.panels import BAND_SEEDS, TARGET_STYLE, drawn_as, half_bar
from v05_verl.report.tables import Table, markdown, pairs_of

ASIDE = 0.06
"""From one arm's dot to the next, in units of the distance between settings."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m v05_verl.report.settings", description=__doc__.split("\n")[0])
    parser.add_argument("settings", nargs="+", metavar="NAME=DIR", help="a name and the folder of its summary.json")
    parser.add_argument("--arms", nargs="+", help="which arms, in this order (all that are in every setting)")
    parser.add_argument("--out", type=Path, required=True, help="folder to write into")
    options = parser.parse_args(arguments)
    try:
        summaries = dict(_read(text) for text in options.settings)
        arms = chosen(summaries, options.arms)
    except ValueError as error:
        raise SystemExit(f"v05_verl.report.settings: {error}") from error
    options.out.mkdir(parents=True, exist_ok=True)
    text = markdown([table(summaries, arms)])
    (options.out / "settings.md").write_text(text, encoding="utf-8")
    with matplotlib.rc_context(STYLE):
        for kind, data in saved(figure(summaries, arms)).items():
            (options.out / f"settings.{kind}").write_bytes(data)
    print(text)


def _read(text: str) -> tuple[str, dict[str, Any]]:
    name, equals, folder = text.rpartition("=")
    path = Path(folder) / "summary.json"
    if not equals or not path.is_file():
        raise ValueError(f"{text!r} is no NAME=DIR with a summary.json in DIR; python -m v05_verl.report writes it")
    return name, json.loads(path.read_text(encoding="utf-8"))


def chosen(summaries: dict[str, dict[str, Any]], arms: Sequence[str] | None) -> list[str]:
    """The arms to show; ValueError where the settings do not share one control, or none has an arm of these."""
    controls = {summary["control"] for summary in summaries.values()}
    if len(controls) != 1 or None in controls:
        raise ValueError(f"settings are compared by one control, but they have {', '.join(map(str, controls))}")
    shared = set.intersection(*(set(summary["arms"]) for summary in summaries.values()))
    found = list(arms) if arms else labels.arm_order(list(shared - controls))
    if lost := [arm for arm in found if not any(arm in summary["arms"] for summary in summaries.values())]:
        raise ValueError(f"no setting has {', '.join(lost)}")
    if not found:
        raise ValueError("no arm beside the control is in all settings; name some with --arms")
    return found


def gain(summary: dict[str, Any], arm: str) -> dict[str, Any] | None:
    """The arm's pairs with its control on the set that results are about; None where there are none."""
    return pairs_of(summary).get((summary["accuracy_of"], arm, summary["control"]))


def share(summary: dict[str, Any], arm: str) -> float | None:
    """Of the target arm's rollouts, up to its final accuracy along the arm's mean curve."""
    if arm not in summary["arms"]:
        return None
    return summary["arms"][arm]["rollouts_to_target"]["share_of_target_arm"]["mean_curve"]


def table(summaries: dict[str, dict[str, Any]], arms: list[str]) -> Table:
    """Points over the control, and behind them the share of the target's rollouts."""
    rows = []
    for arm in arms:
        cells = [labels.arm_label(arm)]
        for summary in summaries.values():
            pair, part = gain(summary, arm), share(summary, arm)
            half = f" ± {100 * pair['ci95']:.1f}" if pair and pair["ci95"] is not None else ""
            points = f"{100 * pair['mean']:+.1f}{half} ({len(pair['per_seed'])})" if pair else "-"
            cells.append(points + (f", {part:.2f}" if part is not None else ""))
        rows.append(cells)
    first = next(iter(summaries.values()))
    caption = f"points over {labels.arm_label(first['control'])} at equal rollouts (seeds)"
    if first["target_arm"]:
        caption += f", share of {labels.arm_label(first['target_arm'])}'s rollouts to its final accuracy"
    return Table("By setting", caption, ["arm", *summaries], rows)


def figure(summaries: dict[str, dict[str, Any]], arms: list[str]) -> Figure:
    """A line per arm over the settings; a second panel where there is a target."""
    styles, first = labels.arm_styles(arms), next(iter(summaries.values()))
    target = first["target_arm"]
    whole = Figure(figsize=(13, 5.6), layout="constrained")
    left, *right = whole.subplots(1, 2 if target else 1, squeeze=False)[0]
    for number, arm in enumerate(arms):
        aside = ASIDE * (number - (len(arms) - 1) / 2)
        gains = [gain(summary, arm) for summary in summaries.values()]
        values = [(100 * pair["mean"], half_bar(pair, 100)) if pair else (None, None) for pair in gains]
        _draw(left, values, styles[arm], aside)
        for panel in right:
            _draw(panel, [(share(summary, arm), None) for summary in summaries.values()], styles[arm], aside)
    left.axhline(0, zorder=1, **TARGET_STYLE)
    left.set(ylabel=f"accuracy minus {labels.arm_label(first['control'])}'s, equal rollouts, points")
    for panel in right:
        panel.set(ylabel=f"rollouts to {labels.arm_label(target)}'s final accuracy, share of its own", ylim=(0, None))
    for panel in (left, *right):
        panel.set_xticks(range(len(summaries)), list(summaries))
        panel.set_xlim(-0.5, len(summaries) - 0.5)
    handles = [Line2D([], [], label=labels.arm_label(arm), **drawn_as(styles[arm])) for arm in arms]
    title = f"mean of pairs and its 95% interval, from {BAND_SEEDS} seeds on" + (
        "; right: mean curve" if target else ""
    )
    whole.legend(handles=handles, loc="outside upper center", ncols=4, title=title, frameon=False)
    return whole


def _draw(panel: Axes, values: list[tuple[float | None, float | None]], style: labels.Style, aside: float) -> None:
    known = [(place + aside, mean, half or 0.0) for place, (mean, half) in enumerate(values) if mean is not None]
    if known:
        x, mean, half = zip(*known, strict=True)
        panel.errorbar(x, mean, yerr=half, capsize=2, elinewidth=0.8, **drawn_as(style))


if __name__ == "__main__":
    main()

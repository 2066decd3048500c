# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Tables of a summary, as Markdown."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

from v05_verl.report import labels, paper
from v05_verl.report.statistics import interval
from v05_verl.report.summary import BY_QUARTER, DIAGNOSTICS

ABSENT = "–"
Form = Callable[[float], str]


class Table(NamedTuple):
    """A titled table of text cells; the first column names the row."""

    title: str
    caption: str
    columns: list[str]
    rows: list[list[str]]


def all_tables(summary: dict[str, Any]) -> list[Table]:
    """Results, paired differences, accuracy by set with the paper's, costs and diagnostics; no empty ones."""
    tables = [results(summary), shares(summary), by_set(summary), beside_the_paper(summary)]
    tables += [differences(summary), paired(summary), cost(summary)]
    tables += [diagnostics(summary), by_quarter(summary)]
    return [table for table in tables if table.rows]


def results(summary: dict[str, Any]) -> Table:
    """One row per arm: final accuracy, rollouts, rollouts to the target and the share saved."""
    target, reference = summary["target_accuracy"], summary["target_arm"]
    name = labels.arm_label(reference) if reference else "the target arm"
    what = labels.set_label(summary["accuracy_of"]) if summary["accuracy_of"] else "none"
    caption = f"Accuracy: {what}. Mean over seeds ± half-width of the 95% interval. "
    caption += f"Target: {percent(target)}%, the final accuracy of {name}." if target is not None else "No target."
    columns = ["Arm", "Seeds", "Final accuracy, %", "Over the run, %", "Training rollouts", "Rollouts to target"]
    columns += ["Seeds that reached it"]
    columns += [f"Share of {name}'s rollouts", "Rollouts saved, %", "Mean curve: rollouts to target", "its share"]
    rows = []
    for arm in summary["arms"].values():
        reach, share = arm["rollouts_to_target"], arm["rollouts_to_target"]["share_of_target_arm"]
        saved = None if share["mean"] is None else 1 - share["mean"]
        rows.append(
            [
                arm["label"],
                str(len(arm["seeds"])),
                spread(arm["final_accuracy"], percent),
                spread(arm["mean_over_run"], percent),
                spread(arm["rollouts"], count),
                spread(reach, count),
                f"{reach['reached']} of {reach['of']}",
                spread(share, ratio),
                percent(saved),
                count(reach["mean_curve"]),
                ratio(share["mean_curve"]),
            ]
        )
    return Table("Results", caption, columns, rows)


def shares(summary: dict[str, Any]) -> Table:
    """Rollouts to the final accuracy of the references beside the target's arm, as a share of their rollouts."""
    others = summary["references"][1:]
    rows = []
    for arm in summary["arms"].values():
        reaches = [arm["rollouts_to_other"][other] for other in others]
        cells = [
            f"{spread(reach['share_of_target_arm'], ratio)} ({reach['reached']} of {reach['of']})" for reach in reaches
        ]
        rows.append([arm["label"], *cells])
    caption = "In brackets the seeds that reached it; definitions as for the target."
    columns = ["Arm", *(f"Share of {labels.arm_label(other)}'s rollouts" for other in others)]
    return Table("Rollouts to other arms' final accuracy", caption, columns, rows if others else [])


def differences(summary: dict[str, Any]) -> Table:
    """Paired differences at equal rollouts, one row per set and arm, one column per reference and one for the control.

    With many validation sets only the accuracy that the report is about; the others are in ``summary.json``.
    """
    shown = [summary["accuracy_of"]] if len(_sources(summary)) > 3 else [summary["accuracy_of"], *_sources(summary)]
    pairs = pairs_of(summary)
    columns = [(f"minus {labels.arm_label(arm)}", lambda _, arm=arm: arm) for arm in summary["references"]]
    if summary["control"] and summary["control"] not in summary["references"]:
        columns.append((f"minus {_control(summary)}", lambda arm: summary["arms"][arm]["control"]))
    rows = []
    for source, arm in itertools.product(dict.fromkeys(shown), summary["arms"]):
        cells = [_difference(pairs.get((source, arm, reference(arm)))) for _, reference in columns]
        if any(cell != ABSENT for cell in cells):
            rows.append([labels.arm_label(arm), labels.set_label(source), *cells])
    rollouts = sorted({pair["rollouts"] for pair in summary["comparisons"]})
    caption = (
        "Percentage points, arm minus reference, paired by seed (their number in brackets), ± 95%, at the rollouts "
    )
    caption += "that both have spent: " + (count(rollouts[0]) if rollouts else "none")
    columns = ["Arm", "Accuracy of", *(name for name, _ in columns)]
    return Table("Differences at equal rollouts", caption + _up_to(rollouts), columns, rows)


def paired(summary: dict[str, Any]) -> Table:
    """Each arm against its control on the accuracy that the report is about: at the end, over the run, by steps."""
    pairs = pairs_of(summary)
    found = {
        arm: pair
        for arm, entry in summary["arms"].items()
        if (pair := pairs.get((summary["accuracy_of"], arm, entry["control"])))
    }
    rows = []
    for arm, pair in found.items():
        measures = [_difference(measure) for measure in (pair, pair["over_the_run"], pair["at_equal_steps"])]
        rows.append([labels.arm_label(arm), *measures, count(pair["at_equal_steps"]["step"])])
    if len(found) > 1 and all(summary["control"] != pair["reference"] for pair in found.values()):
        measures = (
            [*found.values()],
            *([p[name] for p in found.values()] for name in ("over_the_run", "at_equal_steps")),
        )
        rows.append(["all, taken as independent", *map(_pooled, measures), ABSENT])
    caption = f"Percentage points, arm minus {_control(summary)}, paired by seed (their number in brackets), ± 95%."
    columns = ["Arm", "at equal rollouts", "over the run", "at equal training steps", "these steps"]
    return Table(f"Paired with {_control(summary)}", caption, columns, rows)


def pairs_of(summary: dict[str, Any]) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Differences of two arms by (validation set, arm, reference)."""
    return {(pair["set"], pair["arm"], pair["reference"]): pair for pair in summary["comparisons"]}


def _control(summary: dict[str, Any]) -> str:
    """The arm that is the control, or what it is where every arm has one of its own."""
    name = summary["control"]
    return labels.arm_label(name) if name in summary["arms"] else f"the same arm of {name}"


def _pooled(pairs: list[dict[str, Any]]) -> str:
    values = [value for pair in pairs for value in pair["per_seed"].values() if value is not None]
    mean, ci95 = interval(values)
    return _difference({"mean": mean, "ci95": ci95, "per_seed": values})


def _up_to(rollouts: list[float]) -> str:
    return f" to {count(rollouts[-1])}, by pair." if len(rollouts) > 1 else "."


def _difference(pair: dict[str, Any] | None) -> str:
    return ABSENT if pair is None else f"{spread(pair, signed_points, points)} ({len(pair['per_seed'])})"


def by_set(summary: dict[str, Any]) -> Table:
    """Final accuracy on every validation set, one row per arm."""
    arms = summary["arms"].values()
    sources = _sources(summary)
    rows = [
        [arm["label"], *(spread(arm["final_accuracy_by_set"].get(source), percent) for source in sources)]
        for arm in arms
    ]
    return Table("Final accuracy by validation set, %", "", ["Arm", *map(labels.set_label, sources)], rows)


def beside_the_paper(summary: dict[str, Any]) -> Table:
    """Ours and the paper's approximate value, each in a column of its own, for the sets and arms that the paper has."""
    rows = []
    for source in _sources(summary):
        for name, arm in summary["arms"].items():
            theirs = paper.approximate_percent(source, name)
            if theirs is not None:
                ours = spread(arm["final_accuracy_by_set"].get(source), percent)
                rows.append([labels.set_label(source), arm["label"], ours, f"about {theirs}"])
    columns = ["Set", "Arm", "Final accuracy, %", "Paper, approximate, %"]
    return Table("Beside the paper", paper.SOURCE, columns, rows)


def _sources(summary: dict[str, Any]) -> list[str]:
    arms = summary["arms"].values()
    return list(dict.fromkeys(source for arm in arms for source in arm["final_accuracy_by_set"]))


def cost(summary: dict[str, Any]) -> Table:
    """What the runs cost."""
    columns = [
        "Arm",
        "Steps",
        "Rollouts per prompt",
        "Tokens",
        "Training, s",
        "Validation, s",
        "Step, s",
        "s per 1,000 rollouts",
    ]
    rows = []
    for arm in summary["arms"].values():
        rollouts, wall = arm["rollouts"]["mean"], arm["wall_s"]
        rows.append(
            [
                arm["label"],
                spread(arm["steps"], count),
                number_spread(arm["rollouts_per_prompt"]),
                spread(arm["tokens"], count),
                spread(arm["wall"], count),
                spread(arm["validation_s"], count),
                number_spread(arm["diagnostics"].get("timing_s/step")),
                number(1000 * wall / rollouts) if wall is not None and rollouts else ABSENT,
            ]
        )
    return Table("Cost", summary["definitions"]["costs"], columns, rows)


def diagnostics(summary: dict[str, Any]) -> Table:
    """Means over the training steps, one row per metric and one column per arm."""
    arms = summary["arms"].values()
    rows = []
    for metric, name in DIAGNOSTICS.items():
        cells = [number_spread(arm["diagnostics"].get(metric)) for arm in arms]
        if any(cell != ABSENT for cell in cells):
            rows.append([name, *cells])
    return Table("Means over the training steps", "", ["Metric", *(arm["label"] for arm in arms)], rows)


def by_quarter(summary: dict[str, Any]) -> Table:
    """How the prior and what is made of it develop, one row per metric and arm."""
    rows = []
    for metric, arm in itertools.product(BY_QUARTER, summary["arms"].values()):
        if metric in arm["by_quarter"]:
            rows.append([DIAGNOSTICS[metric], arm["label"], *map(number_spread, arm["by_quarter"][metric])])
    caption = "Means over the training steps of each quarter of the run's rollouts, ± 95% over seeds."
    columns = ["Metric", "Arm", "First quarter", "Second", "Third", "Last"]
    return Table("Over the run", caption, columns, rows)


def markdown(tables: list[Table]) -> str:
    """All tables, one after the other."""
    parts = []
    for table in tables:
        rule = ["---", *["---:"] * (len(table.columns) - 1)]
        lines = ["| " + " | ".join(_escaped(cell) for cell in row) + " |" for row in [table.columns, rule, *table.rows]]
        parts.append("\n\n".join(part for part in (f"## {table.title}", table.caption, "\n".join(lines)) if part))
    return "\n\n".join(parts) + "\n"


def spread(values: dict[str, Any] | None, form: Form, form_of_half: Form | None = None) -> str:
    """``mean ± half-width``, both in the given form."""
    if values is None or values["mean"] is None:
        return ABSENT
    if values["ci95"] is None:
        return form(values["mean"])
    return f"{form(values['mean'])} ± {(form_of_half or form)(values['ci95'])}"


def percent(value: float | None) -> str:
    """.5936 -> 59.4"""
    return ABSENT if value is None else f"{100 * value:.1f}"


def points(value: float) -> str:
    """.021 -> 2.10; two digits, since differences are small."""
    return f"{100 * value:.2f}"


def signed_points(value: float) -> str:
    """.021 -> +2.10"""
    return f"{100 * value:+.2f}"


def count(value: float | None) -> str:
    """15360.0 -> 15,360"""
    return ABSENT if value is None else f"{value:,.0f}"


def ratio(value: float | None) -> str:
    """.4449 -> 0.44"""
    return ABSENT if value is None else f"{value:.2f}"


def number(value: float) -> str:
    """Three significant digits, thousands separated."""
    return f"{value:,.{_decimals(value)}f}"


def number_spread(values: dict[str, Any] | None) -> str:
    """Mean with three significant digits, its half-width with as many decimals."""
    if values is None or values["mean"] is None:
        return ABSENT
    decimals = _decimals(values["mean"])
    return spread(values, lambda value: f"{value:,.{decimals}f}")


def _decimals(value: float) -> int:
    return 0 if value == 0 else min(max(2 - math.floor(math.log10(abs(value))), 0), 6)


def _escaped(cell: str) -> str:
    return cell.replace("|", r"\|")

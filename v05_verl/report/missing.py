# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Says in sentences what the report does not show: arms, seeds, validation sets, unfinished runs, damaged files."""

from __future__ import annotations

from v05_verl.report import labels
from v05_verl.report.aggregate import Aggregator
from v05_verl.report.runs import MEAN, Run
from v05_verl.report.summary import origin


def sentences(runs: list[Run], aggregate: Aggregator, arms: list[str], seeds: list[int], sets: list[str]) -> list[str]:
    """What is missing of the expected arms, seeds and sets, and what is wrong with the runs that are there.

    Args:
        runs: all runs that were found.
        aggregate: the figures that were computed from them.
        arms: arms that should be there.
        seeds: seeds that each arm should have; empty for every seed that any arm has.
        sets: validation sets that each run should have, besides those that any run has.
    """
    return [
        *_arms(runs, aggregate, arms),
        *_seeds(runs, seeds),
        *_sets(runs, sets),
        *_unfinished(aggregate),
        *_unvalidated_ends(aggregate),
        *_unequal_budgets(aggregate),
        *_origins(runs),
        *(f"{run.name}: {note}" for run in runs for note in run.notes),
    ]


def _arms(runs: list[Run], aggregate: Aggregator, arms: list[str]) -> list[str]:
    found = {run.arm for run in runs}
    notes = [f"arm {arm} is missing" for arm in arms if arm not in found]
    if aggregate.target_arm is None or not aggregate.of(aggregate.target_arm):
        wanted = aggregate.target_arm or "grpo_n16"
        notes.append(f"no finished run of {wanted}: there is no target accuracy and nothing is compared with it")
    return notes


def _seeds(runs: list[Run], seeds: list[int]) -> list[str]:
    wanted = set(seeds) or {run.seed for run in runs}
    notes = []
    for arm in labels.arm_order(sorted({run.arm for run in runs})):
        absent = sorted(wanted - {run.seed for run in runs if run.arm == arm})
        if absent:
            notes.append(f"arm {arm} lacks seed {', '.join(map(str, absent))}")
    return notes


def _sets(runs: list[Run], sets: list[str]) -> list[str]:
    validated = [run for run in runs if len(run.accuracy)]
    found = {source for run in validated for source in run.accuracy} - {MEAN}
    notes = [f"no run was validated on {labels.set_label(source)}" for source in sets if source not in found]
    for run in validated:
        absent = sorted(found - set(run.accuracy))
        if absent:
            names = ", ".join(map(labels.set_label, absent))
            notes.append(f"{run.name} was not validated on {names}: it has no mean over the sets")
    for source in sorted(found):
        counts = sorted({run.samples[source] for run in validated if source in run.samples})
        if len(counts) > 1:
            answers = " and ".join(map(str, counts))
            notes.append(f"{labels.set_label(source)}: runs differ in answers per problem ({answers})")
    return notes


def _unfinished(aggregate: Aggregator) -> list[str]:
    return [f"{run.name} enters no figure or table: {_why_left_out(run)}" for run in aggregate.left_out]


def _unvalidated_ends(aggregate: Aggregator) -> list[str]:
    ends = {run.name: (run.metrics.index[-1], run.accuracy.index[-1]) for run in aggregate.runs}
    return [
        f"{name} trained to step {last}, but was last validated at step {validated}, where its final accuracy is taken"
        for name, (last, validated) in ends.items()
        if last > validated
    ]


def _unequal_budgets(aggregate: Aggregator) -> list[str]:
    """Whether some run ends more than a tenth before the longest one, and which arms end where."""
    ends: dict[str, list[float]] = {}
    for run in aggregate.runs:
        x = run.accuracy_curve(aggregate.headline, "rollouts").x
        ends.setdefault(run.arm, []).extend(x[-1:])
    known = [end for arm in ends.values() for end in arm]
    if not known or min(known) >= 0.9 * max(known):
        return []
    named = "; ".join(f"{arm} {_range(sorted(ends[arm]))}" for arm in aggregate.arms if ends[arm])
    return [
        f"runs differ in rollouts at their last validation ({named}): their final accuracies do not compare, the "
        "differences at equal rollouts do"
    ]


def _range(ends: list[float]) -> str:
    return f"{ends[0]:,.0f}" if ends[0] == ends[-1] else f"{ends[0]:,.0f} to {ends[-1]:,.0f}"


def _why_left_out(run: Run) -> str:
    if not len(run.accuracy):
        return "it has no validation accuracy"
    step = int(run.metrics.index[-1])
    if run.is_cut_off:
        return f"its metrics file is cut off after step {step}, so its end is not known"
    if run.falls_at is not None:
        return f"its spent rollouts or tokens go down at step {run.falls_at}, as if they were counted by several runs"
    launch = run.provenance["launches"][-1]
    if launch["ended"] is None:
        return f"its last launch has not ended or was killed; its metrics reach step {step}"
    return f"its last launch ended with exit code {launch['exit_code']} at step {step}"


def _origins(runs: list[Run]) -> list[str]:
    launches = origin(runs)["launches"]
    notes = [
        f"{run.name} has no run.json: command, commit, versions and exit code are unknown"
        for run in runs
        if not run.provenance
    ]
    if len({launch["commit"] for launch in launches}) > 1:
        commits = ", ".join(sorted({(launch["commit"] or "none")[:12] for launch in launches}))
        notes.append(f"the launches are of different commits: {commits}")
    if len({tuple(sorted(launch["versions"].items(), key=str)) for launch in launches}) > 1:
        notes.append("the launches ran with different versions; each launch's own are in summary.json")
    dirty = sum(bool(launch["dirty"]) for launch in launches)
    if dirty:
        notes.append(f"{dirty} of {len(launches)} launches ran from a checkout with uncommitted changes")
    return notes

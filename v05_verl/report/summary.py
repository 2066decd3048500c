# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""``summary.json``: final accuracy, rollouts to the target and paired differences, by arm and seed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from v05_verl.report import labels
from v05_verl.report.aggregate import Aggregator, over_seeds
from v05_verl.report.costs import COST_STATEMENT
from v05_verl.report.runs import Run
from v05_verl.report.statistics import OVER_STATEMENT, TARGET_STATEMENT, WINDOW_STATEMENT

DIAGNOSTICS = {
    "actor/grad_norm": "gradient norm",
    "actor/lr": "learning rate",
    "actor/entropy": "entropy, nats per token",
    "response_length/mean": "response length, tokens",
    "v05/auto/k": "rollouts per prompt of the first wave that auto chose",
    "v05/prior/mse": "prior's mean squared error (reward scale, noise-corrected)",
    "lab/prior/mse": "prior's mean squared error, exact (light loop)",
    "lab/baseline/mse": "baseline's mean squared error, exact (light loop)",
    "v05/prior/auc": "prior's AUC, on the rollouts taken",
    "lab/prior/auc": "prior's AUC over all prompts looked at, exact (light loop)",
    "v05/prior/auc/first": "prior's AUC at first visits of a prompt",
    "v05/prior/auc/second": "prior's AUC at second visits",
    "v05/prior/auc/third_to_fifth": "prior's AUC at third to fifth visits",
    "v05/prior/auc/later": "prior's AUC at later visits",
    "v05/auto/risk": "squared error of the baseline that auto expected (reward scale)",
    "v05/auto/prior_error": "squared error of the prior as auto measured it (reward scale)",
    "v05/auto/prior_error_expected": "squared error of the prior as auto expected it (reward scale)",
    "v05/prior/calibration_slope": "prior's calibration slope",
    "v05/prior/accepted_frac": "share of prompts whose prior was accepted",
    "v05/prior/missing_frac": "share of prompts without a prior",
    "v05/prior/weight_on_group_mean": "weight on the group mean",
    "v05/rollouts/waves/mean": "generation rounds per prompt",
    "v05/rollouts/k_max_frac": "share of prompts that were given k_max rollouts",
    "v05/rollouts/uniform_frac": "share of groups whose rewards are all the same",
    "v05/prior/wait_s/p50": "waiting time for the prior, median, s",
    "v05/rollouts/extra_on_uniform_frac": "share of extra rollouts on all-same groups",
    "timing_s/gen": "generation per step, s",
    "timing_s/step": "step, s",
}
"""Metrics whose mean over a run's training steps is reported, with their names and units."""

BY_QUARTER = ("v05/auto/k", "v05/auto/risk", "lab/baseline/mse", "lab/prior/mse", "lab/prior/auc", "v05/prior/auc")
"""Those of DIAGNOSTICS that change as the prior learns, reported for each quarter of the run's rollouts too."""


def summarise(runs: list[Run], aggregate: Aggregator, notes: list[str]) -> dict[str, Any]:
    """The content of ``summary.json``; every ``ci95`` is the half-width of a 95% interval over seeds (Student's t)."""
    pairs = dict.fromkeys(
        (arm, other)
        for arm in aggregate.arms
        for other in (*aggregate.references, aggregate.control_of(arm))
        if other and other != arm
    )
    compared = [source for source in dict.fromkeys((aggregate.headline, *aggregate.sources)) if source]
    comparisons = [aggregate.comparison(arm, other, source) for source in compared for arm, other in pairs]
    return {
        "target_accuracy": aggregate.target(),
        "target_arm": aggregate.target_arm,
        "references": aggregate.references,
        "control": aggregate.control,
        "accuracy_of": aggregate.headline,
        "arms": {arm: _arm_summary(aggregate, arm) for arm in aggregate.arms},
        "comparisons": [comparison for comparison in comparisons if comparison],
        "left_out": [{"arm": run.arm, "seed": run.seed} for run in aggregate.left_out],
        "definitions": {
            "final_accuracy": WINDOW_STATEMENT,
            "mean_over_run": OVER_STATEMENT,
            "rollouts_to_target": TARGET_STATEMENT,
            "costs": COST_STATEMENT,
            "ci95": "half-width of the 95% interval of the mean over seeds, Student's t; null with one seed",
        },
        **_once(origin(runs)),
        "notes": notes,
    }


def origin(runs: list[Run]) -> dict[str, Any]:
    """Versions and commit where all launches agree, else null, and each launch's own."""
    launches = [
        {"arm": run.arm, "seed": run.seed, "launch": number, **launch}
        for run in runs
        for number, launch in enumerate((run.provenance or {}).get("launches", []), start=1)
    ]
    return {
        "versions": _agreed(launch["versions"] for launch in launches),
        "commit": _agreed(launch["commit"] for launch in launches),
        "dirty": any(launch["dirty"] for launch in launches) if launches else None,
        "launches": launches,
    }


def _once(origin: dict[str, Any]) -> dict[str, Any]:
    """Without the launches' own copies of what all agree on."""
    agreed = {name for name in ("versions", "commit") if origin[name] is not None}
    launches = [{name: launch[name] for name in launch if name not in agreed} for launch in origin["launches"]]
    return origin | {"launches": launches}


def _arm_summary(aggregate: Aggregator, arm: str) -> dict[str, Any]:
    runs = aggregate.of(arm)

    def of_each(value: Callable[[Run], float | None]) -> dict[str, Any]:
        return over_seeds({run.seed: value(run) for run in runs})

    wall = of_each(lambda run: run.last("seconds"))
    first, *others = aggregate.references or [None]
    return {
        "label": labels.arm_label(arm),
        "control": aggregate.control_of(arm),
        "seeds": [run.seed for run in runs],
        "final_accuracy": of_each(lambda run: run.final_accuracy(aggregate.headline)),
        "final_accuracy_by_set": {
            source: of_each(lambda run, source=source: run.final_accuracy(source)) for source in aggregate.sources
        },
        "mean_over_run": of_each(lambda run: run.mean_accuracy(aggregate.headline)),
        "rollouts": of_each(lambda run: run.last("rollouts")),
        "rollouts_to_target": _to_target_summary(aggregate, arm, first),
        "rollouts_to_other": {other: _to_target_summary(aggregate, arm, other) for other in others},
        "wall_s": wall["mean"],
        "wall": wall,
        "validation_s": of_each(lambda run: run.total("timing_s/testing")),
        "steps": of_each(lambda run: run.trained_steps()),
        "tokens": of_each(lambda run: run.last("tokens")),
        "rollouts_per_prompt": of_each(lambda run: run.mean("rollouts_per_prompt")),
        "diagnostics": {
            metric: of_each(lambda run, metric=metric: run.mean(metric))
            for metric in DIAGNOSTICS
            if any(run.mean(metric) is not None for run in runs)
        },
        "by_quarter": _by_quarter(runs),
    }


def _by_quarter(runs: list[Run]) -> dict[str, list[dict[str, float | None]]]:
    """Mean and interval over seeds of each quarter, by metric; without the seeds' own values."""
    found = {}
    for metric in BY_QUARTER:
        seeds = [run.mean_by_quarter(metric) for run in runs]
        if any(value is not None for seed in seeds for value in seed):
            quarters = [over_seeds(dict(enumerate(values))) for values in zip(*seeds, strict=True)]
            found[metric] = [{"mean": quarter["mean"], "ci95": quarter["ci95"]} for quarter in quarters]
    return found


def _to_target_summary(aggregate: Aggregator, arm: str, reference: str | None) -> dict[str, Any]:
    """Mean and interval only where every seed reached the target: a mean over those that did would flatter."""
    reached = {run.seed: aggregate.to_target(run, reference) for run in aggregate.of(arm)}
    unit = aggregate.budget(reference) if reference else None
    on_mean = aggregate.mean_curve_to_target(arm, reference)
    shares = {seed: None if value is None or not unit else value / unit for seed, value in reached.items()}
    return over_seeds(reached) | {
        "reached": sum(value is not None for value in reached.values()),
        "of": len(reached),
        "mean_curve": on_mean,
        "share_of_target_arm": over_seeds(shares)
        | {"mean_curve": None if on_mean is None or not unit else on_mean / unit},
    }


def _agreed(values: Iterable[Any]) -> Any:
    """The value where all are equal, else None."""
    values = list(values)
    return values[0] if values and all(value == values[0] for value in values) else None

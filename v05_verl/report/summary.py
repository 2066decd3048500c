# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""``summary.json``: final accuracy, rollouts to the target and paired differences, by arm and seed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from v05_verl.report import labels
from v05_verl.report.costs import COST_STATEMENT, column, steps
from v05_verl.report.runs import MEAN, Run
from v05_verl.report.statistics import (
    TARGET_STATEMENT,
    WINDOW_STATEMENT,
    Curve,
    band,
    first_reach,
    interval,
    smooth,
    value_at,
)

TARGET_ARMS = ("grpo_n16", "grpo")
REFERENCES = ("grpo_n16", "grpo", "rloo_n4", "grpo_n4")

DIAGNOSTICS = {
    "actor/grad_norm": "gradient norm",
    "actor/entropy": "entropy, nats per token",
    "response_length/mean": "response length, tokens",
    "v05/prior/mse": "prior's mean squared error (reward scale, noise-corrected)",
    "v05/prior/auc": "prior's AUC",
    "v05/prior/calibration_slope": "prior's calibration slope",
    "v05/prior/accepted_frac": "share of prompts whose prior was accepted",
    "v05/prior/missing_frac": "share of prompts without a prior",
    "v05/prior/weight_on_group_mean": "weight on the group mean",
    "v05/rollouts/waves/mean": "generation rounds per prompt",
    "v05/rollouts/k_max_frac": "share of prompts that were given k_max rollouts",
    "v05/prior/wait_s/p50": "waiting time for the prior, median, s",
    "v05/rollouts/extra_on_uniform_frac": "share of extra rollouts on all-same groups",
    "timing_s/gen": "generation per step, s",
    "timing_s/step": "step, s",
}
"""Metrics whose mean over a run's training steps is reported, with their names and units."""


class Aggregator:
    """All that is computed from a set of runs; incomplete runs enter no figure of it.

    Args:
        runs: all runs.
        target_arm: arm whose final accuracy is the target; GRPO n=16 unless given.
        headline: validation set that the target is about, or MEAN; see :func:`default_headline`.

    Raises:
        ValueError: a given arm or validation set is in no finished run.
    """

    def __init__(self, runs: list[Run], target_arm: str | None = None, headline: str | None = None):
        self.runs = [run for run in runs if run.is_complete and len(run.accuracy)]
        self.left_out = [run for run in runs if not run.is_complete or not len(run.accuracy)]
        self.arms = labels.arm_order(sorted({run.arm for run in self.runs}))
        self.sources = sorted({source for run in self.runs for source in run.accuracy} - {MEAN}, key=_set_order)
        if headline and headline not in [*self.sources, MEAN]:
            raise ValueError(f"no run was validated on {headline}; there are {', '.join([*self.sources, MEAN])}")
        if target_arm and target_arm not in self.arms:
            raise ValueError(f"no finished run of arm {target_arm}; there are {', '.join(self.arms)}")
        self.headline = headline or default_headline(self.sources)
        self.target_arm = target_arm or next((arm for arm in TARGET_ARMS if arm in self.arms), None)

    def of(self, arm: str) -> list[Run]:
        """The arm's runs, by seed."""
        return sorted((run for run in self.runs if run.arm == arm), key=lambda run: run.seed)

    def target(self) -> float | None:
        """Final accuracy of the target arm, mean over its seeds."""
        finals = [run.final_accuracy(self.headline) for run in self.of(self.target_arm)] if self.target_arm else []
        return interval([final for final in finals if final is not None]).mean

    def to_target(self, run: Run) -> float | None:
        """Rollouts at which the run's smoothed curve reaches the target; None where it does not."""
        target = self.target()
        return None if target is None else first_reach(self._smoothed(run), target)

    def target_rollouts(self) -> float | None:
        """Rollouts of the target arm's whole runs, mean over seeds: the unit of the shares."""
        return interval([_last(run, "rollouts") for run in self.of(self.target_arm)]).mean if self.target_arm else None

    def mean_curve_to_target(self, arm: str) -> float | None:
        """Rollouts at which the mean of the arm's smoothed curves reaches the target."""
        target, mean = self.target(), band([self._smoothed(run) for run in self.of(arm)])
        return None if target is None or mean is None else first_reach(Curve(mean.x, mean.mean), target)

    def _smoothed(self, run: Run) -> Curve:
        curve = run.accuracy_curve(self.headline, "rollouts")
        return Curve(curve.x, smooth(curve.y)) if len(curve.x) else curve

    def comparison(self, arm: str, reference: str, source: str) -> dict[str, Any] | None:
        """Paired difference, arm minus reference, at the most rollouts that all their common seeds have."""
        ours, theirs = (
            {run.seed: run.accuracy_curve(source, "rollouts") for run in self.of(a)} for a in (arm, reference)
        )
        seeds = sorted(seed for seed in ours.keys() & theirs.keys() if len(ours[seed].x) and len(theirs[seed].x))
        if not seeds:
            return None
        rollouts = min(curves[seed].x[-1] for curves in (ours, theirs) for seed in seeds)
        differences = {
            seed: _difference(value_at(ours[seed], rollouts), value_at(theirs[seed], rollouts)) for seed in seeds
        }
        return {"arm": arm, "reference": reference, "set": source, "rollouts": rollouts, **_over_seeds(differences)}


def summarise(runs: list[Run], aggregate: Aggregator, notes: list[str]) -> dict[str, Any]:
    """The content of ``summary.json``; every ``ci95`` is the half-width of a 95% interval over seeds (Student's t)."""
    references = [arm for arm in dict.fromkeys((aggregate.target_arm, *REFERENCES)) if arm in aggregate.arms]
    pairs = [(arm, reference) for reference in references for arm in aggregate.arms if arm != reference]
    compared = [source for source in dict.fromkeys((aggregate.headline, *aggregate.sources)) if source]
    comparisons = [aggregate.comparison(arm, reference, source) for source in compared for arm, reference in pairs]
    return {
        "target_accuracy": aggregate.target(),
        "target_arm": aggregate.target_arm,
        "accuracy_of": aggregate.headline,
        "arms": {arm: _arm_summary(aggregate, arm) for arm in aggregate.arms},
        "comparisons": [comparison for comparison in comparisons if comparison],
        "left_out": [{"arm": run.arm, "seed": run.seed} for run in aggregate.left_out],
        "definitions": {
            "final_accuracy": WINDOW_STATEMENT,
            "rollouts_to_target": TARGET_STATEMENT,
            "costs": COST_STATEMENT,
            "ci95": "half-width of the 95% interval of the mean over seeds, Student's t; null with one seed",
        },
        **origin(runs),
        "notes": notes,
    }


def default_headline(sources: list[str]) -> str | None:
    """The quickstart's sampled accuracy where that is what was validated, else the mean over all sets."""
    sampled = [source for source in sources if source.endswith("_sampled")]
    if len(sampled) == 1:
        return sampled[0]
    return MEAN if sources else None


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


def _arm_summary(aggregate: Aggregator, arm: str) -> dict[str, Any]:
    runs = aggregate.of(arm)

    def over_seeds(value: Callable[[Run], float | None]) -> dict[str, Any]:
        return _over_seeds({run.seed: value(run) for run in runs})

    wall = over_seeds(lambda run: _last(run, "seconds"))
    return {
        "label": labels.arm_label(arm),
        "seeds": [run.seed for run in runs],
        "final_accuracy": over_seeds(lambda run: run.final_accuracy(aggregate.headline)),
        "final_accuracy_by_set": {
            source: over_seeds(lambda run, source=source: run.final_accuracy(source)) for source in aggregate.sources
        },
        "rollouts": over_seeds(lambda run: _last(run, "rollouts")),
        "rollouts_to_target": _to_target_summary(aggregate, arm),
        "wall_s": wall["mean"],
        "wall": wall,
        "validation_s": over_seeds(lambda run: _total(run, "timing_s/testing")),
        "steps": over_seeds(lambda run: _trained_steps(run)),
        "tokens": over_seeds(lambda run: _last(run, "tokens")),
        "rollouts_per_prompt": over_seeds(lambda run: run.mean("rollouts_per_prompt")),
        "diagnostics": {
            metric: over_seeds(lambda run, metric=metric: run.mean(metric))
            for metric in DIAGNOSTICS
            if any(run.mean(metric) is not None for run in runs)
        },
    }


def _to_target_summary(aggregate: Aggregator, arm: str) -> dict[str, Any]:
    """Mean and interval only where every seed reached the target: a mean over those that did would flatter."""
    reached = {run.seed: aggregate.to_target(run) for run in aggregate.of(arm)}
    summary = _over_seeds(reached)
    unit, on_mean = aggregate.target_rollouts(), aggregate.mean_curve_to_target(arm)
    shares = {seed: None if value is None or not unit else value / unit for seed, value in reached.items()}
    return summary | {
        "reached": sum(value is not None for value in reached.values()),
        "of": len(reached),
        "mean_curve": on_mean,
        "share_of_target_arm": _over_seeds(shares)
        | {"mean_curve": None if on_mean is None or not unit else on_mean / unit},
    }


def _over_seeds(values: dict[int, float | None]) -> dict[str, Any]:
    """Mean, half-width and the seeds' values; no mean where a seed has no value."""
    known = [value for value in values.values() if value is not None]
    mean, ci95 = interval(known if len(known) == len(values) else [])
    return {"mean": mean, "ci95": ci95, "per_seed": {str(seed): value for seed, value in values.items()}}


def _total(run: Run, metric: str) -> float | None:
    values = column(run.metrics, metric).dropna()
    return float(values.sum()) if len(values) else None


def _last(run: Run, cost: str) -> float | None:
    values = column(run.metrics, cost).dropna()
    return float(values.iloc[-1]) if len(values) else None


def _trained_steps(run: Run) -> float:
    return float(steps(run.metrics)[column(run.metrics, "training/global_step").notna()].sum())


def _difference(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a - b


def _agreed(values: Iterable[Any]) -> Any:
    """The value where all are equal, else None."""
    values = list(values)
    return values[0] if values and all(value == values[0] for value in values) else None


def _set_order(source: str) -> tuple[int, str]:
    known = labels.BENCHMARKS
    # Sampled before greedy, the six benchmarks in the paper's order, the rest by name.
    return (known.index(source) if source in known else len(known), source.replace("_sampled", "_a_sampled"))

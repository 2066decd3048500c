# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Figures over seeds: final accuracy, rollouts to a reference's, paired differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from v05_verl.report import labels
from v05_verl.report.runs import MEAN, Run
from v05_verl.report.statistics import Curve, band, first_reach, interval, mean_up_to, smooth, value_at

REFERENCES = ("grpo_n16", "grpo_n16_p8")
"""The second one has as many training steps as arms with groups of four: it separates their effect."""
CONTROL = "rloo_n4"
DRAWN = 8
"""Most arms with a learning curve of their own."""


class Aggregator:
    """All that is computed from a set of runs; incomplete runs enter no figure of it.

    Args:
        runs: all runs.
        references: arms whose final accuracy the others are measured by; the first one's is the target. REFERENCES that
            are there unless given.
        headline: validation set that the target is about, or MEAN; see :func:`default_headline`.
        control: arm that every other is paired with, or the label of a folder: each arm with the same arm there.
            CONTROL where it is there unless given.

    Raises:
        ValueError: a given arm or validation set is in no finished run.
    """

    def __init__(
        self,
        runs: list[Run],
        references: Sequence[str] = (),
        headline: str | None = None,
        control: str | None = None,
    ):
        self.runs = [run for run in runs if run.is_complete and len(run.accuracy)]
        self.left_out = [run for run in runs if not run.is_complete or not len(run.accuracy)]
        self.arms = labels.arm_order(sorted({run.arm for run in self.runs}))
        self.sources = sorted({source for run in self.runs for source in run.accuracy} - {MEAN}, key=_set_order)
        if headline and headline not in [*self.sources, MEAN]:
            raise ValueError(f"no run was validated on {headline}; there are {', '.join([*self.sources, MEAN])}")
        self.headline = headline or default_headline(self.sources)
        folders = {labels.folder_of(arm) for arm in self.arms} - {""}
        for arm in (*references, *([control] if control and control not in folders else [])):
            if arm not in self.arms:
                raise ValueError(f"no finished run of arm {arm}; there are {', '.join(self.arms)}")
        self.references = list(references) or [arm for arm in REFERENCES if arm in self.arms]
        self.target_arm = self.references[0] if self.references else None
        self.control = control or (CONTROL if CONTROL in self.arms else None)
        self.target, self.drawn = cache(self._target), cache(self._drawn)

    def of(self, arm: str) -> list[Run]:
        """The arm's runs, by seed."""
        return sorted((run for run in self.runs if run.arm == arm), key=lambda run: run.seed)

    def control_of(self, arm: str) -> str | None:
        """The arm that this one is paired with; None for the control itself."""
        same = f"{self.control}/{labels.base(arm)}"
        control = same if same in self.arms else self.control
        return control if control in self.arms and control != arm else None

    def _drawn(self) -> list[str]:
        """Arms with a learning curve: all, or of many the target's, the control, the quickstart's and the best ones."""
        if len(self.arms) <= DRAWN or self.headline is None:
            return self.arms
        finals = {arm: self._mean_final(arm, self.headline) or 0.0 for arm in self.arms}
        best = sorted(self.arms, key=finals.__getitem__, reverse=True)
        wanted = dict.fromkeys((self.target_arm, self.control, *labels.QUICKSTART_ARMS, *best))
        chosen = [arm for arm in wanted if arm in self.arms]
        return labels.arm_order(chosen[:DRAWN])

    def _mean_final(self, arm: str, source: str) -> float | None:
        finals = [run.final_accuracy(source) for run in self.of(arm)]
        return interval([final for final in finals if final is not None]).mean

    def _target(self, reference: str | None = None) -> float | None:
        """Final accuracy of a reference, the first unless named; mean over its seeds."""
        reference = reference or self.target_arm
        return self._mean_final(reference, self.headline) if reference else None

    def to_target(self, run: Run, reference: str | None = None) -> float | None:
        """Rollouts at which the run's smoothed curve reaches the reference's final accuracy; None where it does not."""
        target = self.target(reference)
        return None if target is None else first_reach(self._smoothed(run), target)

    def budget(self, reference: str) -> float | None:
        """Rollouts of the reference's whole runs, mean over seeds: the unit of the shares."""
        return interval([run.last("rollouts") for run in self.of(reference)]).mean

    def mean_curve_to_target(self, arm: str, reference: str | None = None) -> float | None:
        """Rollouts at which the mean of the arm's smoothed curves reaches the reference's final accuracy."""
        target, mean = self.target(reference), band([self._smoothed(run) for run in self.of(arm)])
        return None if target is None or mean is None else first_reach(Curve(mean.x, mean.mean), target)

    def _smoothed(self, run: Run) -> Curve:
        curve = run.accuracy_curve(self.headline, "rollouts")
        return Curve(curve.x, smooth(curve.y)) if len(curve.x) else curve

    def comparison(self, arm: str, reference: str, source: str) -> dict[str, Any] | None:
        """Paired differences, arm minus reference, each at the most rollouts (steps) that all common seeds have."""
        at_rollouts = self._paired(arm, reference, source, "rollouts", value_at)
        if at_rollouts is None:
            return None
        return {
            "arm": arm,
            "reference": reference,
            "set": source,
            **at_rollouts,
            "over_the_run": self._paired(arm, reference, source, "rollouts", mean_up_to),
            "at_equal_steps": self._paired(arm, reference, source, "step", value_at),
        }

    def _paired(
        self, arm: str, reference: str, source: str, axis: str, statistic: Callable[[Curve, float], float | None]
    ) -> dict[str, Any] | None:
        """None without a common seed."""
        ours, theirs = ({run.seed: run.accuracy_curve(source, axis) for run in self.of(a)} for a in (arm, reference))
        seeds = sorted(seed for seed in ours.keys() & theirs.keys() if len(ours[seed].x) and len(theirs[seed].x))
        if not seeds:
            return None
        x = min(curves[seed].x[-1] for curves in (ours, theirs) for seed in seeds)
        differences = {seed: _difference(statistic(ours[seed], x), statistic(theirs[seed], x)) for seed in seeds}
        return {axis: x, **over_seeds(differences)}


def over_seeds(values: dict[int, float | None]) -> dict[str, Any]:
    """Mean, half-width and the seeds' values; no mean where a seed has no value."""
    known = [value for value in values.values() if value is not None]
    mean, ci95 = interval(known if len(known) == len(values) else [])
    return {"mean": mean, "ci95": ci95, "per_seed": {str(seed): value for seed, value in values.items()}}


def default_headline(sources: list[str]) -> str | None:
    """The quickstart's sampled accuracy where that is what was validated, else the mean over all sets."""
    sampled = [source for source in sources if source.endswith("_sampled")]
    if len(sampled) == 1:
        return sampled[0]
    return MEAN if sources else None


def _difference(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a - b


def _set_order(source: str) -> tuple[int, str]:
    known = labels.BENCHMARKS
    # Sampled before greedy, the six benchmarks in the paper's order, the rest by name.
    return (known.index(source) if source in known else len(known), source.replace("_sampled", "_a_sampled"))

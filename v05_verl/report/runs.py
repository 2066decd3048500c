# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Finds runs in folders and loads them: metrics by step, costs, accuracy on each validation set, provenance."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from v05_verl.report import costs, provenance
from v05_verl.report.labels import printable
from v05_verl.report.metrics_files import ACCURACY, STEPS, join, read_launch
from v05_verl.report.statistics import Curve, mean_up_to, value_at
from v05_verl.schema import checked

MEAN = "mean"
"""Name of the unweighted mean over all validation sets."""


@dataclass(frozen=True)
class Run:
    """One arm trained from one seed."""

    arm: str
    seed: int
    folder: Path
    metrics: pd.DataFrame
    """verl's metrics and costs.COLUMNS by step."""
    accuracy: pd.DataFrame
    """Accuracy by step, one column per validation set; steps that were validated only."""
    provenance: dict[str, Any] | None
    is_cut_off: bool = False
    """Whether the last metrics file ends within a line."""
    falls_at: int | None = None
    """First step at which spent rollouts or tokens go down, which those of one run cannot."""
    samples: dict[str, int] = field(default_factory=dict)
    """Answers per validation problem that each accuracy is a mean of."""
    notes: list[str] = field(default_factory=list)
    _curves: dict[tuple[str, str], Curve] = field(default_factory=dict, init=False, repr=False)

    @property
    def name(self) -> str:
        return f"{self.arm}, seed {self.seed}"

    @property
    def is_complete(self) -> bool:
        """Whether the last launch ended with exit code 0 (granted without ``run.json``) and the metrics can be read."""
        launches = (self.provenance or {}).get("launches", [])
        return not self.is_cut_off and self.falls_at is None and (not launches or launches[-1]["exit_code"] == 0)

    def curve(self, metric: str, axis: str) -> Curve:
        """A per-step metric along ``rollouts``, ``tokens``, ``seconds`` or ``step``; without steps that lack either."""
        return _curve(self.metrics, costs.column(self.metrics, metric), axis)

    def accuracy_curve(self, source: str, axis: str) -> Curve:
        """Accuracy on one validation set, or MEAN, along an axis."""
        if (source, axis) not in self._curves:
            self._curves[source, axis] = _curve(self.metrics, costs.column(self.accuracy, source), axis)
        return self._curves[source, axis]

    def final_accuracy(self, source: str) -> float | None:
        """Accuracy at the run's own rollouts at its last validation, see WINDOW_STATEMENT."""
        return self._at_end(source, value_at)

    def mean_accuracy(self, source: str) -> float | None:
        """Accuracy over the run, see OVER_STATEMENT."""
        return self._at_end(source, mean_up_to)

    def _at_end(self, source: str, statistic: Callable[[Curve, float], float | None]) -> float | None:
        curve = self.accuracy_curve(source, "rollouts")
        return statistic(curve, curve.x[-1]) if len(curve.x) else None

    def mean(self, metric: str) -> float | None:
        """Mean over the training steps; None where the metric was never logged, as in all of these."""
        return self._mean(self._known(metric))

    def mean_by_quarter(self, metric: str) -> list[float | None]:
        """Mean over the training steps that end in each quarter of the run's rollouts."""
        values = self._known(metric)
        rollouts = costs.column(self.metrics, "rollouts")
        quarter = np.ceil(4 * rollouts.reindex(values.index) / rollouts.max())
        return [self._mean(values[quarter == q]) for q in (1, 2, 3, 4)]

    def _mean(self, values: pd.Series) -> float | None:
        weights = costs.steps(self.metrics).reindex(values.index)
        return float(np.average(values, weights=weights)) if len(values) else None

    def total(self, metric: str) -> float | None:
        """Sum over the records."""
        return float(self._known(metric).sum()) if len(self._known(metric)) else None

    def last(self, metric: str) -> float | None:
        """Value of the last record that has one."""
        return float(self._known(metric).iloc[-1]) if len(self._known(metric)) else None

    def trained_steps(self) -> float:
        """Training steps that left metrics."""
        return float(costs.steps(self.metrics).reindex(self._known("training/global_step").index).sum())

    def _known(self, metric: str) -> pd.Series:
        return costs.column(self.metrics, metric).dropna()


def load_runs(folders: Iterable[Path], labels: Mapping[Path, str] | None = None) -> list[Run]:
    """All runs at or below the folders, with MEAN added: the unweighted mean over every set that any run validated.

    A run that lacks one of these sets has no MEAN. Arms below a folder with a label are called ``<label>/<arm>``.

    Raises:
        ValueError: as :func:`find_runs` and :func:`load_run`; two folders hold the same arm and seed.
    """
    runs = [_labelled(load_run(folder), labels or {}) for folder in find_runs(folders)]
    first: dict[tuple[str, int], Run] = {}
    for run in runs:
        other = first.setdefault((run.arm, run.seed), run)
        if other is not run:
            raise ValueError(
                f"{other.folder} and {run.folder} are both {run.name}; report them apart, or as one=DIR other=DIR"
            )
    sources = sorted({source for run in runs for source in run.accuracy})
    return [replace(run, accuracy=_with_mean(run.accuracy, sources)) for run in runs]


def _labelled(run: Run, labels: Mapping[Path, str]) -> Run:
    label = next((label for folder, label in labels.items() if run.folder.is_relative_to(folder.resolve())), None)
    return replace(run, arm=f"{printable(label)}/{run.arm}") if label else run


def _with_mean(accuracy: pd.DataFrame, sources: list[str]) -> pd.DataFrame:
    return accuracy.assign(**{MEAN: accuracy.reindex(columns=sources).mean(axis=1, skipna=False)})


def find_runs(folders: Iterable[Path]) -> list[Path]:
    """Folders of runs (those with ``metrics/`` or ``run.json``) at or below the given ones, each once, sorted.

    Raises:
        ValueError: a given folder does not exist or holds no run.
    """
    found: set[Path] = set()
    for folder in folders:
        if not folder.is_dir():
            raise ValueError(f"{folder} is not a folder; name the output folder of the runs, or folders of single runs")
        marks = [*folder.rglob("metrics/*.jsonl"), *folder.rglob(provenance.FILE)]
        runs = {mark.parent.parent if mark.suffix == ".jsonl" else mark.parent for mark in marks}
        if not runs:
            raise ValueError(
                f"{folder} holds no run: no <arm>/seed_<k>/metrics/<launch>.jsonl and no run.json below it"
            )
        found |= {run.resolve() for run in runs}
    return sorted(found)


def load_run(folder: Path) -> Run:
    """The run in ``folder``; arm and seed from ``run.json``, or from the folder's name <arm>/seed_<k>.

    Raises:
        ValueError: neither names arm and seed, or a metrics file is damaged.
    """
    origin = provenance.read(folder)
    arm, seed = (origin["arm"], origin["seed"]) if origin else _from_folder(folder)
    files = sorted((folder / "metrics").glob("*.jsonl"), key=_launch_order)
    history = join([read_launch(file) for file in files])
    metrics = pd.DataFrame.from_dict(history.records, orient="index")
    metrics.index.name = "step"
    size, notes = _step_size(folder, files, metrics)
    metrics = metrics.join(costs.spent(metrics, size)) if len(metrics) else metrics
    accuracy, samples = _accuracies(metrics)
    if not files:
        notes.append("no metrics file")
    elif accuracy.empty:
        notes.append("no validation accuracy (val-core/<set>/acc/mean@<n>)")
    notes = [*history.notes, *notes]
    falls = _first_fall(metrics)
    return Run(printable(arm), seed, folder, metrics, accuracy, origin, history.is_cut_off, falls, samples, notes)


def _first_fall(metrics: pd.DataFrame) -> int | None:
    falls = [costs.column(metrics, name).dropna().diff() < 0 for name in ("rollouts", "tokens")]
    return min((int(fall.idxmax()) for fall in falls if fall.any()), default=None)


def _accuracies(metrics: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """Accuracy by set, and the answers per problem; where a set was validated with several n, the largest."""
    samples: dict[str, int] = {}
    chosen: dict[str, str] = {}
    for name in metrics.columns:
        match = ACCURACY.fullmatch(name)
        source = match and printable(match["source"])
        if match and int(match["n"]) > samples.get(source, 0):
            samples[source] = int(match["n"])
            chosen[source] = name
    frame = pd.DataFrame({source: metrics[name] for source, name in sorted(chosen.items())})
    return frame.dropna(how="all"), samples


def _curve(metrics: pd.DataFrame, values: pd.Series, axis: str) -> Curve:
    values = values.dropna()
    if axis == "step":
        return Curve(values.index.to_numpy(float), values.to_numpy(float))
    points = pd.DataFrame({"x": costs.column(metrics, axis).reindex(values.index), "y": values}).dropna()
    # An x is repeated by steps without a cost of their own, where the first point stands for them (a lost line), or the
    # last one where more was trained (batches that were sampled ahead).
    trained = costs.column(metrics, "training/global_step").reindex(points.index).notna()
    points = points[trained | ~points["x"].duplicated()].drop_duplicates("x", keep="last")
    return Curve(points["x"].to_numpy(float), points["y"].to_numpy(float))


def _from_folder(folder: Path) -> tuple[str, int]:
    match = re.fullmatch(r"seed_(\d+)", folder.name)
    if not match:
        raise ValueError(f"{folder} has no run.json and is not named <arm>/seed_<k>, so its arm and seed are unknown")
    return folder.parent.name, int(match[1])


def _launch_order(file: Path) -> tuple[float, str]:
    return (float(file.stem) if file.stem.isdigit() else float("inf"), file.stem)


def _step_size(folder: Path, files: list[Path], metrics: pd.DataFrame) -> tuple[costs.StepSize | None, list[str]]:
    """Prompts and rollouts per step from the configurations of all launches, which must agree."""
    configs = sorted((folder / "hydra").glob("*/.hydra/config.yaml"))
    sizes = {read_step_size(config) for config in configs}
    if len(sizes) > 1:
        raise ValueError(
            f"{folder}: its launches differ in data.train_batch_size or rollout.n ({', '.join(map(str, sizes))}); "
            "they are not one run, put them into folders of their own"
        )
    if sizes:
        return sizes.pop(), []
    if STEPS in metrics:  # the light loop counts itself and has no configuration of verl's
        return None, []
    lost = "" if "v05/spent/rollouts" in metrics else "; rollouts, tokens and rollouts per prompt are unknown"
    return None, [f"no hydra/<launch>/.hydra/config.yaml{lost}"] if files else []


def read_step_size(config: Path) -> costs.StepSize:
    """Prompts and rollouts per step of a configuration that Hydra wrote; ValueError where it is none of verl's."""
    try:
        composed = OmegaConf.load(config)
        prompts = OmegaConf.select(composed, "data.train_batch_size")
        n = OmegaConf.select(composed, "actor_rollout_ref.rollout.n")
    except (OmegaConfBaseException, YAMLError, ValueError, OSError, RecursionError) as error:
        raise ValueError(f"{config} is no configuration ({error})") from error
    where = f"{config}: data.train_batch_size and actor_rollout_ref.rollout.n are not verl's"
    return checked(costs.StepSize, {"prompts": prompts, "n": n}, where)

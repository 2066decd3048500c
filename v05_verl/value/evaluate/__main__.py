# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Measures value models on recorded outcomes.

    python -m v05_verl.value.evaluate --model constant knn ridge gp --against ridge \\
        --context context.jsonl --prompts prompt_dict.json --cv 10 --seed 0 1 2 --json out.json --plots out/

With ``--cv K`` the context rows are split by prompt; with ``--query FILE`` the context is shown and the query rows are
predicted; with ``--revisit`` prompts are predicted that the same policy met at an earlier step.
"""

from __future__ import annotations

import argparse
import ast
import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from v05_verl.core.recalibration import Recalibration
from v05_verl.value import build
from v05_verl.value.evaluate.measures import Measure, bootstrap, measure, within_context_auc
from v05_verl.value.evaluate.protocols import Factory, cross_validated, held_out, recalibrated_online, revisited
from v05_verl.value.evaluate.records import Records, read_release

ALIASES = {
    "ridge": "v05_verl.value.evaluate.references:RidgeOnTfIdf",
    "knn": "v05_verl.value.evaluate.references:NearestOnTfIdf",
}
DISTORTIONS = {
    "none": Recalibration(),
    "logit x .3": Recalibration(slope=0.3),
    "logit x .5": Recalibration(slope=0.5),
    "logit + .7": Recalibration(shift=0.7),
}
_COLUMNS = ("auc", "mse", "mae", "calibration_slope", "calibration_intercept", "ece")

Runs = list[np.ndarray]
"""Predictions of the same rows, one array per seed."""


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Runs the command line; returns what it also writes to ``--json``."""
    options = _parser().parse_args(arguments)
    context = read_release(options.context, options.prompts, options.trials)
    query = None if options.query is None else read_release(options.query, options.prompts, options.trials)
    predict, seeds = _protocol(options, context, query)

    factories = {name: _factory(name, options) for name in dict.fromkeys(options.model)}
    for name, factory in factories.items():  # all of them before the first is evaluated, which may take hours
        try:
            factory()
        except ValueError as error:
            raise SystemExit(f"v05_verl.value.evaluate: --model {name}: {error}") from error
    result: dict[str, Any] = {"protocol": _protocol_name(options), "seeds": seeds, "models": {}}
    predictions: dict[str, Runs] = {}
    for name, factory in factories.items():
        started = time.perf_counter()
        rows, predictions[name] = predict(factory)
        result["models"][name] = {**summary(rows, predictions[name], options.draws), "seconds": _since(started)}
        print(_line(name, result["models"][name]["overall"]), flush=True)
    if options.against:
        for name in predictions:
            if name != options.against:
                gain = paired_gain(rows, predictions[name], predictions[options.against], options.draws)
                result["models"][name]["gain"] = {"against": options.against, **gain}
                print(_gain_line(name, options.against, gain))
    if options.recalibrate:
        for name in predictions:
            result["models"][name]["recalibration"] = _recalibration_table(name, rows, predictions[name])
    _write(options, result, rows, predictions)
    return result


def summary(records: Records, runs: Runs, draws: int) -> dict[str, Any]:
    """Measures averaged over seeds, with intervals by prompt: overall and by (policy, step)."""
    by_context = {}
    for name in np.unique(contexts := records.contexts):
        index = np.flatnonzero(contexts == name)
        by_context[str(name)] = _with_intervals(records.rows(index), [p[index] for p in runs], draws)
    per_seed = [measure(p, records) for p in runs]
    return {
        "rows": len(records.rates),
        "overall": _with_intervals(records, runs, draws),
        "by_context": by_context,
        "by_seed": per_seed,
    }


def paired_gain(records: Records, runs: Runs, reference: Runs, draws: int) -> dict[str, Any]:
    """AUC and MSE of ``runs`` minus those of ``reference`` on the same rows, seeds and bootstrap draws."""

    def difference(index: np.ndarray) -> Measure:
        rows = records.rows(index)
        ours, theirs = (_auc_and_mse(rows, [p[index] for p in each]) for each in (runs, reference))
        return {name: ours[name] - theirs[name] for name in ours}

    return _joined(difference(np.arange(len(records.rates))), bootstrap(difference, records.prompts, draws))


def _recalibration_table(name: str, records: Records, runs: Runs) -> dict[str, dict[str, float]]:
    """MSE on [-1, 1] of distorted predictions, as they are and repaired online (seeds averaged)."""
    table = {}
    for label, distortion in DISTORTIONS.items():
        distorted = [distortion(p) for p in runs]
        repaired = [recalibrated_online(p, records) for p in distorted]
        before, after = (_auc_and_mse(records, each)["mse"] for each in (distorted, repaired))
        table[label] = {"before": before, "after": after}
        print(f"{name}: recalibration, {label}: mse {before:.3f} -> {after:.3f}")
    return table


def _with_intervals(records: Records, runs: Runs, draws: int) -> dict[str, Any]:
    def statistic(index: np.ndarray) -> Measure:
        rows = records.rows(index)
        return _mean_over_runs([measure(p[index], rows) for p in runs])

    return _joined(statistic(np.arange(len(records.rates))), bootstrap(statistic, records.prompts, draws))


def _auc_and_mse(rows: Records, runs: Runs) -> Measure:
    return _mean_over_runs(
        [{"auc": within_context_auc(p, rows), "mse": float(np.mean(4 * (p - rows.rates) ** 2))} for p in runs]
    )


def _mean_over_runs(measures: list[Measure]) -> Measure:
    return {name: float(np.mean([each[name] for each in measures])) for name in measures[0]}


def _joined(values: Measure, intervals: dict[str, tuple[float, float]]) -> dict[str, Any]:
    return {name: {"value": value, "ci95": list(intervals[name])} for name, value in values.items()}


def _protocol(
    options: argparse.Namespace, context: Records, query: Records | None
) -> tuple[Callable[[Factory], tuple[Records, Runs]], list[int]]:
    if options.revisit:

        def by_revisit(factory: Factory) -> tuple[Records, Runs]:
            rows, p = revisited(factory, context)
            return rows, [p]

        return by_revisit, []
    if query is not None:
        return lambda factory: (query, [held_out(factory, context, query)]), []
    seeds = list(options.seed)
    return lambda factory: (context, [cross_validated(factory, context, options.cv, s) for s in seeds]), seeds


def _protocol_name(options: argparse.Namespace) -> str:
    if options.revisit:
        return "revisit"
    return "query" if options.query is not None else f"{options.cv}-fold cross-validation by prompt"


def _factory(name: str, options: argparse.Namespace) -> Factory:
    base = name.partition("@")[0]
    chosen: dict[str, Any] = {"context": options.rows} if base in ("gp", "v0") else {}
    if base == "gp":
        # A panel refits once, when it has been shown everything; there is time for twice the rows of a training run.
        chosen |= {"automatic_fit": False, "fit_rows": 800}
    for text in options.option:
        target, value = assignment(text)
        model, dot, option = target.rpartition(".")
        if not dot or model in (base, name):
            chosen[option] = value
    if base == "v0" and options.checkpoint is not None:
        chosen["checkpoint"] = options.checkpoint
    return partial(build, ALIASES.get(base, base), **chosen)


def assignment(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise SystemExit(f"--option {text!r}: write NAME=VALUE or MODEL.NAME=VALUE")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value  # a plain word, such as a path


def _write(options: argparse.Namespace, result: dict[str, Any], rows: Records, predictions: dict[str, Runs]) -> None:
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(_without_nan(result), indent=1), encoding="utf-8")
    if options.plots is not None:
        from v05_verl.value.evaluate.plots import plot_auc_by_step, plot_reliability

        options.plots.mkdir(parents=True, exist_ok=True)
        plot_reliability(rows, predictions, options.plots / "reliability.png")
        plot_auc_by_step(result["models"], options.plots / "auc_by_step.png")


def _without_nan(value: Any) -> Any:
    """The same with null for NaN, which JSON does not have."""
    if isinstance(value, dict):
        return {key: _without_nan(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_without_nan(each) for each in value]
    return None if isinstance(value, float) and np.isnan(value) else value


def _since(started: float) -> float:
    return round(time.perf_counter() - started, 2)


def _line(name: str, overall: dict[str, Any]) -> str:
    cells = [
        f"{column} {overall[column]['value']:.3f} [{overall[column]['ci95'][0]:.3f}, {overall[column]['ci95'][1]:.3f}]"
        for column in _COLUMNS
    ]
    return f"{name:10s} " + "  ".join(cells)


def _gain_line(name: str, reference: str, gain: dict[str, Any]) -> str:
    cells = [
        f"{key} {value['value']:+.4f} [{value['ci95'][0]:+.4f}, {value['ci95'][1]:+.4f}]" for key, value in gain.items()
    ]
    return f"{name} - {reference}: " + "  ".join(cells)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m v05_verl.value.evaluate", description=__doc__.splitlines()[0])
    add = parser.add_argument
    add(
        "--model",
        nargs="+",
        required=True,
        help="gp, tracker, v0, constant, knn, ridge or package.module:Class; MODEL@LABEL: with options of its own",
    )
    add("--context", required=True, type=Path, help="JSON lines of the V0 release's format")
    add("--prompts", required=True, type=Path, help="prompt dictionary of the release")
    add("--query", type=Path, help="rows to predict from the whole context, instead of cross-validation")
    add("--cv", type=int, default=10, help="folds, grouped by prompt")
    add("--seed", type=int, nargs="+", default=[0, 1, 2], help="fold seeds")
    add("--revisit", action="store_true", help="predict prompts that the same policy met at an earlier step")
    add("--checkpoint", type=Path, help="V0 checkpoint")
    add("--option", nargs="*", default=[], metavar="[MODEL[@LABEL].]NAME=VALUE", help="options of the models")
    add("--rows", type=int, default=4096, help="context rows of gp and v0 (all contexts together)")
    add("--trials", type=int, default=10, help="rewards behind each score")
    add("--recalibrate", action="store_true", help="print MSE of distorted predictions before and after online repair")
    add("--against", help="print paired gains over this one of the models")
    add("--draws", type=int, default=500, help="bootstrap draws")
    add("--json", type=Path)
    add("--plots", type=Path, help="folder for reliability.png and auc_by_step.png")
    return parser


if __name__ == "__main__":
    main()

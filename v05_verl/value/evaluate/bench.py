# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Speed and memory of value models on this machine, as a table.

python -m v05_verl.value.evaluate.bench --prompts prompt_dict.json --model gp v0 --context 256 1024 2048 --batch 64 512
python -m v05_verl.value.evaluate.bench --prompts prompt_dict.json --model gp tracker --known 100000 --batch 512
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import resource
import tempfile
import time
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from v05_verl import state_file
from v05_verl.value import build
from v05_verl.value.base import ValueModel

_OPTIONS = {"v0": {"encoder": "surface", "history": False}}
_TRIALS = 4


def main(arguments: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Runs the command line; returns the rows of the table that it prints."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.known is not None and options.known <= options.batch[-1]:
        parser.error(f"--known {options.known} must be above the batch of {options.batch[-1]}")
    texts = list(json.loads(options.prompts.read_text(encoding="utf-8")).values())
    columns = ("model", "context", "batch", "predict_s", "predict_cold_s", "observe_s", "peak_mib")
    print(f"{os.cpu_count()} CPUs, OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS', 'unset')}")
    if options.edge:
        return _edge_table(options.model, texts)
    if options.known:
        return _long_run_table(options.model, texts, options.known, options.batch[-1])
    print(_table_line(columns), "|" + "---|" * len(columns), sep="\n")
    rows = []
    for name in options.model:
        for context in options.context:
            for batch in options.batch:
                row = {"model": name, "context": context, "batch": batch, **measured(name, texts, context, batch)}
                rows.append(row)
                print(_table_line(row[column] for column in columns), flush=True)
    return rows


def measured(name: str, texts: list[str], context: int, batch: int, repeats: int = 5) -> dict[str, float]:
    """Median seconds of predict (features cached; and cold, on texts never seen) and of observe, and peak memory.

    The context is full; its outcomes are drawn with a fixed seed. ``observe`` adds ``batch`` rows; its median is
    shown, not its worst call (a refit, a full context).
    """
    rng = np.random.default_rng(0)
    model = build(name, context=context, **_OPTIONS.get(name, {}))
    fill = max(context - batch, 1)
    for step, start in enumerate(range(0, fill, 256)):
        _observe(model, _texts(texts, start, min(256, fill - start)), step, rng)
    step += 1
    queries = _texts(texts, 100_000, batch)
    cold = _seconds(lambda: model.predict([f"{text} " for text in queries], step))
    model.predict(queries, step)
    warm = np.median([_seconds(lambda: model.predict(queries, step)) for _ in range(repeats)])
    observed = [_seconds(partial(_observe, model, queries, step + 1 + i, rng)) for i in range(repeats)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"predict_s": float(warm), "predict_cold_s": cold, "observe_s": float(np.median(observed)), "peak_mib": peak}


def _table_line(cells: Iterable[Any]) -> str:
    return "| " + " | ".join(f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in cells) + " |"


def _edge_table(models: list[str], texts: list[str]) -> list[dict[str, Any]]:
    """What awkward contexts and prompts do to predictions, time and memory, as a table."""
    some = texts[:64]
    cases = {
        "none": ([], 0.5),
        "one pair": (some[:1], 1.0),
        "all successes": (some, 1.0),
        "all failures": (some, 0.0),
        "the same prompt twice": ([some[0], some[0]], 0.5),
        "empty prompt": (["", *some], 0.5),
        "100,000 characters": (["1 + x " * 16_667, *some], 0.5),
        "10,000 pairs": (_texts(texts, 0, 10_000), 0.5),
    }
    columns = ("model", "context", "lowest_p", "highest_p", "observe_s", "predict_s", "peak_mib")
    print(_table_line(columns), "|" + "---|" * len(columns), sep="\n")
    rows = []
    for name in models:
        for case, (prompts, rate) in cases.items():
            model = build(name, **_OPTIONS.get(name, {}))
            n = len(prompts)
            trials = np.full(n, _TRIALS)
            observe = _seconds(partial(model.observe, prompts, rate * trials, trials, 0))
            queries = [*prompts[:2], "", "1 + x " * 16_667, *texts[-8:]]
            started = time.perf_counter()
            p = model.predict(queries, 1)
            spent = time.perf_counter() - started
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            cells = (name, case, float(p.min()), float(p.max()), observe, spent, peak)
            rows.append(dict(zip(columns, cells, strict=True)))
            print(_table_line(cells), flush=True)
    return rows


def _long_run_table(models: list[str], texts: list[str], known: int, batch: int) -> list[dict[str, Any]]:
    """Times and sizes once ``known`` prompts have had outcomes, over 100 steps that visit them again, as a table.

    ``told_kib`` travels to the model in every step; ``state_mib`` is the file at a save.
    """
    columns = (
        "model",
        "known",
        "batch",
        "predict_p50",
        "predict_p99",
        "observe_p50",
        "observe_p99",
        "told_kib",
        "state_mib",
    )
    print(_table_line(columns), "|" + "---|" * len(columns), sep="\n")
    rows = []
    for name in models:
        rng, model = np.random.default_rng(0), build(name, **_OPTIONS.get(name, {}))
        starts = range(0, known, batch)
        for step, start in enumerate(tqdm(starts, desc=f"{name}: outcomes of {known} prompts", leave=False)):
            _observe(model, _texts(texts, start, min(batch, known - start)), step, rng)
        predicted, observed = [], []
        for step in tqdm(range(len(starts), len(starts) + 100), desc=f"{name}: steps of {batch}", leave=False):
            prompts = _texts(texts, int(rng.integers(known - batch)), batch)
            predicted.append(_seconds(partial(model.predict, prompts, step)))
            observed.append(_seconds(partial(_observe, model, prompts, step, rng)))
        told = len(pickle.dumps((prompts, np.zeros(batch), np.zeros(batch), step))) / 1024
        with tempfile.TemporaryDirectory() as folder:
            state_file.save(file := Path(folder) / "state", model.state_dict())
            size = file.stat().st_size / 2**20
        times = [float(np.percentile(seconds, q)) for seconds in (predicted, observed) for q in (50, 99)]
        rows.append(dict(zip(columns, (name, known, batch, *times, told, size), strict=True)))
        print(_table_line(rows[-1].values()), flush=True)
    return rows


def _texts(texts: list[str], start: int, count: int) -> list[str]:
    """``count`` different texts from number ``start`` on; beyond the end they come again with a number."""
    n = len(texts)
    return [texts[i % n] if i < n else f"{texts[i % n]} ({i // n})" for i in range(start, start + count)]


def _observe(model: ValueModel, prompts: list[str], step: int, rng: np.random.Generator) -> None:
    model.observe(prompts, rng.binomial(_TRIALS, 0.5, len(prompts)), np.full(len(prompts), _TRIALS), step)


def _seconds(call) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m v05_verl.value.evaluate.bench", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--prompts", type=Path, required=True, help="JSON dictionary of texts")
    parser.add_argument("--model", nargs="+", default=["gp", "v0"], help="v0: surface encoder, bayes head")
    parser.add_argument("--edge", action="store_true", help="awkward contexts and prompts instead of sizes")
    parser.add_argument("--known", type=int, help="times and sizes when so many prompts are known, instead of sizes")
    parser.add_argument("--context", nargs="+", type=int, default=[256, 1024, 2048])
    parser.add_argument("--batch", nargs="+", type=int, default=[64, 512])
    return parser


if __name__ == "__main__":
    main()

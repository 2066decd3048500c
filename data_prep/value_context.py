# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Command: verl's rollout dumps to the training files of V0, the value model.

    python -m data_prep.value_context --dumps outputs/rollouts --data data/dapo_math_17k.parquet \\
        --model Qwen3-4B --reward-range -1 1 --out data/v0

verl writes one file ``<step>.jsonl`` per training step to ``trainer.rollout_data_dir``, one line per rollout. Written
here are, as in V0's release, ``context.jsonl`` and ``train.jsonl`` (one line per prompt and step: id, score, type,
model, step, dataset; the score is the mean reward on [-1, 1]) and ``prompt_dict.json`` ("<dataset>_<id>" -> problem).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import sys
from collections.abc import Mapping
from pathlib import Path

from tqdm import tqdm

from v05_verl.json_lines import DataError
from v05_verl.rollout_dumps import PromptIndex, SuccessRate, read_rollouts, read_rows, success_rates

from .manifest import write_json

logger = logging.getLogger("data_prep")


def is_query(identity: int, share: float) -> bool:
    """Whether a problem belongs to the queries that V0 learns from; the same at every step and in every run."""
    digest = hashlib.sha256(str(identity).encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


def main(argv: list[str] | None = None) -> int:
    """Runs the command; returns the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    options = parser().parse_args(argv)
    try:
        convert(options)
    except DataError as error:
        logger.error("%s", error)
        return 1
    return 0


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(
        prog=f"python -m {__package__}.value_context", description=__doc__.partition("\n")[0]
    )
    add = result.add_argument
    add("--dumps", type=Path, required=True, help="trainer.rollout_data_dir of the run")
    add("--data", type=Path, required=True, help="the prepared parquet file that the run was trained on")
    add("--model", required=True, help="name of the policy, as the rows shall state it")
    add("--dataset", default="dapomath", help="name of the data set, as the rows shall state it")
    add("--reward-range", type=float, nargs=2, default=(-1.0, 1.0), metavar=("LO", "HI"), help="the run's rewards")
    add("--query-share", type=float, default=0.25, help="share of the problems that become queries, by hash of the id")
    add("--out", type=Path, required=True, help="folder for the three files")
    return result


def convert(options: argparse.Namespace) -> None:
    """Writes the three files; raises DataError."""
    rows = read_rows(options.data)
    index, ids = PromptIndex(rows), [_id(row, options.data) for row in rows]
    rollouts = tqdm(read_rollouts(options.dumps), unit=" rollouts", disable=not sys.stderr.isatty())
    rates, unknown = success_rates(rollouts, tuple(options.reward_range), index.find)
    if not rates:
        raise DataError(f"no prompt of {options.dumps} is found in {options.data}; is it the file of that run?")
    _write(options, ids, index.texts, rates)
    logger.info("%d prompts at %d steps -> %s", len(rates), len({step for step, _ in rates}), options.out)
    if unknown:
        logger.warning("%d rollouts answer prompts that are not in %s", unknown, options.data)


def _id(row: Mapping, path: Path) -> int:
    identity = (row.get("extra_info") or {}).get("index")
    if not isinstance(identity, int):
        raise DataError(f"{path}: a row has no whole number in extra_info.index; prepare it with data_prep.prepare")
    return identity


def _write(
    options: argparse.Namespace, ids: list[int], texts: list[str], rates: dict[tuple[int, int], SuccessRate]
) -> None:
    options.out.mkdir(parents=True, exist_ok=True)
    lines: dict[str, list[str]] = {"context": [], "train_query": []}
    for (step, row), success in sorted(rates.items()):
        kind = "train_query" if is_query(ids[row], options.query_share) else "context"
        entry = {"id": ids[row], "score": 2 * success.rate - 1, "type": kind, "model": options.model, "step": step}
        lines[kind].append(json.dumps({**entry, "dataset": options.dataset}) + "\n")
    for kind, name in (("context", "context.jsonl"), ("train_query", "train.jsonl")):
        (options.out / name).write_text("".join(lines[kind]), encoding="utf-8")
    asked = {ids[row]: texts[row] for _, row in rates}
    write_json(options.out / "prompt_dict.json", {f"{options.dataset}_{id_}": asked[id_] for id_ in sorted(asked)})


if __name__ == "__main__":
    sys.exit(main())

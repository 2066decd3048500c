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
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from tqdm import tqdm

from data_prep.manifest import write_json
from data_prep.problem import DataError
from data_prep.templates import TEMPLATES

logger = logging.getLogger("data_prep")

TAIL = 32  # characters at the end of a problem by which it is looked up


class PromptIndex:
    """Finds the prepared row whose prompt a rollout answers.

    A dump holds the decoded prompt: chat markers of the model's template around the row's own prompt.
    """

    def __init__(self, prompts: Sequence[str]):
        self._by_tail: dict[str, list[int]] = defaultdict(list)
        self._prompts = list(prompts)
        for row, prompt in enumerate(self._prompts):
            self._by_tail[_tail(prompt)].append(row)
        self._lengths = sorted({len(tail) for tail in self._by_tail if tail})

    def find(self, text: str) -> int | None:
        """The row whose prompt stands in ``text``, the longest where several do; None where none does."""
        tail = _tail(text)
        ends = [tail[-length:] for length in self._lengths if length <= len(tail)]
        candidates = [row for end in ends for row in self._by_tail.get(end, []) if self._prompts[row] in text]
        return max(candidates, key=lambda row: len(self._prompts[row]), default=None)


def _tail(text: str) -> str:
    """The end of the problem in ``text``, before the last suffix of a known template; white space left out."""
    end = max((text.rfind(template.suffix) for template in TEMPLATES.values()), default=-1)
    return "".join(text[max(end - 4 * TAIL, 0) : end].split())[-TAIL:] if end > 0 else ""


def read_dump(path: Path) -> Iterator[dict[str, Any]]:
    """Rollouts of a dump; raises DataError naming the line that lacks something."""
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            try:
                row = json.loads(line)
                missing = {"input", "score", "step"} - row.keys()
            except (json.JSONDecodeError, AttributeError) as error:
                raise DataError(f"{path}, line {number}: not a rollout ({error}); was the run cut off?") from error
            if missing:
                raise DataError(f"{path}, line {number} lacks {', '.join(sorted(missing))}; is it a dump of verl?")
            if not str(row.get("uid", "")).startswith("pad"):
                yield row


def mean_scores(
    rollouts: Iterable[dict[str, Any]], index: PromptIndex, reward_range: tuple[float, float]
) -> tuple[dict[tuple[int, int], float], int]:
    """((step, row) -> mean reward mapped from ``reward_range`` to [-1, 1], rollouts whose prompt is unknown).

    Raises:
        DataError: a reward outside the range, as an overlong penalty makes it.
    """
    lo, hi = reward_range
    rewards: dict[tuple[int, int], list[float]] = defaultdict(list)
    unknown = 0
    for rollout in rollouts:
        score = float(rollout["score"])
        if not lo <= score <= hi:
            raise DataError(
                f"step {rollout['step']}: a score of {score:g} lies outside the reward range [{lo:g}, {hi:g}]; set "
                f"--reward-range to the run's, and dump a run without overlong penalty"
            )
        row = index.find(rollout["input"])
        if row is None:
            unknown += 1
            continue
        rewards[int(rollout["step"]), row].append(score)
    return {key: 2 * (sum(sorted(r)) / len(r) - lo) / (hi - lo) - 1 for key, r in rewards.items()}, unknown


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
    result = argparse.ArgumentParser(prog="python -m data_prep.value_context", description=__doc__.partition("\n")[0])
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
    lo, hi = options.reward_range
    if not lo < hi:
        raise DataError(f"--reward-range needs LO < HI, got {lo:g} {hi:g}")
    files = sorted((path for path in options.dumps.glob("*.jsonl") if path.stem.isdigit()), key=lambda p: int(p.stem))
    if not files:
        raise DataError(f"{options.dumps} holds no <step>.jsonl; set trainer.rollout_data_dir for the run")
    prepared = pq.read_table(options.data, columns=["prompt", "extra_info"]).to_pylist()
    index = PromptIndex([row["prompt"][-1]["content"] for row in prepared])
    bar = tqdm(files, desc="steps", disable=not sys.stderr.isatty())
    scores, unknown = mean_scores((r for path in bar for r in read_dump(path)), index, (lo, hi))
    if not scores:
        raise DataError(f"no prompt of {options.dumps} is found in {options.data}; is it the file of that run?")
    _write(options, prepared, scores)
    logger.info("%d prompts at %d steps -> %s", len(scores), len({step for step, _ in scores}), options.out)
    if unknown:
        logger.warning("%d rollouts answer prompts that are not in %s", unknown, options.data)


def _write(options: argparse.Namespace, prepared: list[dict], scores: dict[tuple[int, int], float]) -> None:
    options.out.mkdir(parents=True, exist_ok=True)
    lines: dict[str, list[str]] = {"context": [], "train_query": []}
    problems = {}
    for (step, row), score in sorted(scores.items()):
        info = prepared[row]["extra_info"]
        kind = "train_query" if is_query(info["index"], options.query_share) else "context"
        entry = {"id": info["index"], "score": score, "type": kind, "model": options.model, "step": step}
        lines[kind].append(json.dumps({**entry, "dataset": options.dataset}) + "\n")
        problems[info["index"]] = info["problem"]
    for kind, name in (("context", "context.jsonl"), ("train_query", "train.jsonl")):
        (options.out / name).write_text("".join(lines[kind]), encoding="utf-8")
    names = {f"{options.dataset}_{identity}": problems[identity] for identity in sorted(problems)}
    write_json(options.out / "prompt_dict.json", names)


if __name__ == "__main__":
    sys.exit(main())

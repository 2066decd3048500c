# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Outcomes of policies on prompts, read from the V0 release's format or from verl's rollout dumps."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np


class Records(NamedTuple):
    """N rows; a *context* is one (policy, step)."""

    prompts: np.ndarray
    """(N,) texts, dtype object."""
    rates: np.ndarray
    """(N,) mean success in [0, 1]."""
    trials: np.ndarray
    """(N,) rollouts behind each rate."""
    policies: np.ndarray
    """(N,) names, dtype object."""
    steps: np.ndarray
    """(N,) training steps, integers."""

    def rows(self, index: np.ndarray) -> Records:
        """The rows at ``index``."""
        return Records(*(column[index] for column in self))

    @property
    def contexts(self) -> np.ndarray:
        """(N,) "policy/step" of each row."""
        return np.array([f"{policy}/{step}" for policy, step in zip(self.policies, self.steps, strict=True)])


def joined(parts: list[Records]) -> Records:
    """The rows of all ``parts``, in order."""
    return Records(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def read_release(path: str | Path, prompt_dict: str | Path, trials: int = 10) -> Records:
    """Rows {id, score in [-1, 1], model, step, dataset} with their texts from a dictionary "<dataset>_<id>" -> text.

    ``trials``: rewards behind each score; 10 in the V0 release.

    Raises:
        ValueError: no rows, a line that is no JSON, a missing field, a score out of range, an id without a text; each
            names file and line.
    """
    with open(prompt_dict, encoding="utf-8") as file:
        texts = json.load(file)
    rows = []
    for where, row in _json_lines(path):
        for field in ("id", "score", "model", "step", "dataset"):
            if field not in row:
                raise ValueError(f"{where}: the row has no field {field!r}")
        name = f"{row['dataset']}_{row['id']}"
        if name not in texts:
            raise ValueError(f"{where}: prompt {name!r} is not in {prompt_dict}")
        if not -1 <= row["score"] <= 1:
            raise ValueError(f"{where}: score {row['score']} is outside [-1, 1]")
        rows.append((texts[name], (row["score"] + 1) / 2, trials, row["model"], row["step"]))
    return _records(rows, path)


def read_rollout_dumps(
    folder: str | Path, reward_range: tuple[float, float] = (-1.0, 1.0), policy: str | None = None
) -> Records:
    """verl's ``trainer.rollout_data_dir``: <step>.jsonl files of rollouts {input, score, step, ...}.

    Rollouts of the same input and step are one row. ``policy`` names the run; default: the folder's name.

    Raises:
        ValueError: no files, a missing field, a score outside ``reward_range``; each names file and line.
    """
    folder, (lo, hi) = Path(folder), reward_range
    files = sorted(folder.glob("*.jsonl"), key=lambda path: [int(n) for n in re.findall(r"\d+", path.stem)])
    groups: dict[tuple[int, str], list[float]] = defaultdict(list)
    for path in files:
        for where, row in _json_lines(path):
            for field in ("input", "score", "step"):
                if field not in row:
                    raise ValueError(f"{where}: the row has no field {field!r}; is this a rollout dump of verl?")
            if not lo <= row["score"] <= hi:
                raise ValueError(f"{where}: score {row['score']} is outside the reward range [{lo:g}, {hi:g}]")
            groups[int(row["step"]), row["input"]].append((row["score"] - lo) / (hi - lo))
    name = policy or folder.name
    rows = [(text, float(np.mean(r)), len(r), name, step) for (step, text), r in sorted(groups.items())]
    return _records(rows, folder)


def _json_lines(path: str | Path) -> Iterator[tuple[str, dict[str, Any]]]:
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            where = f"{path}, line {number}"
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise ValueError(f"{where}: not a line of JSON ({error})") from error
            yield where, row


def _records(rows: list[tuple[str, float, int, str, int]], source: str | Path) -> Records:
    if not rows:
        raise ValueError(f"{source}: no rows")
    prompts, rates, trials, policies, steps = zip(*rows, strict=True)
    return Records(
        np.array(prompts, dtype=object),
        np.array(rates, dtype=np.float64),
        np.array(trials, dtype=np.float64),
        np.array(policies, dtype=object),
        np.array(steps, dtype=np.int64),
    )

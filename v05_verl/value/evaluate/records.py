# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Outcomes of policies on prompts, read from the V0 release's format or from verl's rollout dumps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
from pydantic import Field

from v05_verl.json_lines import DataError, json_object, json_objects
from v05_verl.prompt_text import decoded_problem_text, problem_text
from v05_verl.rollout_dumps import read_rollouts, success_rates
from v05_verl.schema import Schema, Whole, checked


class ReleaseRow(Schema, extra="ignore"):
    """One line of the V0 release's format."""

    id: int | str
    score: Annotated[float, Field(ge=-1, le=1)]
    model: str
    step: Whole
    dataset: str


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
    texts = json_object(prompt_dict)
    rows = []
    for where, found in json_objects(path):
        row = checked(ReleaseRow, found, where)
        name = f"{row.dataset}_{row.id}"
        if not isinstance(texts.get(name), str):
            raise DataError(f"{where}: the text of prompt {name!r:.80} is not in {prompt_dict}")
        rows.append((problem_text(texts[name]), (row.score + 1) / 2, trials, row.model, row.step))
    return _records(rows, path)


def read_rollout_dumps(
    folder: str | Path,
    reward_range: tuple[float, float] = (-1.0, 1.0),
    policy: str | None = None,
    prompt_of: Callable[[str], str | None] = decoded_problem_text,
) -> Records:
    """verl's ``trainer.rollout_data_dir``, read as :mod:`v05_verl.rollout_dumps` does.

    Rollouts of the same prompt and step are one row. ``policy`` names the run; default: the folder's name.
    ``prompt_of`` finds the problem of a decoded prompt; ``PromptIndex(rows).text`` is exact where the run's data file
    is at hand.

    Raises:
        ValueError: no files, a line that is no rollout, a score outside ``reward_range``; each names file and line.
    """
    rates, _ = success_rates(read_rollouts(folder), reward_range, prompt_of)
    name = policy or Path(folder).name
    rows = [(text, each.rate, each.rollouts, name, step) for (step, text), each in sorted(rates.items())]
    return _records(rows, folder)


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

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""verl's dumps of rollouts and validation answers: one file ``<step>.jsonl`` per step, one line per response.

verl writes them to ``trainer.rollout_data_dir`` and ``trainer.validation_data_dir``. Their prompts are decoded: chat
markers of the model's template stand around the row's own prompt.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from v05_verl.json_lines import DataError, json_objects
from v05_verl.prompt_text import problem_text, user_text
from v05_verl.schema import Schema, Whole, checked

Key = TypeVar("Key", bound=Hashable)

_FRAMES = 8


class Rollout(Schema, extra="ignore"):
    """One line of a dump."""

    where: str
    """File and line, for sentences about it."""
    input: str
    """The decoded prompt."""
    score: float
    """The reward, finite; verl's are float32."""
    step: Whole
    output: str = ""
    """The response."""
    gts: Any = None
    """``reward_model.ground_truth`` of the row."""
    uid: str = ""
    """"<prompt>_<session>_<turn>"."""


def read_rollouts(path: str | Path) -> Iterator[Rollout]:
    """Rollouts of one dump, or of all in a folder, first step first; verl's padding rows are left out.

    Raises:
        DataError: a folder without dumps; a line that is no rollout.
    """
    for file in dump_files(path) if Path(path).is_dir() else [path]:
        for where, row in json_objects(file):
            rollout = checked(Rollout, {**row, "where": where}, f"{where}: not a rollout of verl")
            if not rollout.uid.startswith("pad"):
                yield rollout


def dump_files(folder: str | Path) -> list[Path]:
    """The dumps ``<step>.jsonl`` in ``folder``, first step first; raises DataError where there are none."""
    numbered = {path: path.stem for path in Path(folder).glob("*.jsonl") if path.stem.isdecimal()}
    if not numbered:
        raise DataError(f"{folder} holds no <step>.jsonl; set trainer.rollout_data_dir for the run")
    return sorted(numbered, key=lambda path: int(numbered[path]))


class SuccessRate(NamedTuple):
    """Outcomes of one prompt at one step."""

    rate: float
    """Mean success in [0, 1]."""
    rollouts: int


def success_rates(
    rollouts: Iterable[Rollout], reward_range: tuple[float, float], prompt_of: Callable[[str], Key | None]
) -> tuple[dict[tuple[int, Key], SuccessRate], int]:
    """Success per (step, prompt), and the number of rollouts whose prompt is unknown.

    Args:
        rollouts: as read.
        reward_range: the rewards of failure and success, lo < hi; those between count in proportion.
        prompt_of: decoded prompt -> prompt, None for an unknown one.

    Raises:
        DataError: a reward outside the range, as an overlong penalty makes it. Rewards are compared as float32.
    """
    lo, hi = reward_range
    if not lo < hi:
        raise DataError(f"the reward range needs LO < HI, got {lo:g} {hi:g}")
    successes: dict[tuple[int, Key], list[float]] = defaultdict(list)
    unknown = 0
    for rollout in rollouts:
        if not np.float32(lo) <= np.float32(rollout.score) <= np.float32(hi):
            raise DataError(
                f"{rollout.where}: a score of {rollout.score:g} lies outside the reward range [{lo:g}, {hi:g}]; state "
                f"the run's own range, and take dumps of a run without overlong penalty"
            )
        prompt = prompt_of(rollout.input)
        if prompt is None:
            unknown += 1
        else:
            successes[rollout.step, prompt].append(min(max((rollout.score - lo) / (hi - lo), 0.0), 1.0))
    return {key: SuccessRate(math.fsum(s) / len(s), len(s)) for key, s in successes.items()}, unknown


class PromptIndex:
    """Finds the row of a data file whose prompt a dump shows.

    Args:
        rows: in verl's schema: ``prompt`` and, where there is one, ``extra_info``. Of rows with equal prompts the
            first counts.
    """

    def __init__(self, rows: Sequence[Mapping[str, Any]]):
        self.texts = [problem_text(row["prompt"], row.get("extra_info")) for row in rows]
        """The problem of each row."""
        self._rows: dict[str, int] = {}
        for number, row in enumerate(rows):
            self._rows.setdefault(user_text(row["prompt"]).strip(), number)
        self._rows.pop("", None)
        self._frames: list[tuple[str, str]] = []  # what stood before and after prompts, nearly always the same
        self._searched: dict[str, int | None] = {}

    def find(self, decoded: str) -> int | None:
        """The row whose prompt stands in ``decoded``, the longest where several do; None where none does."""
        framed = [decoded[len(b) : len(decoded) - len(a)] for b, a in self._frames if _is_framed(decoded, b, a)]
        known = [prompt for prompt in framed if prompt in self._rows]
        if known:
            return self._rows[max(known, key=len)]
        if decoded not in self._searched:
            self._searched[decoded] = self._search(decoded)
        return self._searched[decoded]

    def text(self, decoded: str) -> str | None:
        """The problem of that row."""
        row = self.find(decoded)
        return None if row is None else self.texts[row]

    def _search(self, decoded: str) -> int | None:
        prompt = max((prompt for prompt in self._rows if prompt in decoded), key=len, default=None)
        if prompt is None:
            return None
        before, _, after = decoded.rpartition(prompt)
        self._frames = [*self._frames[1 - _FRAMES :], (before, after)]
        return self._rows[prompt]


def _is_framed(decoded: str, before: str, after: str) -> bool:
    return len(before) + len(after) < len(decoded) and decoded.startswith(before) and decoded.endswith(after)


def read_rows(path: str | Path) -> list[dict[str, Any]]:
    """``prompt`` and, where the file has it, ``extra_info`` of a parquet file in verl's schema; raises DataError."""
    try:
        file = pq.ParquetFile(path)
        names = file.schema_arrow.names
        if "prompt" not in names:
            raise DataError(f"{path} lacks a column prompt; it has {', '.join(names) or 'none'}")
        return file.read([name for name in ("prompt", "extra_info") if name in names]).to_pylist()
    except (pa.ArrowException, OSError, UnicodeError) as error:
        raise DataError(f"{path} is not a readable parquet file ({error})") from error

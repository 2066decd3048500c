# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""The reward function that verl calls."""

from __future__ import annotations

import importlib.util
import logging
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from v05_verl.grading.compare import compare
from v05_verl.grading.extract import MAX_ANSWER_CHARS, final_answer
from v05_verl.grading.latex import normalise
from v05_verl.grading.overlong import penalty_of
from v05_verl.grading.pool import shared_pool
from v05_verl.grading.quantity import holds_giant
from v05_verl.grading.rules import Rules, rules_for

logger = logging.getLogger(__name__)

MathVerify = Literal["auto", "require", "off"]
MAX_CHARS_FOR_MATH_VERIFY = 600
# What math-verify would read as a product of letters, or "3 4" as 7.
_UNREADABLE = re.compile(r"\d \d|\b(?:if|else|not|is|except|lambda|import)\b")
PRED_CHARS = 256

_INSTALL = "math-verify is not installed; pip install 'v05_verl[math]', or set math_verify=off"


@dataclass(frozen=True)
class Graded:
    """Verdict on one answer.

    Attributes:
        correct: whether the answer equals the gold answer; False where that could not be decided.
        path: the step that decided: "string", "words", "number", "expression", "structure" (different shapes),
            "too_large" (a tower or factorial that no computer holds, and written differently), "math_verify",
            "no_answer", "too_long"; or why none did: "undecided" (math-verify is off or the answer too
            long for it), "unavailable" (it is not installed), "timeout", "error" (math-verify's or its process's),
            "defect" (an error of ours, told in the log).
    """

    correct: bool
    path: str


def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: str,
    extra_info: Mapping[str, Any] | None = None,
    *,
    reward_range: Sequence[float] = (-1.0, 1.0),
    math_verify: MathVerify = "auto",
    workers: int = 2,
    deadline: float = 10.0,
    overlong: Mapping[str, Any] | None = None,
    reward_router_address: str | None = None,
    reward_model_tokenizer: Any = None,
) -> dict[str, Any]:
    """Grade one response; verl's ``reward.custom_reward_function`` for training and for all benchmarks.

    Args:
        data_source: name of the set; it decides tolerances (``rules``).
        solution_str: the response.
        ground_truth: the gold answer, canonical or as its source writes it.
        extra_info: the row's; ``unit``, ``tolerance`` and ``is_list`` are read.
        reward_range: (reward of a wrong answer, reward of a right one).
        math_verify: whether what our own steps cannot read goes to math-verify. "auto" warns once where it is not
            installed, "require" raises, "off" counts such answers as wrong.
        workers: processes of math-verify per reward worker.
        deadline: seconds that math-verify gets for one answer.
        overlong: fields of ``overlong.Overlong`` to subtract DAPO's penalty; the score may then lie below the range.
        reward_router_address: verl passes it where a reward model runs; not used.
        reward_model_tokenizer: likewise.

    Returns:
        The same keys with the same types for every row: ``score``; ``acc`` 0 or 1; ``pred`` the answer found;
        ``grader_path`` (see ``Graded``); and the counts ``grader_timeout``, ``grader_error``, ``grader_no_answer``,
        ``grader_math_verify`` 0 or 1, ``overlong_penalty`` at most 0, whose means are the rates to watch.

    Raises:
        ValueError: an empty gold answer or settings that make no sense. No response raises.
    """
    lo, hi = _checked_range(tuple(reward_range))
    if not isinstance(ground_truth, str) or not ground_truth.strip():
        raise ValueError(
            f"{data_source}: ground_truth is {ground_truth!r}; every row needs an answer, prepare the data again"
        )
    found = final_answer(solution_str)
    settings = (math_verify, int(workers), float(deadline))
    graded = grade(ground_truth, found, rules_for(data_source, extra_info), *settings)
    penalty = penalty_of(solution_str, overlong) if overlong else 0.0
    return {
        "score": (hi if graded.correct else lo) + penalty,
        "acc": float(graded.correct),
        "pred": normalise(found[:PRED_CHARS]),
        "grader_path": graded.path,
        "grader_timeout": float(graded.path == "timeout"),
        "grader_error": float(graded.path in ("error", "defect", "unavailable")),
        "grader_no_answer": float(graded.path == "no_answer"),
        "grader_math_verify": float(graded.path == "math_verify"),
        "overlong_penalty": penalty,
    }


def grade(
    gold: str,
    answer: str,
    rules: Rules,
    math_verify: MathVerify = "auto",
    workers: int = 2,
    deadline: float = 10.0,
) -> Graded:
    """Verdict on an extracted answer; see ``compute_score``."""
    if math_verify == "require" and not _math_verify_installed():
        raise ImportError(_INSTALL)
    if math_verify not in ("auto", "require", "off"):
        raise ValueError(f"math_verify must be auto, require or off, got {math_verify!r}")
    if len(answer) > MAX_ANSWER_CHARS:
        return Graded(False, "too_long")
    try:
        verdict = compare(gold, answer, rules)
    except Exception:  # untrusted text: counted, and told once
        _warn_once("defect", f"grading {answer[:200]!r} against {gold!r} raised; it counts as wrong")
        return Graded(False, "defect")
    if verdict.correct is not None:
        return Graded(verdict.correct, verdict.path)
    if math_verify == "off" or len(answer) > MAX_CHARS_FOR_MATH_VERIFY:
        return Graded(False, "undecided")
    return _by_math_verify(gold, answer, workers, deadline)


def _by_math_verify(gold: str, answer: str, workers: int, deadline: float) -> Graded:
    if not _math_verify_installed():
        _warn_once("unavailable", f"{_INSTALL}. Answers that need it count as wrong (metric grader_error)")
        return Graded(False, "unavailable")
    gold, answer = normalise(gold), normalise(answer)
    if _UNREADABLE.search(answer):
        return Graded(False, "undecided")
    if holds_giant(answer) or holds_giant(gold):
        return Graded(False, "too_large")
    outcome = shared_pool(workers, deadline).verify(gold, answer)
    if outcome.status == "done":
        return Graded(outcome.correct, "math_verify")
    if outcome.status == "unavailable":
        _warn_once(
            "unavailable", f"{outcome.detail}. Answers that need math-verify count as wrong (metric grader_error)"
        )
    return Graded(False, outcome.status)


@lru_cache(maxsize=1)
def _math_verify_installed() -> bool:
    return importlib.util.find_spec("math_verify") is not None


_warned: set[str] = set()


def _warn_once(topic: str, message: str) -> None:
    if topic not in _warned:
        _warned.add(topic)
        logger.warning(message, exc_info=topic == "defect")


@lru_cache(maxsize=8)
def _checked_range(reward_range: tuple) -> tuple[float, float]:
    if len(reward_range) != 2:
        raise ValueError(f"reward_range must be (lo, hi), got {reward_range}")
    lo, hi = (float(bound) for bound in reward_range)
    if not (math.isfinite(lo) and math.isfinite(hi) and lo < hi):
        raise ValueError(f"reward_range must be (lo, hi) with finite lo < hi, got ({lo:g}, {hi:g})")
    return lo, hi

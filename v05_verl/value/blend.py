# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""What a prompt's text tells and what its own visits have shown, as one success rate; weights are learned. Ours."""

from __future__ import annotations

from typing import Any

import numpy as np

from v05_verl.state_checks import check_fields, state_array
from v05_verl.value.base import Outcomes, hash_of, inside
from v05_verl.value.constant import RunningMean
from v05_verl.value.memory import MAX_PROMPTS, Memory

HALF_LIVES = (4.0, 16.0, 64.0, 256.0, 1024.0)
SHIFTS = (0.0, 2.0)
STRENGTHS = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
SOURCES = ("level", "text")

_LEVEL_DECAY = 0.9
_SCORE_PROMPTS = 512.0  # outcomes of so many prompts halve the weight of older scores
_SCORE_P = 0.01  # a candidate's prediction is judged as if it lay in [_SCORE_P, 1 - _SCORE_P]


class Blend:
    """Empirical-Bayes success rates, averaged over candidates by how well each has predicted outcomes::

        p = (strength m + S) / (strength + N)            m = prediction of a source for the prompt
        sources: the policy's running mean; the prediction from the text, where there is one
        S, N: the prompt's own evidence, for each half-life and shift (:class:`v05_verl.value.memory.Memory`)

    The average over all combinations of source, half-life, shift and strength has weights proportional to the binomial
    likelihood of past outcomes given the predictions from before them (Bayesian model averaging with forgetting). For
    prompts not met before, p = m, and the sources have weights of their own. Since the running mean is among the
    sources, a text that tells nothing costs what it takes to find that out.
    """

    def __init__(self, max_prompts: int = MAX_PROMPTS):
        ways = [(half_life, shift) for half_life in HALF_LIVES for shift in SHIFTS]
        self._memory = Memory(*np.array(ways).T, max_prompts)
        self._strengths = np.array(STRENGTHS)
        self._levels: dict[str, RunningMean] = {}  # by policy
        self._scores = {
            "first": np.zeros(len(SOURCES)),
            "again": np.zeros((len(SOURCES), len(ways), len(STRENGTHS))),
        }

    def level(self, policy: str) -> float:
        """The policy's running mean success; 1/2 before its first outcome."""
        return self._levels[policy].value if policy in self._levels else 0.5

    def predict(self, prompts: list[str], policy: str, step: int, text: np.ndarray | None) -> np.ndarray:
        """(N,) success rates; ``text``: (N,) predictions from the texts, None where there are none yet."""
        means, known, again = self._candidates(_ids(prompts, policy), policy, step, text)
        first = np.einsum("sn,s->n", means, _weights(self._scores["first"]))
        return inside(np.where(known, np.einsum("swkn,swk->n", again, _weights(self._scores["again"])), first))

    def observe(self, outcomes: Outcomes, policy: str, text: np.ndarray | None) -> None:
        """Judges all candidates by the outcomes, then remembers these.

        ``text`` as for :meth:`predict`; NaN where it was not asked.
        """
        ids = _ids(outcomes.prompts, policy)
        means, known, again = self._candidates(ids, policy, outcomes.step, text)
        if text is not None:
            self._judge("first", means, outcomes, ~known & np.isfinite(text))
        self._judge("again", again, outcomes, known)
        before = self.level(policy)
        level = self._levels.setdefault(policy, RunningMean(_LEVEL_DECAY))
        level.add(outcomes.rates, outcomes.step)
        self._memory.add(ids, outcomes.successes, outcomes.trials, outcomes.step, before, level.value)

    def metrics(self) -> dict[str, float]:
        """What the candidates of the largest weights, one axis at a time, say; weights of the text as a source."""
        again = _weights(self._scores["again"])
        ways, strengths = again.sum((0, 2)), again.sum((0, 1))
        return {
            "half_life": float(np.exp(ways @ np.log(self._memory.half_lives))),
            "shift": float(ways @ self._memory.shifts),
            "strength": float(np.exp(strengths @ np.log(self._strengths))),
            "text_weight_first": float(_weights(self._scores["first"])[1]),
            "text_weight_again": float(again[1].sum()),
        }

    def state(self) -> dict[str, Any]:
        """Memory, scores and levels."""
        scores = {name: score.copy() for name, score in self._scores.items()}
        levels = {policy: level.state() for policy, level in self._levels.items()}
        return {"memory": self._memory.state(), "scores": scores, "levels": levels}

    def load(self, state: dict[str, Any]) -> None:
        """Takes over what :meth:`state` returned; ValueError where it is damaged."""
        check_fields("blend", state, ("memory", "scores", "levels"))
        check_fields("scores", state["scores"], self._scores)
        check_fields("levels", state["levels"])
        # Log likelihoods, hence at most 0.
        scores = {name: state_array(name, state["scores"][name], old.shape, hi=0) for name, old in self._scores.items()}
        levels = {policy: RunningMean(_LEVEL_DECAY) for policy in state["levels"]}
        for policy, level in levels.items():
            level.load(state["levels"][policy])
        self._memory.load(state["memory"])
        self._scores, self._levels = scores, levels

    def _candidates(
        self, ids: list[int], policy: str, step: int, text: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(sources, N) means, (N,) whether known, (sources, ways, strengths, N) predictions."""
        level = self.level(policy)
        means = np.full((len(SOURCES), len(ids)), level)
        if text is not None:
            means[1] = np.where(np.isnan(text), level, text)
        known, successes, trials = self._memory.evidence(ids, step, level)
        strength, S, N = self._strengths[:, None], successes.T[:, None, :], trials.T[:, None, :]
        return means, known, (strength * means[:, None, None, :] + S) / (strength + N)

    def _judge(self, name: str, p: np.ndarray, outcomes: Outcomes, rows: np.ndarray) -> None:
        if not rows.any():
            return
        p = np.clip(p[..., rows], _SCORE_P, 1 - _SCORE_P)
        successes, failures = outcomes.successes[rows], (outcomes.trials - outcomes.successes)[rows]
        faded = 0.5 ** (rows.sum() / _SCORE_PROMPTS) * self._scores[name]
        self._scores[name] = faded + np.log(p) @ successes + np.log1p(-p) @ failures


def _ids(prompts: list[str], policy: str) -> list[int]:
    return [hash_of(f"{policy}\0{prompt}") for prompt in prompts]


def _weights(scores: np.ndarray) -> np.ndarray:
    likelihood = np.exp(scores - scores.max())
    return likelihood / likelihood.sum()

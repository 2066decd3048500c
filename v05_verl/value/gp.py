# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Gaussian process on prompt texts and outcomes: the default value model, which needs no download."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize

from v05_verl.core import checks
from v05_verl.state_checks import state_array, state_count, state_texts
from v05_verl.value.base import (
    Outcomes,
    check_option,
    check_state,
    checked_outcomes,
    checked_prompts,
    checked_step,
    hash_of,
    inside,
)
from v05_verl.value.blend import Blend
from v05_verl.value.factor import GrowingCholesky
from v05_verl.value.features import NAMES
from v05_verl.value.kernel import (
    Evidence,
    Hyperparameters,
    Points,
    bounds,
    concatenated,
    covariance,
    default_hyperparameters,
    without_own,
)
from v05_verl.value.memory import MAX_PROMPTS
from v05_verl.value.text import TextEncoder
from v05_verl.value.vectors import build_vectors

_MIN_ROWS_TO_FIT = 32
_P_NOISE = 0.05  # binomial noise is that of a success rate in [_P_NOISE, 1 - _P_NOISE]
_MIN_NOISE = 1e-4  # variance; keeps the covariance matrix well conditioned however many trials a row has
# Of the columns step, y - 1/2, noise variance and trials.
_LOWEST, _HIGHEST = (0, -0.5, _MIN_NOISE, np.finfo(float).tiny), (np.inf, 0.5, np.inf, np.inf)
_CHUNK = 1024  # prompts predicted at once: their covariances with the context take memory


class GaussianProcess:
    """Exact GP regression of success rates, with the kernel of :mod:`v05_verl.value.kernel`.

    A row is (prompt, policy, step) -> successes / trials, with noise variance m (1 - m) / trials, m being the
    prediction from before the row was seen (a row's own outcome must not set its own weight: all-success groups would
    count as noise-free). The posterior mean, clipped to (0, 1), is what the texts tell; with it goes what a prompt's
    own visits have shown, of every prompt and not only of the context (:class:`v05_verl.value.blend.Blend`).

    Args:
        context: rows kept, at least 16; beyond it the oldest quarter is dropped at once. Default 2,048 (on one core
            about .1 s per refactorisation, 10 ms per step in between).
        fit_rows: rows of the context on which hyperparameters are fitted, at least 16. Default 400.
        fit_iterations: most iterations of the fit; 0 keeps the defaults. Default 25.
        step_scale: training steps after which time counts in ratios instead of differences, > 0. Default 10.
        corpus: file of prompts without outcomes, such as the training set (``vectors.read_corpus``): what its texts
            have in common becomes another kernel. Default None.
        encoder: hub id or local folder of a text encoder whose pooled states become that kernel; not with ``corpus``.
            Default None.
        max_prompts: prompts whose own outcomes are remembered; the one not observed for longest is dropped first.
            Default 200,000.
        automatic_fit: False: hyperparameters are fitted only when :meth:`refit` is called, for loading records in bulk.

    All defaults are the project's choice.
    """

    def __init__(
        self,
        context: int = 2048,
        fit_rows: int = 400,
        fit_iterations: int = 25,
        step_scale: float = 10.0,
        automatic_fit: bool = True,
        corpus: str | None = None,
        encoder: str | None = None,
        max_prompts: int = MAX_PROMPTS,
    ):
        self._capacity = int(check_option("context", context, 16, 20_000))
        self._fit_rows = int(check_option("fit_rows", fit_rows, 16, 5_000))
        self._fit_iterations = int(check_option("fit_iterations", fit_iterations, 0, 1_000))
        self._step_scale = check_option("step_scale", step_scale, 0, np.inf, open_lo=True)
        self._automatic_fit = bool(automatic_fit)
        self._text = TextEncoder(build_vectors(corpus, encoder))
        self._hyper: Hyperparameters | None = None
        self._prompts: list[str] = []  # of the rows, oldest first
        self._policies: list[str] = []
        self._table = np.empty((0, 4))  # step, y - 1/2, noise variance, trials
        self._seen, self._next_fit = 0, _MIN_ROWS_TO_FIT
        self._blend = Blend(int(check_option("max_prompts", max_prompts, 1, 10**8)))
        self._points: Points | None = None
        self._factor = GrowingCholesky()

    def predict(self, prompts: Sequence[str], step: int, policy: str = "policy") -> np.ndarray:
        """(N,) success rates of ``policy`` at ``step``; 1/2 before the first outcome."""
        prompts, step = checked_prompts(prompts), checked_step(step)
        if not prompts:
            return np.empty(0)
        return self._blend.predict(prompts, policy, step, self._told_of(prompts, policy, step))

    def observe(
        self, prompts: Sequence[str], successes: ArrayLike, trials: ArrayLike, step: int, policy: str = "policy"
    ) -> None:
        """Adds rows to the context; refits after 32 rows and then whenever their number has doubled."""
        outcomes = checked_outcomes(prompts, successes, trials, step)
        if not outcomes.prompts:
            return
        index = _evenly_picked(len(outcomes.prompts), self._capacity // 2)
        kept = outcomes.rows(index)
        cross = self._cross(kept.prompts, policy, outcomes.step)
        told = None
        if cross is not None:
            told = np.full(len(outcomes.prompts), np.nan)
            told[index] = self._told(cross)
        self._blend.observe(outcomes, policy, told)
        noise = self._noise(kept, cross)
        table = np.column_stack([np.full(len(noise), float(step)), kept.rates - 0.5, noise, kept.trials])
        self._seen += len(noise)
        overfull = len(self._prompts) + len(noise) > self._capacity
        if overfull:
            self._drop_oldest(len(noise))
        self._prompts += kept.prompts
        self._policies += [policy] * len(noise)
        self._table = np.concatenate([self._table, table])
        if self._points is None or (self._automatic_fit and self._seen >= self._next_fit):
            self.refit()
        elif overfull:
            self._refactor()
        else:
            self._append(*cross, table)

    def refit(self) -> None:
        """Takes text scales and (from 32 rows on) hyperparameters from the context as it is now."""
        if not self._prompts:
            return
        self._text.fit(self._prompts)
        self._points = self._encode(self._prompts, self._policies, self._table[:, 0])
        center = default_hyperparameters(self._points.hand.shape[1])
        self._hyper = self._hyper or center
        if self._seen >= _MIN_ROWS_TO_FIT:
            self._hyper = self._fitted(self._hyper, center)
            self._next_fit = self._seen + max(_MIN_ROWS_TO_FIT, min(self._seen, self._capacity))
        self._refactor()

    def metrics(self) -> dict[str, float]:
        """How the blend weighs texts and visits."""
        return self._blend.metrics()

    def state_dict(self) -> dict[str, Any]:
        """Context, text scales and hyperparameters; factors are computed anew on loading."""
        return {
            "kind": "gp",
            "prompts": list(self._prompts),
            "policies": list(self._policies),
            "table": self._table.copy(),
            "text": self._text.state(),
            "hyperparameters": None if self._hyper is None else self._hyper.vector(),
            "blend": self._blend.state(),
            "seen": self._seen,
            "next_fit": self._next_fit,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes over a state; the newest rows where this model's context is smaller."""
        keys = ["prompts", "policies", "table", "text", "hyperparameters", "blend", "seen", "next_fit"]
        check_state(state, "gp", keys)
        table = state_array("table", state["table"], (None, 4), lo=_LOWEST, hi=_HIGHEST)
        checks.whole("state: steps of table", table[:, 0])
        prompts = state_texts("prompts", state["prompts"], len(table))
        policies = state_texts("policies", state["policies"], len(table))
        seen = state_count("seen", state["seen"], lo=len(table))
        next_fit = state_count("next_fit", state["next_fit"], hi=seen + max(_MIN_ROWS_TO_FIT, seen))
        self._hyper = self._checked_hyperparameters(state["hyperparameters"], needed=len(table) > 0)
        self._text.load(state["text"])
        self._blend.load(state["blend"])
        self._prompts, self._policies, self._table = (rows[-self._capacity :] for rows in (prompts, policies, table))
        self._seen, self._next_fit, self._points = seen, next_fit, None
        if self._prompts:
            self._refactor()

    @staticmethod
    def _checked_hyperparameters(vector: Any, needed: bool) -> Hyperparameters | None:
        if vector is None and not needed:
            return None
        center = default_hyperparameters(len(NAMES))
        lo, hi = bounds(center)
        return center.with_vector(state_array("hyperparameters", vector, lo.shape, lo=lo, hi=hi))

    def _encode(self, prompts: list[str], policies: list[str], steps: list[float]) -> Points:
        texts = self._text.encode(prompts)
        # Ids by content: no table of names has to be kept.
        prompt_ids = np.array([hash_of(prompt) for prompt in prompts], dtype=np.int64)
        policy_ids = np.array([hash_of(policy) for policy in policies], dtype=np.int64)
        time = np.log1p(np.array(steps, dtype=np.float64) / self._step_scale)
        n = len(prompts)
        return Points(*texts, prompt_ids, np.broadcast_to(policy_ids, n), np.broadcast_to(time, n))

    def _drop_oldest(self, incoming: int) -> None:
        keep = max(self._capacity * 3 // 4 - incoming, 0)
        start = len(self._prompts) - keep
        self._prompts, self._policies, self._table = (
            part[start:] for part in (self._prompts, self._policies, self._table)
        )

    def _cross(self, prompts: list[str], policy: str, step: int) -> tuple[Points, np.ndarray] | None:
        """The encoded prompts and their covariances with the context; None without a context."""
        if self._points is None:
            return None
        points = self._encode(prompts, [policy], [step])
        return points, covariance(points, self._points, self._hyper)

    def _told_of(self, prompts: list[str], policy: str, step: int) -> np.ndarray | None:
        chunks = [prompts[start : start + _CHUNK] for start in range(0, len(prompts), _CHUNK)]
        told = [self._told(self._cross(chunk, policy, step)) for chunk in chunks]
        return None if self._points is None else np.concatenate(told)

    def _told(self, cross: tuple[Points, np.ndarray] | None) -> np.ndarray | None:
        """What texts tell of prompts, without the term of a prompt's own outcomes: those the blend accounts for."""
        if cross is None:
            return None
        points, covariances = cross
        return inside(0.5 + without_own(covariances, points, self._points, self._hyper) @ self._factor.alpha)

    def _noise(self, outcomes: Outcomes, cross: tuple[Points, np.ndarray] | None) -> np.ndarray:
        expected = np.full(len(outcomes.prompts), 0.5) if cross is None else 0.5 + cross[1] @ self._factor.alpha
        expected = np.clip(expected, _P_NOISE, 1 - _P_NOISE)
        return np.maximum(expected * (1 - expected) / outcomes.trials, _MIN_NOISE)

    def _append(self, points: Points, cross: np.ndarray, table: np.ndarray) -> None:
        block = covariance(points, points, self._hyper) + np.diag(table[:, 2])
        self._factor.append(cross.T, block, table[:, 1])
        self._points = concatenated(self._points, points)

    def _refactor(self) -> None:
        self._points = self._encode(self._prompts, self._policies, self._table[:, 0])
        K = covariance(self._points, self._points, self._hyper) + np.diag(self._table[:, 2])
        self._factor = GrowingCholesky()
        self._factor.append(np.empty((0, len(K))), K, self._table[:, 1])

    def _fitted(self, start: Hyperparameters, center: Hyperparameters) -> Hyperparameters:
        if self._fit_iterations == 0:
            return start
        # A sample of prompts with all their rows, not of rows: revisits tell how long a prompt's own outcomes hold.
        sample = np.sort(np.argsort(self._points.prompt, kind="stable")[: self._fit_rows])
        evidence = Evidence(self._points.rows(sample), self._table[sample, 1], self._table[sample, 2], center)
        options = {"maxiter": self._fit_iterations}
        search = {"jac": True, "method": "L-BFGS-B", "bounds": optimize.Bounds(*bounds(center)), "options": options}
        return center.with_vector(optimize.minimize(evidence.negative, start.vector(), **search).x)


def _evenly_picked(n: int, limit: int) -> np.ndarray:
    """Indices of at most half a context: one call must not push out all that came before."""
    return np.arange(n) if n <= limit else np.linspace(0, n - 1, limit).astype(np.int64)

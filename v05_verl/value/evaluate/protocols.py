# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Which outcomes a value model is shown before it predicts which others."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import numpy as np
from sklearn.model_selection import GroupKFold
from tqdm import tqdm

from v05_verl.core.recalibration import fit_recalibration
from v05_verl.value.base import ValueModel
from v05_verl.value.evaluate.records import Records, joined

Factory = Callable[[], ValueModel]


class Panel:
    """A value model shown to several policies: told apart by ``policy=`` where the model can, else one model each."""

    def __init__(self, factory: Factory):
        self._factory, self._shared = factory, factory()
        self._knows_policies = "policy" in inspect.signature(self._shared.predict).parameters
        self._own: dict[str, ValueModel] = {}

    def observe(self, records: Records) -> None:
        """All rows, oldest step first, one context at a time."""
        for step, policy, index in _contexts_in_order(records):
            rows = records.rows(index)
            successes, prompts = rows.rates * rows.trials, list(rows.prompts)
            if self._knows_policies:
                self._shared.observe(prompts, successes, rows.trials, step, policy=policy)
            else:
                self._model_of(policy).observe(prompts, successes, rows.trials, step)
        if hasattr(self._shared, "refit"):
            self._shared.refit()

    def predict(self, records: Records) -> np.ndarray:
        """(N,) success rates for the rows' prompts, policies and steps; the rows' outcomes are not looked at."""
        p = np.empty(len(records.rates))
        for step, policy, index in _contexts_in_order(records):
            prompts = list(records.prompts[index])
            if self._knows_policies:
                p[index] = self._shared.predict(prompts, step, policy=policy)
            else:
                p[index] = self._model_of(policy).predict(prompts, step)
        return p

    def _model_of(self, policy: str) -> ValueModel:
        if policy not in self._own:
            self._own[policy] = self._factory()
        return self._own[policy]


def cross_validated(factory: Factory, records: Records, folds: int, seed: int) -> np.ndarray:
    """Prompt-grouped cross-validation: a prompt is predicted by a model that saw it at no step of no policy."""
    p = np.empty(len(records.rates))
    # Folds of prompts, as scikit-learn shuffles them; groups are numbered in the order of first appearance.
    _, groups = np.unique(records.prompts.astype(str), return_inverse=True)
    splits = GroupKFold(folds, shuffle=True, random_state=seed).split(groups, groups=groups)
    for seen, held_out in tqdm(splits, total=folds, desc=f"folds, seed {seed}", leave=False):
        panel = Panel(factory)
        panel.observe(records.rows(seen))
        p[held_out] = panel.predict(records.rows(held_out))
    return p


def held_out(factory: Factory, context: Records, query: Records) -> np.ndarray:
    """All of ``context`` is shown, then ``query`` predicted; prompts that are in both are the caller's affair."""
    panel = Panel(factory)
    panel.observe(context)
    return panel.predict(query)


def revisited(factory: Factory, records: Records) -> tuple[Records, np.ndarray]:
    """Prompts that the same policy met at an earlier step: (their rows, predictions).

    For each context the model sees all contexts of earlier steps and, of its own step, the prompts that are new. A row
    is predicted together with all others of its context.
    """
    rows, predictions = [], []
    for step, policy, index in _contexts_in_order(records):
        earlier = np.flatnonzero(records.steps < step)
        known = set(records.prompts[earlier[records.policies[earlier] == policy]])
        again = np.array([i for i in index if records.prompts[i] in known], dtype=np.int64)
        if len(again) == 0:
            continue
        asked = set(records.prompts[again])
        current = np.flatnonzero(records.steps == step)
        fresh = np.array([i for i in current if records.prompts[i] not in asked], dtype=np.int64)
        query = records.rows(again)
        predictions.append(held_out(factory, records.rows(np.concatenate([earlier, fresh])), query))
        rows.append(query)
    if not rows:
        raise ValueError("no prompt was met twice by the same policy")
    return joined(rows), np.concatenate(predictions)


def recalibrated_online(p: np.ndarray, records: Records, batch: int = 64, window: int = 512) -> np.ndarray:
    """Predictions repaired as :class:`v05_verl.value.recalibrated.Recalibrated` does, each policy on its own.

    Its rows come in steps of ``batch`` prompts, context after context; a batch is repaired with what the batches before
    it have taught.
    """
    repaired = np.empty_like(p)
    for policy in np.unique(records.policies.astype(str)):
        order = np.concatenate([index for _, name, index in _contexts_in_order(records) if name == policy])
        for start in range(0, len(order), batch):
            past, now = order[max(start - window, 0) : start], order[start : start + batch]
            successes = records.rates[past] * records.trials[past]
            repaired[now] = fit_recalibration(p[past], successes, records.trials[past])(p[now])
    return repaired


def _contexts_in_order(records: Records) -> list[tuple[int, str, np.ndarray]]:
    keys = sorted({(int(step), policy) for step, policy in zip(records.steps, records.policies, strict=True)})
    return [(s, m, np.flatnonzero((records.steps == s) & (records.policies == m))) for s, m in keys]

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Training episodes of V0: a support and queries of one context, and the composite loss on the queries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F

from v05_verl.value.evaluate.records import Records


class Episode(NamedTuple):
    """Row numbers of one (policy, step)."""

    support: np.ndarray
    queries: np.ndarray


def composite_loss(p: torch.Tensor, rates: torch.Tensor, rank_weight: float = 0.25) -> torch.Tensor:
    """rank_weight * (-log sigmoid(s_pos - s_neg)) + (1 - rank_weight) * cross-entropy (arXiv 2602.03584).

    Args:
        p: (Q,) predicted success rates in (0, 1) of one context; s = logit(p).
        rates: (Q,) observed rates, the soft targets; a pair is (rate >= 1/2, rate < 1/2), averaged over all pairs.
        rank_weight: .25 in the paper. Without a pair the ranking term is 0.
    """
    score = torch.logit(p)
    entropy = F.binary_cross_entropy(p, rates)
    positive, negative = score[rates >= 0.5], score[rates < 0.5]
    if rank_weight == 0 or len(positive) == 0 or len(negative) == 0:
        return (1 - rank_weight) * entropy
    ranking = -F.logsigmoid(positive[:, None] - negative[None, :]).mean()
    return rank_weight * ranking + (1 - rank_weight) * entropy


def split_by_prompt(records: Records, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(training rows, validation rows); all rows of a prompt are on one side."""
    prompts = np.unique(records.prompts.astype(str))
    chosen = np.random.default_rng(seed).permutation(len(prompts))[: round(share * len(prompts))]
    validation = np.isin(records.prompts.astype(str), prompts[chosen])
    return np.flatnonzero(~validation), np.flatnonzero(validation)


def episodes(
    records: Records, rows: np.ndarray, support: int, queries: int, rng: np.random.Generator
) -> Iterator[Episode]:
    """One epoch over ``rows``: every row is a query once, with a support of other prompts of its context."""
    contexts = records.contexts
    drawn: list[Episode] = []
    for name in np.unique(contexts[rows]):
        members = rng.permutation(rows[contexts[rows] == name])
        for start in range(0, len(members), queries):
            asked = members[start : start + queries]
            others = members[~np.isin(records.prompts[members].astype(str), records.prompts[asked].astype(str))]
            if len(others):
                drawn.append(Episode(rng.permutation(others)[:support], asked))
    for i in rng.permutation(len(drawn)):
        yield drawn[i]


def validation_episodes(
    records: Records, training: np.ndarray, validation: np.ndarray, support: int, seed: int
) -> list[Episode]:
    """Per context: all validation rows, with a fixed support from the training rows."""
    contexts, rng = records.contexts, np.random.default_rng(seed)
    drawn = []
    for name in np.unique(contexts[validation]):
        known = training[contexts[training] == name]
        if len(known):
            drawn.append(Episode(rng.permutation(known)[:support], validation[contexts[validation] == name]))
    return drawn

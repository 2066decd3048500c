# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""In-context heads: features and outcomes of a context in, success rates of the queries out."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
import torch
from sklearn.base import clone
from torch import nn

P_MIN = 1e-3
HEADS = ("bayes", "tabpfn", "tabicl")


class Context(NamedTuple):
    """C past pairs of prompt and outcome."""

    features: torch.Tensor
    """(C, F)."""
    rates: torch.Tensor
    """(C,) successes / trials."""
    trials: torch.Tensor
    """(C,)."""
    levels: torch.Tensor
    """(C,) mean rate of the (policy, step) of each row."""


class Head(Protocol):
    """``fit`` once per context, ``predict`` for every batch of queries."""

    def fit(self, context: Context) -> object:
        """What ``predict`` needs of a context of at least one row."""

    def predict(self, fitted: object, queries: torch.Tensor, level: float) -> torch.Tensor:
        """(Q,) success rates in (0, 1) of (Q, F) queries, for a policy with mean success ``level``."""


class FittedBayes(NamedTuple):
    """A context's factor, ready for queries."""

    context: torch.Tensor
    """(C, F) standardised features."""
    mean: torch.Tensor
    scale: torch.Tensor
    lengths: list[torch.Tensor]
    """Squared length scale of each block."""
    alpha: torch.Tensor
    """(C,) K^-1 (rates - levels)."""


class BayesHead(nn.Module):
    """Gaussian-process regression of the rates on the features: closed form, differentiable, no weights needed::

        k(a, b) = sum over blocks  sd^2 exp(-|a - b|^2 / (2 (scale median)^2))      median heuristic, as VIP
        rate    = level + g(x),  g ~ GP(0, k),  noise variance .6 level (1 - level) / trials + noise^2

    sd, scale (one per block) and noise are parameters: their defaults serve an untrained head, training tunes them
    together with the adapter. Soft outcomes are used as they are, with the trials behind them. Ours.

    Args:
        blocks: widths of the blocks of features; each has a kernel of its own.
    """

    def __init__(self, blocks: list[int]):
        super().__init__()
        self.blocks = list(blocks)
        n = len(self.blocks)
        self.log_sd = nn.Parameter(torch.full((n,), float(np.log(0.28 / np.sqrt(n)))))
        self.log_scale = nn.Parameter(torch.zeros(n))
        self.log_noise = nn.Parameter(torch.tensor(float(np.log(0.25))))

    def fit(self, context: Context) -> FittedBayes:
        """Standardises the features within the context and factorises its covariance."""
        features = context.features.double()
        mean, deviation = features.mean(0), features.std(0, correction=0)
        scale = torch.where(deviation > 1e-6, 1 / deviation.clamp_min(1e-6), torch.zeros_like(deviation))
        x = (features - mean) * scale
        lengths = [_median_squared_distance(part).detach() for part in x.split(self.blocks, dim=1)]
        K = self._kernel(x, x, lengths)
        level = context.levels.double().clamp(0.05, 0.95)
        noise = 0.6 * level * (1 - level) / context.trials.double() + torch.exp(2 * self.log_noise)
        factor = torch.linalg.cholesky(K + torch.diag(noise))
        residual = (context.rates - context.levels).double()
        alpha = torch.cholesky_solve(residual[:, None], factor)[:, 0]
        return FittedBayes(x, mean, scale, lengths, alpha)

    def predict(self, fitted: FittedBayes, queries: torch.Tensor, level: float) -> torch.Tensor:
        """(Q,) posterior means, inside (0, 1)."""
        x = ((queries.double() - fitted.mean) * fitted.scale).clamp(-8, 8)
        mean = level + self._kernel(x, fitted.context, fitted.lengths) @ fitted.alpha
        return mean.clamp(P_MIN, 1 - P_MIN)

    def _kernel(self, a: torch.Tensor, b: torch.Tensor, lengths: list[torch.Tensor]) -> torch.Tensor:
        total = torch.zeros(len(a), len(b), dtype=a.dtype, device=a.device)
        parts = zip(a.split(self.blocks, dim=1), b.split(self.blocks, dim=1), lengths, strict=True)
        for i, (x, z, length) in enumerate(parts):
            distance = _squared_distances(x, z) / (length * torch.exp(2 * self.log_scale[i]))
            total = total + torch.exp(2 * self.log_sd[i] - 0.5 * distance)
        return total


class TabularHead:
    """TabPFN or TabICL as the paper uses them: hard labels (rate >= 1/2), four estimators, weights of their own.

    The package is imported here only; its weights come from ``weights`` (a file) or its own download. A context with
    one class alone is answered by its smoothed frequency, since these classifiers need two.

    Args:
        package: "tabpfn" or "tabicl".
        weights: path of the checkpoint, or None.
        device: of torch.
    """

    def __init__(self, package: str, weights: str | None = None, device: str = "cpu"):
        self._classifier = _classifier(package, weights, device)

    def fit(self, context: Context) -> object:
        """The package's own fit."""
        labels = (context.rates >= 0.5).cpu().numpy().astype(int)
        if labels.min() == labels.max():
            return float((labels.sum() + 0.5) / (len(labels) + 1))
        return clone(self._classifier).fit(context.features.detach().cpu().numpy(), labels)

    def predict(self, fitted: object, queries: torch.Tensor, level: float) -> torch.Tensor:
        """(Q,) probabilities of class 1."""
        if isinstance(fitted, float):
            return torch.full((len(queries),), fitted, dtype=torch.float64)
        p = fitted.predict_proba(queries.detach().cpu().numpy())[:, 1]
        return torch.from_numpy(np.asarray(p, dtype=np.float64)).clamp(P_MIN, 1 - P_MIN)


def build_head(name: str, blocks: list[int], weights: str | None = None, device: str = "cpu") -> Head:
    """One of HEADS; ValueError for another name or where its package is missing."""
    if name == "bayes":
        return BayesHead(blocks).to(device)
    if name in HEADS:
        return TabularHead(name, weights, device)
    raise ValueError(f"head must be one of {', '.join(HEADS)}, got {name!r}")


def _classifier(package: str, weights: str | None, device: str):
    try:
        if package == "tabpfn":
            from tabpfn import TabPFNClassifier as Classifier
        else:
            from tabicl import TabICLClassifier as Classifier
    except ImportError as error:
        raise ValueError(
            f"head {package!r} needs the package {package}: pip install 'v05_verl[{package}]', or take head 'bayes', "
            "which needs none"
        ) from error
    chosen = {} if weights is None else {"model_path": weights}
    return Classifier(n_estimators=4, device=device, random_state=0, **chosen)


def _squared_distances(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return (a.square().sum(1)[:, None] + b.square().sum(1)[None, :] - 2 * a @ b.T).clamp_min(0)


def _median_squared_distance(x: torch.Tensor, limit: int = 512) -> torch.Tensor:
    some = x[:: max(len(x) // limit, 1)]
    distances = _squared_distances(some, some)
    positive = distances[distances > 1e-9]
    return positive.median() if len(positive) else torch.ones((), dtype=x.dtype, device=x.device)

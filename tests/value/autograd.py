# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""The evidence of ``v05_verl.value.kernel`` once more in torch, whose autograd gives its gradient.

``python tests/value/autograd.py`` prints what either takes; a test compares the two.
"""

import os

if __name__ == "__main__":
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import time

import numpy as np
import torch
from scipy import sparse

from v05_verl.value.kernel import LEVEL_VAR, SCALARS, Evidence, Points, default_hyperparameters

FEATURES = 12


def negative(evidence: Evidence, vector: np.ndarray) -> tuple[float, np.ndarray]:
    """What ``evidence.negative(vector)`` returns; without dense vectors."""
    d = {name: None if each is None else torch.as_tensor(each, dtype=torch.float64)
         for name, each in evidence._distances._asdict().items()}  # fmt: skip
    values = torch.tensor(vector, requires_grad=True)
    h, weights = dict(zip(SCALARS, values, strict=False)), torch.exp(values[len(SCALARS) :])
    share = torch.sigmoid(h["share"])
    across = share + (1 - share) * d["same_policy"]
    fade = across * torch.exp(-d["time"] / torch.exp(h["text_time"]))
    hand = d["hand_a"] * weights
    squares = (hand**2).sum(1)
    apart = (squares[:, None] + squares[None, :] - 2 * hand @ hand.T).clamp(min=0)
    K = LEVEL_VAR + torch.diag(torch.as_tensor(evidence._noise))
    K = K + torch.exp(2 * h["mean_sd"] - d["time"] / torch.exp(h["mean_time"])) * d["same_policy"]
    K = K + torch.exp(2 * h["hand_sd"] - 0.5 * apart) * fade
    K = K + torch.exp(2 * h["gram_sd"] - d["gram"] / torch.exp(2 * h["gram_scale"])) * fade
    K = K + torch.exp(2 * h["word_sd"] - d["word"] / torch.exp(2 * h["word_scale"])) * fade
    K = K + torch.exp(2 * h["own_sd"] - d["time"] / torch.exp(h["own_time"])) * d["same_prompt"] * across
    factor, y = torch.linalg.cholesky(K), torch.as_tensor(evidence._y)
    pull = (values - torch.as_tensor(evidence._center.vector())) / torch.as_tensor(evidence._prior_sd)
    fit = 0.5 * y @ torch.cholesky_solve(y[:, None], factor)[:, 0] + torch.log(torch.diagonal(factor)).sum()
    value = fit + 0.5 * pull @ pull
    value.backward()
    return value.item(), values.grad.numpy()


def case(n: int, seed: int = 0) -> tuple[Evidence, np.ndarray]:
    """Evidence of n points, and hyperparameters to look at."""
    rng = np.random.default_rng(seed)

    def unit_rows(columns: int) -> sparse.csr_matrix:
        rows = sparse.random(n, columns, density=0.1, random_state=seed, format="csr")
        return sparse.csr_matrix(rows.multiply(1 / np.maximum(sparse.linalg.norm(rows, axis=1)[:, None], 1e-12)))

    points = Points(
        rng.normal(size=(n, FEATURES)),
        unit_rows(500),
        unit_rows(200),
        np.zeros((n, 0)),
        rng.integers(0, n // 2, n),
        rng.integers(0, 2, n),
        rng.uniform(0, 2, n),
    )
    center = default_hyperparameters(FEATURES)
    at = center.vector() + 0.05 * rng.normal(size=len(center.vector()))
    return Evidence(points, 0.3 * rng.normal(size=n), np.full(n, 0.05), center), at


def seconds(work, *arguments) -> float:
    began = time.process_time()
    work(*arguments)
    return time.process_time() - began


if __name__ == "__main__":
    torch.set_num_threads(1)
    for n in (256, 512, 1024):
        evidence, at = case(n)
        evidence.negative(at), negative(evidence, at)
        taken = np.array([[seconds(evidence.negative, at), seconds(negative, evidence, at)] for _ in range(11)])
        ours, autograd = np.median(taken, axis=0) * 1000
        print(f"{n:5} points: written out {ours:6.1f} ms, autograd {autograd:6.1f} ms, {autograd / ours:.1f} times")

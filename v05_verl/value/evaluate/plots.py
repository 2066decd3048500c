# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Figures of an evaluation of value models (needs the extra ``report``)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402

from v05_verl.value.evaluate.records import Records  # noqa: E402


def plot_reliability(records: Records, predictions: dict[str, list[np.ndarray]], path: Path, bins: int = 10) -> None:
    """Observed against predicted success, by deciles of the prediction; all seeds together."""
    figure, axes = plt.subplots(figsize=(5, 5))
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    for name, runs in predictions.items():
        p, rates = np.concatenate(runs), np.tile(records.rates, len(runs))
        parts = np.array_split(np.argsort(p, kind="stable"), bins)
        axes.plot([p[i].mean() for i in parts], [rates[i].mean() for i in parts], marker="o", markersize=3, label=name)
    axes.set(xlabel="predicted success rate", ylabel="observed success rate", xlim=(0, 1), ylim=(0, 1))
    axes.legend()
    _save(figure, path)


def plot_auc_by_step(models: dict[str, Any], path: Path) -> None:
    """AUC of each model at each (policy, step), with its interval; steps on a logarithmic axis."""
    contexts = sorted(next(iter(models.values()))["by_context"])
    policies = sorted({context.rpartition("/")[0] for context in contexts})
    figure, panels = plt.subplots(1, len(policies), figsize=(5 * len(policies), 4), sharey=True, squeeze=False)
    for axes, policy in zip(panels[0], policies, strict=True):
        steps = sorted(int(context.rpartition("/")[2]) for context in contexts if context.rpartition("/")[0] == policy)
        for name, result in models.items():
            cells = [result["by_context"][f"{policy}/{step}"]["auc"] for step in steps]
            low = [cell["value"] - cell["ci95"][0] for cell in cells]
            high = [cell["ci95"][1] - cell["value"] for cell in cells]
            values = [cell["value"] for cell in cells]
            axes.errorbar(steps, values, yerr=np.maximum([low, high], 0), marker="o", capsize=3, label=name)
        axes.axhline(0.5, color="0.7", linewidth=1)
        axes.set(title=policy, xlabel="training step", xscale="symlog")
    panels[0][0].set(ylabel="AUC within the context")
    panels[0][0].legend()
    _save(figure, path)


def _save(figure, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)

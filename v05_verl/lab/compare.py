# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Paired comparison of arms; seeds are the unit, intervals are Student's t at 95%."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.stats import t as student

from v05_verl.lab.study import Curve

REFERENCE, CONTROL = "grpo_n16", "rloo_n4"


def mean_ci(values: Sequence[float]) -> dict[str, float | int | None]:
    """Mean and half width of the 95% interval (None for a single value)."""
    values = np.asarray(values, dtype=np.float64)
    half = None
    if len(values) > 1:
        half = float(student.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return {"mean": float(values.mean()), "ci95": half, "n": len(values)}


def rollouts_to(curve: Curve, target: float) -> float | None:
    """Rollouts at which the sampled accuracy first reaches ``target``, interpolated; None if it never does."""
    spent, accuracy = curve.column("rollouts"), curve.column("sampled")
    for before in range(len(spent) - 1):
        low, high = accuracy[before], accuracy[before + 1]
        if low >= target:
            return float(spent[before])
        if high >= target:
            return float(spent[before] + (spent[before + 1] - spent[before]) * (target - low) / (high - low))
    return None


def mean_over_run(curve: Curve) -> float:
    """Sampled accuracy averaged over the rollouts spent: the area under the learning curve."""
    spent = np.array(curve.column("rollouts"), dtype=np.float64)
    return float(np.trapezoid(curve.column("sampled"), spent) / (spent[-1] - spent[0]))


def summarize(curves: dict[str, dict[int, Curve]]) -> dict[str, Any]:
    """Everything the table shows, per arm; ``curves[arm][seed]``.

    The target of a seed is what GRPO n=16 ends at on that seed (mean of its last three evaluations), and rollouts to
    it are given as a share of GRPO n=16's. A seed that never reaches it makes the mean None; ``reached`` counts them.
    """
    summary = {}
    for arm, by_seed in curves.items():
        ends = {seed: curve.end("sampled") for seed, curve in by_seed.items()}
        last = [curve.records[-1] for curve in by_seed.values()]
        row: dict[str, Any] = {
            "seeds": sorted(by_seed),
            "learning_rate": next(iter(by_seed.values())).job.learning_rate,
            "final_sampled": mean_ci(list(ends.values())),
            "final_greedy": mean_ci([curve.end("greedy") for curve in by_seed.values()]),
            "mean_over_run": mean_ci([mean_over_run(curve) for curve in by_seed.values()]),
            "steps": float(np.mean([record["step"] for record in last])),
            "wall_s": float(np.mean([record["wall_s"] for record in last])),
        }
        for name in ("rollouts_per_prompt", "prior_mse", "baseline_mse", "all_same_share", "gradient_norm"):
            values = [
                np.mean([r[name] for r in curve.records[1:] if name in r])
                for curve in by_seed.values()
                if name in curve.records[-1]
            ]
            row[name] = float(np.mean(values)) if values else None
        for other in (REFERENCE, CONTROL):
            if other in curves:
                row[f"over_{other}"] = _paired(by_seed, curves[other])
        if REFERENCE in curves:
            row |= _to_reference(by_seed, curves[REFERENCE])
        summary[arm] = row
    return summary


def _paired(ours: dict[int, Curve], theirs: dict[int, Curve]) -> dict[str, Any] | None:
    seeds = sorted(set(ours) & set(theirs))
    if not seeds:
        return None
    return {
        "final_sampled": mean_ci([ours[s].end("sampled") - theirs[s].end("sampled") for s in seeds]),
        "final_greedy": mean_ci([ours[s].end("greedy") - theirs[s].end("greedy") for s in seeds]),
        "mean_over_run": mean_ci([mean_over_run(ours[s]) - mean_over_run(theirs[s]) for s in seeds]),
    }


def _to_reference(ours: dict[int, Curve], reference: dict[int, Curve]) -> dict[str, Any]:
    seeds = sorted(set(ours) & set(reference))
    needed = {seed: rollouts_to(ours[seed], reference[seed].end("sampled")) for seed in seeds}
    reached = {seed: value for seed, value in needed.items() if value is not None}
    shares = [value / reference[seed].records[-1]["rollouts"] for seed, value in reached.items()]
    complete = len(reached) == len(seeds) and bool(seeds)
    return {"reached": len(reached), "share_of_reference": mean_ci(shares) if complete else None}


def as_markdown(summary: dict[str, Any]) -> str:
    """The table, best arm first."""
    head = [
        "arm", "lr", "seeds", "final sampled", "final greedy", f"over {CONTROL}: final", "over the run",
        f"over {REFERENCE}: final", f"rollouts to {REFERENCE}'s end", "rollouts / prompt", "steps",
        "prior MSE", "baseline MSE",
    ]  # fmt: skip
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for arm, row in sorted(summary.items(), key=lambda item: -item[1]["final_sampled"]["mean"]):
        control, reference = row.get(f"over_{CONTROL}") or {}, row.get(f"over_{REFERENCE}") or {}
        share = row.get("share_of_reference")
        reached = f"{row.get('reached', 0)} of {len(row['seeds'])} reach it"
        cells = [
            arm, f"{row['learning_rate']:g}", str(len(row["seeds"])), _number(row["final_sampled"]),
            _number(row["final_greedy"]), _number(control.get("final_sampled"), "+"),
            _number(control.get("mean_over_run"), "+"), _number(reference.get("final_sampled"), "+"),
            _number(share, digits=2) if share else reached, f"{row['rollouts_per_prompt']:.1f}", f"{row['steps']:.0f}",
            "" if row["prior_mse"] is None else f"{row['prior_mse']:.3f}", f"{row['baseline_mse']:.3f}",
        ]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _number(value: dict[str, Any] | None, sign: str = "", digits: int = 3) -> str:
    if value is None:
        return ""
    half = "" if value["ci95"] is None else f" ± {value['ci95']:.{digits}f}"
    return f"{value['mean']:{sign}.{digits}f}{half}"

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
SMALL_STEPS = "grpo_n16_p8"
"""The reference with as many training steps as the arms of 128 rollouts a step: it separates their effect."""


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
    target -= 1e-9  # the mean of three equal values may lie above them by a rounding error
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

    ``rollouts_to_end_of[other]``, for both references: the rollouts to what that arm ends at on the same seed (mean of
    its last three evaluations), as a share of its budget and of what it needs itself to get there first. A seed that
    never reaches it makes both None; ``reached`` counts those that do.
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
        for other in (REFERENCE, SMALL_STEPS, CONTROL):
            if other in curves:
                row[f"over_{other}"] = paired(by_seed, curves[other])
        row["rollouts_to_end_of"] = {
            other: rollouts_to_end_of(curves[other], by_seed) for other in (REFERENCE, SMALL_STEPS) if other in curves
        }
        summary[arm] = row
    return summary


def paired(ours: dict[int, Curve], theirs: dict[int, Curve]) -> dict[str, Any] | None:
    """Differences, ours minus theirs, over the seeds that both have; None without one."""
    seeds = sorted(set(ours) & set(theirs))
    if not seeds:
        return None
    return {
        "final_sampled": mean_ci([ours[s].end("sampled") - theirs[s].end("sampled") for s in seeds]),
        "final_greedy": mean_ci([ours[s].end("greedy") - theirs[s].end("greedy") for s in seeds]),
        "mean_over_run": mean_ci([mean_over_run(ours[s]) - mean_over_run(theirs[s]) for s in seeds]),
        "sampled_at_equal_steps": mean_ci([_at_equal_steps(ours[s], theirs[s]) for s in seeds]),
    }


def _at_equal_steps(ours: Curve, theirs: Curve) -> float:
    """Difference in sampled accuracy after the last training step that both have, straight between evaluations."""
    last = min(curve.records[-1]["step"] for curve in (ours, theirs))
    first, second = (np.interp(last, curve.column("step"), curve.column("sampled")) for curve in (ours, theirs))
    return float(first - second)


def rollouts_to_end_of(reference: dict[int, Curve], ours: dict[int, Curve]) -> dict[str, Any]:
    """Rollouts to what the reference ends at, see :func:`summarize`."""
    of_budget, of_its_own = [], []
    seeds = sorted(set(ours) & set(reference))
    for seed in seeds:
        target, budget = reference[seed].end("sampled"), reference[seed].records[-1]["rollouts"]
        needed, own = rollouts_to(ours[seed], target), rollouts_to(reference[seed], target)
        if needed is not None:
            of_budget.append(needed / budget)
            if own:  # None or 0: it ends below where it started, and there is nothing to save
                of_its_own.append(needed / own)
    complete = len(of_budget) == len(seeds) > 0
    return {
        "reached": len(of_budget),
        "seeds": len(seeds),
        "share_of_its_budget": mean_ci(of_budget) if complete else None,
        "share_of_its_own": mean_ci(of_its_own) if complete and len(of_its_own) == len(seeds) else None,
    }


def as_markdown(summary: dict[str, Any]) -> str:
    """The table, best arm first."""
    head = [
        "arm", "lr", "seeds", "final sampled", "final greedy", f"over {CONTROL}: final", "over the run",
        f"over {REFERENCE}: final", f"rollouts to {REFERENCE}'s end: share of its budget", "of what it needs itself",
        f"to {SMALL_STEPS}'s end: share of its budget", "rollouts / prompt", "steps", "prior MSE", "baseline MSE",
    ]  # fmt: skip
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for arm, row in sorted(summary.items(), key=lambda item: -item[1]["final_sampled"]["mean"]):
        control, reference = row.get(f"over_{CONTROL}") or {}, row.get(f"over_{REFERENCE}") or {}
        cells = [
            arm, f"{row['learning_rate']:g}", str(len(row["seeds"])), cell(row["final_sampled"]),
            cell(row["final_greedy"]), cell(control.get("final_sampled"), "+"),
            cell(control.get("mean_over_run"), "+"), cell(reference.get("final_sampled"), "+"),
            share_cell(row["rollouts_to_end_of"].get(REFERENCE), "share_of_its_budget"),
            share_cell(row["rollouts_to_end_of"].get(REFERENCE), "share_of_its_own"),
            share_cell(row["rollouts_to_end_of"].get(SMALL_STEPS), "share_of_its_budget"),
            f"{row['rollouts_per_prompt']:.1f}",
            f"{row['steps']:.0f}", "" if row["prior_mse"] is None else f"{row['prior_mse']:.3f}",
            f"{row['baseline_mse']:.3f}",
        ]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def share_cell(to: dict[str, Any] | None, name: str) -> str:
    """A share of :func:`rollouts_to_end_of` for a table, or why there is none; empty without the reference."""
    if to is None:
        return ""
    if to[name] is None and to["reached"] == to["seeds"]:
        return "–"  # the reference ends below its start on some seed
    return cell(to[name], digits=2) if to[name] else f"{to['reached']} of {to['seeds']} reach it"


def cell(value: dict[str, Any] | None, sign: str = "", digits: int = 3) -> str:
    """A mean with its interval, for a table; empty without a value."""
    if value is None:
        return ""
    half = "" if value["ci95"] is None else f" ± {value['ci95']:.{digits}f}"
    return f"{value['mean']:{sign}.{digits}f}{half}"

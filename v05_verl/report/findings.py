# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""The outcome in a few sentences that follow from the summary alone."""

from __future__ import annotations

from typing import Any

from v05_verl.report import labels
from v05_verl.report.tables import count, percent, points, ratio, signed_points, spread

SMALL_GROUP_ARMS = ("rloo_n4", "grpo_n4")


def sentences(summary: dict[str, Any]) -> list[str]:
    """Target, V0.5's best arm by rollouts to it, what small groups alone bring, differences to RLOO n=4."""
    target, reference = summary["target_accuracy"], summary["target_arm"]
    if target is None:
        return ["There is no target accuracy, so no saving can be stated."]
    name = labels.arm_label(reference)
    shares = {arm: _share(entry) for arm, entry in summary["arms"].items()}
    out = [f"Target: {percent(target)}%, the final accuracy of {name} ({labels.set_label(summary['accuracy_of'])})."]
    # An oracle knows what no method knows; it shows what a better prior would bring and is no candidate.
    ours = [arm for arm in shares if arm.split("_")[0] == "v05" and "oracle" not in arm]
    v05 = {arm: shares[arm] for arm in ours if shares[arm] is not None}
    if not v05:
        return [*out, "No V0.5 arm reaches it with its mean curve."]
    best = min(v05, key=v05.get)
    among = f", the best of {len(ours)} V0.5 arms," if len(ours) > 1 else ""
    out.append(_saving(summary, best, name, among))
    for control in SMALL_GROUP_ARMS:
        if shares.get(control) is not None:
            out.append(f"Small groups alone: {_saving(summary, control, name)}")
        elif control in shares:
            spent = count(summary["arms"][control]["rollouts"]["mean"])
            out.append(
                f"Small groups alone: the mean curve of {labels.arm_label(control)} stays below it in {spent} rollouts."
            )
    for pair in summary["comparisons"]:
        if pair["arm"] in ours and pair["reference"] == "rloo_n4" and pair["set"] == summary["accuracy_of"]:
            out.append(_difference(pair))
    return out


def _share(arm: dict[str, Any]) -> float | None:
    return arm["rollouts_to_target"]["share_of_target_arm"]["mean_curve"]


def _saving(summary: dict[str, Any], arm: str, reference: str, among: str = "") -> str:
    reach = summary["arms"][arm]["rollouts_to_target"]
    return (
        f"{labels.arm_label(arm)}{among} reaches it after {count(reach['mean_curve'])} rollouts with its mean curve, "
        f"{ratio(_share(summary['arms'][arm]))} of {reference}'s; {reach['reached']} of {reach['of']} seeds reach it"
        + (f", after {spread(reach, count)}." if reach["mean"] is not None else ".")
    )


def _difference(pair: dict[str, Any]) -> str:
    arm, reference = labels.arm_label(pair["arm"]), labels.arm_label(pair["reference"])
    if pair["ci95"] is None:
        verdict = "one seed, so nothing can be said about chance"
    elif abs(pair["mean"]) > pair["ci95"]:
        verdict = "the interval excludes 0"
    else:
        verdict = "the interval includes 0"
    return (
        f"At {count(pair['rollouts'])} rollouts {arm} minus {reference}: "
        f"{spread(pair, signed_points, points)} points ({verdict})."
    )

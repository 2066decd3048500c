# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""The outcome in a few sentences that follow from the summary alone."""

from __future__ import annotations

from typing import Any

from v05_verl.report import labels
from v05_verl.report.tables import count, percent, points, ratio, signed_points, spread

SMALL_GROUP_ARMS = ("rloo_n4", "grpo_n4")


def sentences(summary: dict[str, Any]) -> list[str]:
    """Target, V0.5's best arm by rollouts to it, what small groups alone bring, differences to the control."""
    target, reference = summary["target_accuracy"], summary["target_arm"]
    if target is None:
        return ["There is no target accuracy, so no saving can be stated."]
    name = labels.arm_label(reference)
    shares = {arm: _share(entry) for arm, entry in summary["arms"].items()}
    out = [f"Target: {percent(target)}%, the final accuracy of {name} ({labels.set_label(summary['accuracy_of'])})."]
    if shares.get(reference) is not None:
        reach = summary["arms"][reference]["rollouts_to_target"]
        out.append(f"{name}'s own mean curve first reaches it after {count(reach['mean_curve'])} rollouts.")
    ours = [arm for arm in shares if _is_ours(arm)]
    out.append(_best(summary, ours, name))
    small = [arm for small in SMALL_GROUP_ARMS for arm in shares if labels.base(arm) == small]
    out += [f"Small groups alone: {_saving(summary, arm, name)}" for arm in small]
    for pair in summary["comparisons"]:
        if pair["arm"] in ours and pair["reference"] == summary["control"] and pair["set"] == summary["accuracy_of"]:
            out.append(_difference(pair))
    return out


def origin_sentence(summary: dict[str, Any]) -> str:
    """Commit and versions, where all launches agree on them."""
    commit = summary["commit"] or "not the same for all launches, or not known; see launches in summary.json"
    changed = ", with uncommitted changes" if summary["dirty"] else ""
    versions = (f"{name} {version or 'not installed'}" for name, version in (summary["versions"] or {}).items())
    return f"Commit: {commit}{changed}. Versions: {', '.join(versions) or 'see launches in summary.json'}."


def _is_ours(arm: str) -> bool:
    """Whether it is V0.5, in whatever folder and with whatever changes (``light/v05_auto``, ``v05,v05.k_max=8``)."""
    name = labels.base(arm)
    # An oracle knows what no method knows; it shows what a better prior would bring and is no candidate.
    return name.split(",")[0].split("_")[0] == "v05" and "oracle" not in name


def _best(summary: dict[str, Any], ours: list[str], reference: str) -> str:
    reaching = [arm for arm in ours if _share(summary["arms"][arm]) is not None]
    if not ours:
        return "There is no finished run of a V0.5 arm."
    if not reaching:
        return "No V0.5 arm reaches it with its mean curve."
    best = min(reaching, key=lambda arm: _share(summary["arms"][arm]))
    return _saving(summary, best, reference, f", the best of {len(ours)} V0.5 arms," if len(ours) > 1 else "")


def _share(arm: dict[str, Any]) -> float | None:
    return arm["rollouts_to_target"]["share_of_target_arm"]["mean_curve"]


def _saving(summary: dict[str, Any], arm: str, reference: str, among: str = "") -> str:
    reach = summary["arms"][arm]["rollouts_to_target"]
    if reach["mean_curve"] is None:
        spent = spread(summary["arms"][arm]["rollouts"], count)
        return f"the mean curve of {labels.arm_label(arm)} stays below it in {spent} rollouts."
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

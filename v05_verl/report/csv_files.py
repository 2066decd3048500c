# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Every number of a summary as CSV: means, each seed's values, paired differences."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd


def means(summary: dict[str, Any]) -> str:
    """One line per arm and quantity; an empty mean or half-width is not known."""
    return _csv(
        {"arm": name, "quantity": quantity, **_over_seeds(values)}
        for name, arm in summary["arms"].items()
        for quantity, values in _quantities(arm)
    )


def seeds(summary: dict[str, Any]) -> str:
    """One line per arm, seed and quantity; an empty value was not reached or not measured."""
    return _csv(
        {"arm": name, "seed": seed, "quantity": quantity, "value": value}
        for name, arm in summary["arms"].items()
        for quantity, values in _quantities(arm)
        for seed, value in values["per_seed"].items()
    )


def paired(summary: dict[str, Any]) -> str:
    """One line per paired difference, arm minus reference, of accuracies between 0 and 1."""
    return _csv(
        {
            "arm": pair["arm"],
            "reference": pair["reference"],
            "set": pair["set"],
            "difference": name,
            **_over_seeds(values),
        }
        for pair in summary["comparisons"]
        for name, values in (
            ("at_equal_rollouts", pair),
            ("over_the_run", pair["over_the_run"]),
            ("at_equal_steps", pair["at_equal_steps"]),
        )
    )


def _over_seeds(values: dict[str, Any]) -> dict[str, Any]:
    return {"seeds": len(values["per_seed"]), "mean": values["mean"], "ci95": values["ci95"]}


def _csv(rows: Iterable[dict[str, Any]]) -> str:
    return pd.DataFrame(rows, dtype=object).map(_cell).to_csv(index=False)


def _cell(value: Any) -> Any:
    """A text that a spreadsheet would run as a formula, with an apostrophe before it."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@")) else value


def _quantities(arm: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    plain = [(key, value) for key, value in arm.items() if isinstance(value, dict) and "per_seed" in value]
    nested = [
        (f"{key}/{name}", value)
        for key in ("final_accuracy_by_set", "rollouts_to_other", "diagnostics")
        for name, value in arm[key].items()
    ]
    return plain + nested

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import pytest

from v05_verl.lab.bench_step import main, table


@pytest.mark.slow
def test_prints_every_part_beside_verls_estimators(capsys):
    main(["--prompts", "6", "12", "--group", "5", "--repeats", "1"])
    decisions, step = capsys.readouterr().out.strip().split("\n\n")
    assert len(decisions.splitlines()) == 2 + 4
    assert [line.split(" | ")[0].strip("| ") for line in step.splitlines()[2:]] == [
        *("collect_rows", "estimator v05", "PromptBatch.of", "verl's rloo", "verl's grpo_vectorized", "verl's grpo"),
        *("gp predict, new texts", "gp predict", "gp observe"),
    ]


def test_growth_is_relative_to_the_prompts():
    assert table(["x", "1", "4"], {"a": [0.5, 2.0], "b": [1.0, 16.0]}, 4.0).splitlines()[2:] == [
        "| a | 0.5 | 2 | 1.0 |",
        "| b | 1 | 16 | 4.0 |",
    ]

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import pytest

from v05_verl.report.labels import KNOWN_ARMS, arm_label, arm_order, arm_styles, set_label


@pytest.mark.parametrize(
    ("arm", "label"),
    [
        ("grpo_n16", "GRPO n=16"),
        ("rloo_n4", "RLOO n=4"),
        ("v05", "V0.5"),
        ("v05_fixed4", "V0.5 fixed k=4"),
        ("v05_wave", "V0.5 wave"),
        ("dapo", "DAPO"),
        ("mine_n8", "mine n=8"),
    ],
)
def test_labels_of_arms(arm, label):
    assert arm_label(arm) == label


def test_labels_of_sets():
    assert set_label("aime2024") == "AIME 2024"
    assert set_label("reverse_sampled") == "reverse, sampled"
    assert set_label("my_set") == "my set"


def test_order_puts_controls_first():
    arms = ["v05_wave", "v05", "dapo", "other", "rloo_n4", "grpo_n4", "grpo_n16"]
    assert arm_order(arms) == ["grpo_n16", "grpo_n4", "rloo_n4", "dapo", "other", "v05", "v05_wave"]


def test_forty_arms_stay_apart_in_black_and_white():
    arms = [f"arm{index}" for index in range(33)] + list(KNOWN_ARMS)
    styles = arm_styles(arms)
    assert len({(style.line, style.marker) for style in styles.values()}) == 40


def test_an_arm_of_the_quickstart_always_looks_the_same():
    assert arm_styles(["v05"])["v05"] == arm_styles(["dapo", "v05", "another"])["v05"]

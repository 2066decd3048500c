# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import pytest

from v05_verl import arms
from v05_verl.report.labels import arm_label, arm_order, arm_styles, set_label


@pytest.mark.parametrize(
    ("arm", "label"),
    [
        ("grpo_n16", "GRPO n=16"),
        ("rloo_n4", "RLOO n=4"),
        ("v05", "V0.5"),
        ("v05_fixed4", "V0.5 k=4"),
        ("v05_wave", "V0.5 wave"),
        ("dapo_n16", "DAPO n=16"),
        ("my_method", "my method"),
        ("light/v05", "V0.5, light"),
        ("v05_wave,v05.k_init=2", "V0.5 wave, v05.k_init=2"),
    ],
)
def test_labels_of_arms(arm, label):
    assert arm_label(arm) == label


def test_labels_of_sets():
    assert set_label("aime2024") == "AIME 2024"
    assert set_label("reverse_sampled") == "reverse, sampled"
    assert set_label("my_set") == "my set"


def test_order_puts_arms_without_a_prior_first_and_unknown_ones_last():
    found = ["mine", "v05_wave", "v05", "dapo_n16", "rloo_n4", "grpo_n4", "grpo_n16"]
    assert arm_order(found) == ["grpo_n16", "rloo_n4", "grpo_n4", "dapo_n16", "v05", "v05_wave", "mine"]


def test_forty_arms_stay_apart_in_black_and_white():
    found = [f"arm{index}" for index in range(40)]
    assert len({(style.line, style.marker) for style in arm_styles(found).values()}) == 40
    assert len(set(arm_styles([*arms.names(), *found]).values())) == 40 + len(arms.names())


def test_an_arm_with_a_file_always_looks_the_same():
    assert arm_styles(["v05"])["v05"] == arm_styles(["dapo_n16", "v05", "another"])["v05"]

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from v05_verl.report import settings


def summary(gains: dict[str, float], control: str = "rloo_n4") -> dict:
    """A summary of three seeds with these mean gains over the control."""
    pair = {"reference": control, "set": "mean", "ci95": 0.01, "per_seed": {"0": 0.0, "1": 0.0, "2": 0.0}}
    share = {"rollouts_to_target": {"share_of_target_arm": {"mean_curve": 0.25}}}
    return {
        "control": control,
        "target_arm": "grpo_n16",
        "accuracy_of": "mean",
        "arms": dict.fromkeys([*gains, control], share),
        "comparisons": [
            *({"arm": arm, "mean": gain, **pair} for arm, gain in gains.items()),
            *({"arm": arm, "mean": 9.0, **pair, "set": "another"} for arm in gains),
        ],
    }


@pytest.fixture
def folders(tmp_path):
    def written(**summaries: dict) -> list[str]:
        for name, each in summaries.items():
            (tmp_path / name).mkdir()
            (tmp_path / name / "summary.json").write_text(json.dumps(each))
        return [f"setting {name}={tmp_path / name}" for name in summaries]

    return written


def test_arms_of_all_settings_stand_side_by_side(folders, tmp_path, capsys):
    given = folders(a=summary({"v05": -0.038, "v05_auto": 0.014}), b=summary({"v05_auto": 0.026, "grpo_n16": -0.1}))
    settings.main([*given, "--out", str(tmp_path / "out")])
    assert "| V0.5 auto | +1.4 ± 1.0 (3), 0.25 | +2.6 ± 1.0 (3), 0.25 |" in capsys.readouterr().out
    assert {path.name for path in (tmp_path / "out").iterdir()} == {f"settings.{kind}" for kind in ("md", "png", "svg")}
    settings.main([*given, "--arms", "grpo_n16", "--out", str(tmp_path / "out")])
    assert "| GRPO n=16 | - | -10.0 ± 1.0 (3), 0.25 |" in (tmp_path / "out" / "settings.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--arms", "v06"], "no setting has v06"),
        (["more=/nowhere"], "'more=/nowhere' is no NAME=DIR with a summary.json"),
        (["nameless"], "'nameless' is no NAME=DIR"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_a_sentence(folders, tmp_path, arguments, sentence):
    given = folders(a=summary({"v05": 0.0}))
    with pytest.raises(SystemExit, match=sentence):
        settings.main([*given, *arguments, "--out", str(tmp_path / "out")])


def test_settings_of_different_controls_are_refused(folders, tmp_path):
    given = folders(a=summary({"v05": 0.0}), b=summary({"v05": 0.0}, control="grpo_n4"))
    with pytest.raises(SystemExit, match="compared by one control"):
        settings.main([*given, "--out", str(tmp_path / "out")])


def test_without_a_target_there_is_no_share(folders, tmp_path, capsys):
    without = summary({"v05": 0.01}) | {"target_arm": None}
    without["arms"]["v05"]["rollouts_to_target"]["share_of_target_arm"]["mean_curve"] = None
    settings.main([*folders(a=without), "--out", str(tmp_path / "out")])
    printed = capsys.readouterr().out
    assert "| V0.5 | +1.0 ± 1.0 (3) |" in printed and "share" not in printed

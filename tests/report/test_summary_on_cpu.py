# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from v05_verl.report import figures, findings, missing, tables
from v05_verl.report.aggregate import Aggregator
from v05_verl.report.panels import METRICS
from v05_verl.report.runs import MEAN, load_runs
from v05_verl.report.summary import summarise


def summary_of(folder, arms=(), seeds=(), sets=(), **options):
    runs = load_runs([folder])
    aggregate = Aggregator(runs, **options)
    return summarise(runs, aggregate, missing.sentences(runs, aggregate, list(arms), list(seeds), list(sets)))


@pytest.fixture
def two_arms(write_run, tmp_path):
    """512 rollouts a step for GRPO n=16, 128 for V0.5; both 2,048 in all, validated at 0, 1,024 and 2,048."""
    write_run("grpo_n16", 0, {0: 0.5, 2: 0.6, 4: 0.7}, n=16)
    write_run("grpo_n16", 1, {0: 0.5, 2: 0.6, 4: 0.8}, n=16)
    for seed in (0, 1):
        write_run("v05", seed, {0: 0.5, 8: 0.7, 16: 0.9})
    return tmp_path


def test_figures_by_hand(two_arms):
    summary = summary_of(two_arms)
    grpo, v05 = summary["arms"]["grpo_n16"], summary["arms"]["v05"]
    # The middle of the last tenth lies at .9 of the way from the second validation to the third: .69 and .78.
    assert grpo["final_accuracy"]["per_seed"] == pytest.approx({"0": 0.69, "1": 0.78})
    assert summary["target_accuracy"] == pytest.approx(0.735)
    assert grpo["rollouts"]["mean"] == 2048 and v05["rollouts"]["mean"] == 2048
    assert grpo["steps"]["mean"] == 4 and v05["steps"]["mean"] == 16
    # Smoothed .5667, .7, .8333 reach .735 at 1024 + 1024 * .035 / .1333.
    assert v05["rollouts_to_target"]["mean"] == pytest.approx(1292.8)
    assert v05["rollouts_to_target"]["ci95"] == pytest.approx(0)
    assert v05["rollouts_to_target"]["mean_curve"] == pytest.approx(1292.8)
    assert v05["rollouts_to_target"]["share_of_target_arm"]["mean"] == pytest.approx(0.63125)


def test_a_target_that_is_not_reached_is_null(two_arms):
    reach = summary_of(two_arms)["arms"]["grpo_n16"]["rollouts_to_target"]
    # Smoothed, GRPO ends at .667 and .733.
    assert (reach["mean"], reach["ci95"], reach["reached"], reach["of"]) == (None, None, 0, 2)
    assert reach["per_seed"] == {"0": None, "1": None}
    assert reach["share_of_target_arm"]["mean"] is None


def test_a_mean_over_the_seeds_that_reached_it_is_not_given(two_arms, write_run):
    write_run("v05", 2, {0: 0.5, 8: 0.5, 16: 0.5})
    reach = summary_of(two_arms)["arms"]["v05"]["rollouts_to_target"]
    assert (reach["mean"], reach["reached"], reach["of"]) == (None, 2, 3)
    assert reach["per_seed"]["0"] == pytest.approx(1292.8) and reach["per_seed"]["2"] is None


def test_differences_are_paired_at_equal_rollouts(two_arms):
    pairs = {(pair["arm"], pair["reference"], pair["set"]): pair for pair in summary_of(two_arms)["comparisons"]}
    pair = pairs["v05", "grpo_n16", "reverse_sampled"]
    # V0.5 has .88: .19 and .10 more. Half-width 12.706205 * .09 / 2.
    assert pair["rollouts"] == 2048
    assert pair["per_seed"] == pytest.approx({"0": 0.19, "1": 0.10})
    assert (pair["mean"], pair["ci95"]) == pytest.approx((0.145, 0.571779))
    assert pairs["v05", "grpo_n16", "reverse_greedy"]["mean"] == pytest.approx(0.145)


def test_equal_rollouts_are_the_fewest_of_all_pairs(two_arms, write_run):
    write_run("rloo_n4", 0, {0: 0.5, 4: 0.6, 8: 0.7})
    pairs = [pair for pair in summary_of(two_arms)["comparisons"] if pair["arm"] == "rloo_n4"]
    ours = next(p for p in pairs if (p["reference"], p["set"]) == ("grpo_n16", "reverse_sampled"))
    # At 1,024 rollouts: RLOO .69, GRPO's seed 0 at .9 of the way from .5 to .6 less half a tenth: .595.
    assert ours["rollouts"] == 1024
    assert ours["per_seed"] == pytest.approx({"0": 0.69 - 0.595})
    assert ours["ci95"] is None


def test_differences_over_the_run_and_at_equal_steps(two_arms):
    pairs = {(pair["arm"], pair["reference"], pair["set"]): pair for pair in summary_of(two_arms)["comparisons"]}
    pair = pairs["v05", "grpo_n16", "reverse_sampled"]
    # Over the run V0.5 has .7 on average, GRPO .6 and .625.
    assert pair["over_the_run"]["per_seed"] == pytest.approx({"0": 0.1, "1": 0.075})
    # GRPO ends after 4 steps with .69 and .78 over its last tenth; V0.5 is there at .5 + .2 * .95 * 4 / 8 = .595.
    assert pair["at_equal_steps"]["step"] == 4
    assert pair["at_equal_steps"]["per_seed"] == pytest.approx({"0": -0.095, "1": -0.185})


def test_what_changes_as_the_prior_learns_is_given_by_quarters(write_run, tmp_path):
    # 8 steps of 128 rollouts, two in each quarter; seed 1 has no AUC in the third
    ks = {1: 4, 2: 4, 3: 3, 4: 2, 5: 2, 6: 1, 7: 1, 8: 1}
    for seed, auc, lost in ((0, 0.7, ()), (1, 0.8, (5, 6))):
        extra = {
            step: {"v05/auto/k": k, "v05/prior/auc": float("nan") if step in lost else auc} for step, k in ks.items()
        }
        write_run("v05_auto", seed, {0: 0.4, 8: 0.6}, extra=extra)
    summary = summary_of(tmp_path)
    quarters = summary["arms"]["v05_auto"]["by_quarter"]
    assert [quarter["mean"] for quarter in quarters["v05/auto/k"]] == [4, 2.5, 1.5, 1]
    assert quarters["v05/auto/k"][0]["ci95"] == 0
    assert [quarter["mean"] for quarter in quarters["v05/prior/auc"]] == [0.75, 0.75, None, 0.75]
    table = tables.by_quarter(summary)
    assert table.rows[0][1:] == ["V0.5 auto", "4.00 ± 0.00", "2.50 ± 0.00", "1.50 ± 0.00", "1.00 ± 0.00"]
    assert table.rows[-1][-2] == "–"


def test_a_control_is_an_arm_that_is_there(two_arms):
    assert summary_of(two_arms)["control"] is None
    assert summary_of(two_arms, control="grpo_n16")["arms"]["v05"]["control"] == "grpo_n16"
    with pytest.raises(ValueError, match="no finished run of arm rloo_n4; there are grpo_n16, v05"):
        summary_of(two_arms, control="rloo_n4")


def test_the_schema_and_that_it_is_json(two_arms):
    summary = summary_of(two_arms)
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    assert {"target_accuracy", "arms", "versions", "commit"} <= set(summary)
    for arm in summary["arms"].values():
        assert {"seeds", "final_accuracy", "rollouts", "rollouts_to_target", "wall_s"} <= set(arm)
        assert {"mean", "ci95"} <= set(arm["final_accuracy"])
    assert summary["arms"]["v05"]["seeds"] == [0, 1]
    assert summary["versions"]["verl"] == "0.9.1"
    assert summary["arms"]["v05"]["wall_s"] == pytest.approx(summary["arms"]["v05"]["wall"]["mean"])


def test_one_seed_has_no_interval(write_run, tmp_path):
    write_run("grpo_n16", 0, {0: 0.5, 2: 0.6, 4: 0.7}, n=16)
    final = summary_of(tmp_path)["arms"]["grpo_n16"]["final_accuracy"]
    assert (final["mean"], final["ci95"]) == (pytest.approx(0.69), None)


def test_a_resumed_run_equals_one_that_was_not_interrupted(two_arms, write_run):
    write_run("v05_wave", 0, {0: 0.5, 8: 0.7, 10: 0.75}, exit_code=None)
    write_run("v05_wave", 0, {8: 0.7, 16: 0.9}, launch=2)
    summary = summary_of(two_arms)
    whole, resumed = (summary["arms"][arm] for arm in ("v05", "v05_wave"))
    for quantity in ("final_accuracy", "rollouts", "rollouts_to_target", "steps", "tokens"):
        assert resumed[quantity]["per_seed"]["0"] == pytest.approx(whole[quantity]["per_seed"]["0"])
    assert any("launch 2 went on from step 8: 2 steps between 9 and 10" in note for note in summary["notes"])


def test_an_unfinished_run_enters_nothing_and_is_named(two_arms, write_run):
    before = summary_of(two_arms)
    write_run("v05", 2, {0: 0.5, 8: 0.1}, exit_code=None)
    write_run("v05", 3, {0: 0.5, 8: 0.1}, exit_code=1)
    summary = summary_of(two_arms)
    assert summary["arms"]["v05"] == before["arms"]["v05"]
    assert summary["left_out"] == [{"arm": "v05", "seed": 2}, {"arm": "v05", "seed": 3}]
    notes = "\n".join(summary["notes"])
    assert "v05, seed 2 enters no figure or table: its last launch has not ended or was killed" in notes
    assert "v05, seed 3 enters no figure or table: its last launch ended with exit code 1 at step 8" in notes


def test_what_is_missing_is_named(two_arms, write_run):
    write_run("v05_wave", 0, {0: 0.5, 8: 0.7})
    notes = summary_of(two_arms, arms=["grpo_n16", "rloo_n4"], sets=["aime2024"])["notes"]
    assert "arm rloo_n4 is missing" in notes
    assert "arm v05_wave lacks seed 1" in notes
    assert "no run was validated on AIME 2024" in notes
    assert "arm v05 lacks seed 2" in summary_of(two_arms, seeds=[0, 1, 2])["notes"]


def test_without_the_target_arm_there_is_no_target(write_run, tmp_path):
    write_run("v05", 0, {0: 0.5, 8: 0.7})
    summary = summary_of(tmp_path)
    assert summary["target_accuracy"] is None and summary["target_arm"] is None
    assert summary["arms"]["v05"]["rollouts_to_target"]["mean"] is None
    assert any("no finished run of grpo_n16" in note for note in summary["notes"])


def test_the_mean_over_sets_needs_every_set(write_run, tmp_path):
    six = ("aime2024", "aime2025", "amc2023", "math500", "minerva_math", "olympiadbench")
    write_run("grpo_n16", 0, {0: 0.5, 2: 0.6}, n=16, sets=six)
    write_run("v05", 0, {0: 0.5, 2: 0.6}, sets=six[:-1])
    summary = summary_of(tmp_path)
    assert summary["accuracy_of"] == MEAN
    assert summary["arms"]["grpo_n16"]["final_accuracy"]["mean"] == pytest.approx(0.595)
    assert summary["arms"]["v05"]["final_accuracy"]["mean"] is None
    assert summary["arms"]["v05"]["final_accuracy_by_set"]["olympiadbench"]["mean"] is None
    assert "v05, seed 0 was not validated on OlympiadBench: it has no mean over the sets" in summary["notes"]


def test_labelled_and_changed_arms_are_found_too(two_arms):
    summary = summary_of(two_arms, control="grpo_n16")
    ours = summary["arms"].pop("v05")
    names = ("x/v05_auto", "v05,v05.k_max=8", "x/rloo_n4", "rloo_n4,actor_rollout_ref.rollout.n=8", "x/v05_oracle")
    summary["arms"] |= dict.fromkeys(names, ours)
    summary["comparisons"] = [pair | {"arm": "x/v05_auto"} for pair in summary["comparisons"] if pair["arm"] == "v05"]
    said = findings.sentences(summary)
    assert any("the best of 2 V0.5 arms" in sentence for sentence in said)
    small = [sentence for sentence in said if sentence.startswith("Small groups alone: ")]
    assert len(small) == 1 and ", x reaches it after 1,293 rollouts" in small[0]
    assert any(", x minus" in sentence for sentence in said)


def test_two_folders_of_one_arm_and_seed_are_an_error(two_arms, write_run, tmp_path):
    (tmp_path / "v05" / "seed_1").rename(tmp_path / "elsewhere")
    write_run("v05", 1, {0: 0.5, 8: 0.7})
    with pytest.raises(ValueError, match="are both v05, seed 1"):
        load_runs([tmp_path])


def test_runs_of_unequal_length_are_named(two_arms, write_run):
    write_run("rloo_n4", 0, {0: 0.5, 4: 0.6, 8: 0.7})
    notes = summary_of(two_arms)["notes"]
    assert any("last validation (grpo_n16 2,048; rloo_n4 1,024; v05 2,048)" in note for note in notes)


def test_an_end_without_validation_is_named(two_arms, write_run):
    folder = write_run("rloo_n4", 0, {0: 0.5, 8: 0.6, 16: 0.7})
    file = folder / "metrics" / "1.jsonl"
    *lines, last = file.read_text().splitlines()
    file.write_text("\n".join([*lines, last.replace("/acc/", "/other/")]) + "\n")
    assert any(
        "rloo_n4, seed 0 trained to step 16, but was last validated at step 8" in n
        for n in summary_of(two_arms)["notes"]
    )


def test_the_exact_auc_is_drawn_where_every_run_with_a_prior_has_it(write_run, tmp_path):
    def titles():
        figure = figures.training(Aggregator(load_runs([tmp_path])))
        return {panel.get_title() for panel in figure.axes}

    exact = {step: {"lab/prior/auc": 0.9} for step in (1, 2)}
    write_run("grpo_n16", 0, {0: 0.5, 2: 0.6}, n=16)
    write_run("v05", 0, {0: 0.5, 2: 0.6}, extra=exact)
    assert METRICS["lab/prior/auc"] in titles() and METRICS["v05/prior/auc"] not in titles()
    write_run("v05_auto", 0, {0: 0.5, 2: 0.6})
    assert METRICS["v05/prior/auc"] in titles() and METRICS["lab/prior/auc"] not in titles()

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import csv
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from v05_verl.report import labels
from v05_verl.report.__main__ import main
from v05_verl.report.aggregate import Aggregator
from v05_verl.report.panels import short_count
from v05_verl.report.runs import load_runs

PNG_START = b"\x89PNG\r\n\x1a\n"
SIX = ("aime2024", "aime2025", "amc2023", "math500", "minerva_math", "olympiadbench")


@pytest.fixture
def quickstart(write_run, tmp_path):
    for seed in (0, 1, 2):
        write_run("grpo_n16", seed, {0: 0.5, 2: 0.6, 4: 0.7}, n=16)
        write_run("rloo_n4", seed, {0: 0.5, 8: 0.65, 16: 0.75 + 0.01 * seed})
        write_run("v05", seed, {0: 0.5, 8: 0.7, 16: 0.9})
    return tmp_path


def read_csv(path):
    with path.open(newline="") as lines:
        return list(csv.DictReader(lines))


class Addresses(HTMLParser):
    """Collects what a browser would fetch."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found += [value for name, value in attrs if name in ("src", "href", "srcset", "data")]
        assert tag not in ("script", "link", "iframe", "object")


@pytest.mark.slow
def test_the_quickstarts_command_writes_everything(quickstart):
    command = [sys.executable, "-m", "v05_verl.report", str(quickstart), "--quickstart"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "| V0.5 | 3 |" in done.stdout
    summary = json.loads((quickstart / "summary.json").read_text())
    assert list(summary["arms"]) == ["grpo_n16", "rloo_n4", "v05"]
    folder = quickstart / "report"
    for name in ("quickstart", "training", "arms"):
        assert (folder / f"{name}.png").read_bytes().startswith(PNG_START)
        ElementTree.parse(folder / f"{name}.svg")
    assert (folder / "table.md").read_text().count("| GRPO n=16 |") >= 3
    means = {row["arm"]: row for row in read_csv(folder / "table.csv") if row["quantity"] == "final_accuracy"}
    assert float(means["v05"]["mean"]) == pytest.approx(0.88)
    (paired,) = [
        row
        for row in read_csv(folder / "paired.csv")
        if (row["arm"], row["reference"], row["set"], row["difference"])
        == ("v05", "rloo_n4", "reverse_sampled", "at_equal_rollouts")
    ]
    # RLOO ends at .74, .749 and .758.
    assert float(paired["mean"]) == pytest.approx(0.88 - 0.749) and paired["seeds"] == "3"
    seeds = [
        row for row in read_csv(folder / "seeds.csv") if (row["arm"], row["quantity"]) == ("v05", "final_accuracy")
    ]
    assert [(row["seed"], float(row["value"])) for row in seeds] == [(seed, pytest.approx(0.88)) for seed in "012"]


def test_the_page_fetches_nothing_and_escapes_what_it_shows(quickstart, write_run):
    write_run("v05_<b>bold</b>", 0, {0: 0.5, 8: 0.7})
    main([str(quickstart)])
    text = (quickstart / "report" / "report.html").read_text()
    addresses = Addresses()
    addresses.feed(text)
    assert addresses.found and all(address.startswith("data:image/svg+xml;base64,") for address in addresses.found)
    assert "url(" not in text and "@import" not in text
    assert "<b>" not in text and "&lt;b&gt;bold" in text


@pytest.mark.parametrize("arm", [r"$\frac", "<script>x", "=1+1", "a\x1b[31mb\nc", "ü$_{"])
def test_any_name_can_be_drawn_and_stands_nowhere_raw(write_run, tmp_path, capsys, arm):
    source = f"{arm}_sampled".replace("/", "")
    write_run("rloo_n4", 0, {0: 0.5, 4: 0.6}, sets=[source])
    write_run(arm, 0, {0: 0.5, 4: 0.7}, sets=[source])
    main([str(tmp_path), "--control", "rloo_n4", "--out", str(tmp_path / "out")])
    written = [path.read_text() for path in sorted((tmp_path / "out").rglob("*.*")) if path.suffix in (".md", ".csv")]
    assert len(written) == 4 and all(
        labels.printable(each.replace("\n", "")) == each.replace("\n", "") for each in written
    )
    assert "\x1b" not in capsys.readouterr().out
    assert "<script" not in written[-1]  # table.md
    for line in "".join(written).splitlines():
        assert not any(cell.startswith("=") for cell in line.split(","))
    ElementTree.parse(tmp_path / "out" / "report" / "arms.svg")


@pytest.mark.slow
def test_the_report_says_what_small_groups_alone_bring(quickstart, capsys):
    main([str(quickstart)])
    out = capsys.readouterr().out
    assert "Target: 69.0%, the final accuracy of GRPO n=16 (reverse, sampled)." in out
    assert re.search(r"V0\.5 reaches it after 9\d\d rollouts with its mean curve, 0\.4\d of GRPO n=16's", out)
    assert re.search(r"Small groups alone: RLOO n=4 reaches it after 1,\d\d\d rollouts", out)
    assert "(the interval excludes 0)" in out


@pytest.mark.slow
def test_the_same_runs_give_the_same_files(quickstart, tmp_path):
    main([str(quickstart), "--out", str(tmp_path / "a")])
    main([str(quickstart), "--out", str(tmp_path / "b")])
    first = sorted(path for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert len(first) == 12
    for path in first:
        assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes(), path.name


def test_a_truncated_file_is_tolerated_and_named(quickstart, capsys):
    file = quickstart / "v05" / "seed_1" / "metrics" / "1.jsonl"
    file.write_bytes(file.read_bytes()[:-100])
    main([str(quickstart)])
    assert re.search(r"v05, seed 1: .*1\.jsonl, line 17 \(the last\), is cut off and left out", capsys.readouterr().out)
    # What is left of the run ends half-way; its accuracy there is nobody's final accuracy.
    summary = json.loads((quickstart / "summary.json").read_text())
    assert summary["arms"]["v05"]["final_accuracy"]["per_seed"] == pytest.approx({"0": 0.88, "2": 0.88})
    assert summary["left_out"] == [{"arm": "v05", "seed": 1}]


def test_a_damaged_file_stops_with_a_sentence(quickstart):
    file = quickstart / "v05" / "seed_1" / "metrics" / "1.jsonl"
    file.write_text("{broken\n" + file.read_text())
    with pytest.raises(SystemExit, match=r"1\.jsonl, line 1, is not a record"):
        main([str(quickstart)])


@pytest.mark.slow
def test_the_six_benchmarks_beside_the_paper(write_run, tmp_path, capsys):
    write_run("grpo_n16", 0, {0: 0.2, 2: 0.3, 4: 0.4}, n=16, sets=SIX)
    write_run("v05", 0, {0: 0.2, 8: 0.3, 16: 0.5}, sets=SIX)
    main([str(tmp_path), "--arms", "grpo_n16", "dapo_n16", "v05"])
    out = capsys.readouterr().out
    assert "| AIME 2024 | V0.5 | 48.0 | about 35 |" in out
    assert "- arm dapo_n16 is missing" in out
    folder = tmp_path / "report"
    names = {path.name for path in folder.glob("*.png")}
    assert names == {
        "arms.png",
        "overview.png",
        "training.png",
        *(f"by_set_{a}.png" for a in ("rollouts", "step", "tokens", "seconds")),
    }
    assert "Mean of the sets" in out and "was not validated" not in out


def test_no_finished_run_leaves_a_summary_that_says_so(write_run, tmp_path, capsys):
    write_run("v05", 0, {0: 0.5, 8: 0.7}, exit_code=None)
    main([str(tmp_path)])
    assert "v05, seed 0 enters no figure or table" in capsys.readouterr().out
    assert json.loads((tmp_path / "summary.json").read_text())["arms"] == {}
    assert not (tmp_path / "report").exists()


def test_an_unknown_validation_set_or_arm_is_an_error(quickstart):
    with pytest.raises(SystemExit, match="there are reverse_sampled, reverse_greedy, mean"):
        main([str(quickstart), "--accuracy", "aime"])
    with pytest.raises(SystemExit, match="no finished run of arm grpo; there are grpo_n16, rloo_n4, v05"):
        main([str(quickstart), "--target-arm", "grpo"])


@pytest.mark.slow
def test_two_folders_of_the_same_arms_are_paired_arm_by_arm(write_run, tmp_path, capsys):
    for folder, end in (("a", 0.7), ("b", 0.6)):
        for arm in ("rloo_n4", "v05"):
            for seed in (0, 1):
                written = write_run(arm, seed, {0: 0.5, 8: 0.5, 16: end + 0.1 * seed * (folder == "a")})
                (tmp_path / folder / arm).mkdir(parents=True, exist_ok=True)
                written.rename(tmp_path / folder / arm / written.name)
    main([f"one={tmp_path / 'a'}", f"other={tmp_path / 'b'}", "--control", "other", "--out", str(tmp_path / "out")])
    out = capsys.readouterr().out
    # The last tenth takes .9 of the end: +.09 and +.18 for both arms, 12.706 * .0636 / sqrt(2) = .5718.
    assert "| V0.5, one | +13.50 ± 57.18 (2) |" in out
    # Four values of mean .135, sd .05196, t = 3.182.
    assert "| all, taken as independent | +13.50 ± 8.27 (4) |" in out
    assert "| V0.5, other | +" not in out
    with pytest.raises(SystemExit, match="report them apart, or as one=DIR other=DIR"):
        main([str(tmp_path / "a"), str(tmp_path / "b")])


@pytest.mark.slow
def test_further_references_get_a_table_of_their_own(quickstart, write_run, capsys):
    for seed in (0, 1, 2):
        write_run("grpo_n16_p8", seed, {0: 0.5, 8: 0.6, 16: 0.65}, prompts=8, n=16)
    main([str(quickstart)])
    out = capsys.readouterr().out
    assert "## Rollouts to other arms' final accuracy" in out
    summary = json.loads((quickstart / "summary.json").read_text())
    assert summary["references"] == ["grpo_n16", "grpo_n16_p8"]
    # p8 ends at .645 (.9 of the way from .6 to .65). Smoothed .5667, .7, .8333 of V0.5 reach it after 602 of 2,048.
    share = summary["arms"]["v05"]["rollouts_to_other"]["grpo_n16_p8"]["share_of_target_arm"]
    assert share["mean"] == pytest.approx((0.645 - 0.5666667) / 0.1333333 * 1024 / 2048, abs=1e-4)
    assert summary["arms"]["v05"]["control"] == "rloo_n4"


def test_of_many_arms_the_best_have_a_curve(write_run, tmp_path):
    for index in range(12):
        write_run(f"v05_extra{index}", 0, {0: 0.5, 4: 0.5 + 0.01 * index})
    write_run("rloo_n4", 0, {0: 0.5, 4: 0.3})
    aggregate = Aggregator(load_runs([tmp_path]))
    assert aggregate.drawn() == sorted(
        ["rloo_n4", *(f"v05_extra{index}" for index in range(5, 12))], key=lambda arm: (arm != "rloo_n4", arm)
    )


def test_ticks_share_the_unit_of_the_largest():
    def ticks(*values):
        return [short_count(value, max(values)) for value in values]

    assert ticks(0, 2.5, 5) == ["0", "2.5", "5"]
    assert ticks(0, 8000, 16000) == ["0", "8,000", "16,000"]
    assert ticks(50000, 200000) == ["50k", "200k"]
    assert ticks(500000, 1500000) == ["0.5M", "1.5M"]
    assert ticks(500e6, 2e9) == ["0.5B", "2B"]

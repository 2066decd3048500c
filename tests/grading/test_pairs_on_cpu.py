# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
from collections import Counter
from pathlib import Path

import pytest
from verl.utils.reward_score import math_dapo

from data_prep.registry import BENCHMARKS
from v05_verl.grading import audit, bench, samples

PAIRS = samples.read_pairs(Path(__file__).with_name("pairs.jsonl"))


def test_there_are_enough_pairs_of_both_kinds():
    judged = Counter(pair.equal for pair in PAIRS)
    assert judged[True] + judged[False] >= 300
    assert min(judged.values()) >= 150


def test_every_verdict_by_hand_is_reached():
    ours = audit.graders()["ours"]
    wrong = [(pair.answer, pair.response, pair.equal) for pair in PAIRS if ours(pair) != pair.equal]
    assert wrong == []


@pytest.mark.slow
def test_no_other_grader_is_as_good():
    results = audit.audit(PAIRS, audit.graders())
    right = {name: sum(verdicts[name] == pair.equal for pair, verdicts in results) for name in results[0][1]}
    assert right["math_reward"] < right["ours"] and right["math_dapo"] < right["ours"]
    assert right["math_verify"] < right["ours"]


def test_the_audit_table_counts_wrong_verdicts():
    padded = [pair for pair in PAIRS if pair.answer == "025" and pair.response == "Answer: 25"]
    assert not math_dapo.compute_score("Answer: 25", "025")["acc"]
    lines = audit.table(audit.audit(padded, audit.graders())).splitlines()
    assert lines[1].split() == ["ours", "1", "1", "0", "0"]
    assert lines[2].split() == ["math_dapo", "0", "1", "0", "1"]


def test_disagreements_name_the_graders():
    pair = samples.Pair("25", "Answer: 025", equal=True)
    lines = list(audit.disagreements([(pair, {"ours": True, "math_dapo": False})], ["math_dapo"]))
    assert lines == ["'25' | 'Answer: 025' | by hand =, ours =, math_dapo !="]


def test_a_dump_of_verl_can_be_audited(tmp_path, capsys):
    dump = tmp_path / "3.jsonl"
    dump.write_text('{"input": "p", "output": "Answer: 025", "gts": "25", "score": 1.0, "step": 3}\n', encoding="utf-8")
    assert audit.main([str(dump), "--against", "math_dapo"]) == 0
    printed = capsys.readouterr().out
    assert "math_dapo    agrees with ours on 0 of 1" in printed and "1 pairs with a disagreement" in printed


def test_a_line_without_a_response_is_named(tmp_path):
    (tmp_path / "x.jsonl").write_text('{"answer": "1"}\n', encoding="utf-8")
    with pytest.raises(ValueError, match="line 1: answer .* and response"):
        samples.read_pairs(tmp_path / "x.jsonl")


def test_gold_pairs_hold_each_answer_once_right_and_once_wrong(prepared, is_whole):
    rows = [pair for name in BENCHMARKS for pair in samples.read_pairs(prepared[name])]
    count = 1547 if is_whole else 10 * len(BENCHMARKS)
    assert Counter(row.equal for row in rows) == {True: count, False: count}
    assert rows[0].answer == "204" and rows[0].response.endswith("Answer: $\\boxed{204}$")


def test_the_benchmarks_responses_are_half_right(prepared):
    drawn = samples.responses([samples.golds(path) for path in prepared.values()], 700)
    right = sum(text == samples.FORM.format(gold.text) for gold, text in drawn)
    assert len(drawn) == 700 // len(prepared) * len(prepared)
    assert 320 < right < 460  # a drawn wrong answer is now and then the right one
    done, taken = bench.measure(drawn[:50], lambda gold, text: None, seconds=60.0)
    assert done == 50 and taken < 60.0

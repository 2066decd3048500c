# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pytest
from scipy.special import expit, logit

from v05_verl.value.evaluate.measures import (
    bootstrap,
    calibration,
    expected_calibration_error,
    measure,
    within_context_auc,
)
from v05_verl.value.evaluate.protocols import cross_validated, recalibrated_online, revisited
from v05_verl.value.evaluate.records import Records, read_release, read_rollout_dumps


def records(rates, steps, prompts=None, policies=None):
    n = len(rates)
    return Records(
        np.array(prompts or [f"p{i}" for i in range(n)], dtype=object),
        np.array(rates, dtype=float),
        np.full(n, 10.0),
        np.array(policies or ["m"] * n, dtype=object),
        np.array(steps),
    )


def test_measures_by_hand():
    rows = records([1.0, 0.0, 0.5, 0.2], [0, 0, 1, 1])
    p = np.array([0.8, 0.4, 0.3, 0.6])
    result = measure(p, rows)
    assert result["auc"] == 0.5  # 1 in the first context, 0 in the second
    assert result["mse"] == pytest.approx(4 * (0.04 + 0.16 + 0.04 + 0.16) / 4)
    assert result["mae"] == pytest.approx(2 * (0.2 + 0.4 + 0.2 + 0.4) / 4)


def test_context_with_one_class_is_left_out():
    rows = records([1.0, 0.0, 1.0, 1.0], [0, 0, 1, 1])
    assert within_context_auc(np.array([0.9, 0.1, 0.5, 0.6]), rows) == 1.0


def test_calibration_finds_slope_and_intercept():
    p = np.linspace(0.05, 0.95, 50)
    truth = expit(0.5 * logit(p) + 0.3)
    assert calibration(p, truth, np.full(50, 10)) == pytest.approx((0.5, 0.3), abs=1e-3)
    assert np.isnan(calibration(np.full(3, 0.5), np.array([0, 1, 1.0]), np.ones(3))[0])


def test_expected_calibration_error_by_hand():
    # Two bins: [.1, .1] against [0, .4] is off by -.1, [.95] against [.75] by .2; weights 2/3, 1/3.
    assert expected_calibration_error(np.array([0.1, 0.1, 0.95]), np.array([0, 0.4, 0.75])) == pytest.approx(0.4 / 3)


def test_bootstrap_resamples_whole_prompts():
    prompts = np.array(["a", "a", "b", "b"], dtype=object)
    sizes = []

    def statistic(index):
        sizes.append(sorted(np.bincount(index, minlength=4).tolist()))
        return {"mean": float(np.mean(index < 2))}

    low, high = bootstrap(statistic, prompts, draws=200)["mean"]
    assert (low, high) == (0.0, 1.0)
    assert {tuple(each) for each in sizes} <= {(0, 0, 2, 2), (1, 1, 1, 1)}


class Recorder:
    """Remembers what it was shown; predicts 1/2."""

    log: list = []

    def __init__(self):
        self.seen = set()

    def predict(self, prompts, step, policy="policy"):
        Recorder.log.append((set(self.seen), [(policy, step, p) for p in prompts]))
        return np.full(len(prompts), 0.5)

    def observe(self, prompts, successes, trials, step, policy="policy"):
        self.seen |= {(policy, step, p) for p in prompts}

    def state_dict(self):
        return {}

    def load_state_dict(self, state):
        pass


def test_cross_validation_never_shows_a_prompt_that_it_asks_for():
    Recorder.log = []
    rows = records([0.5] * 40, [0, 1] * 20, prompts=[f"p{i // 2}" for i in range(40)])
    cross_validated(Recorder, rows, 5, seed=0)
    asked = [query for _, queries in Recorder.log for query in queries]
    assert sorted(asked) == sorted((m, s, p) for m, s, p in zip(rows.policies, rows.steps, rows.prompts, strict=True))
    for seen, queries in Recorder.log:
        assert not {p for _, _, p in seen} & {p for _, _, p in queries}


def test_revisits_are_predicted_from_earlier_steps_and_new_prompts():
    Recorder.log = []
    rows = records([0.5] * 4, [0, 0, 1, 1], prompts=["a", "b", "a", "c"])
    asked, p = revisited(Recorder, rows)
    assert list(asked.prompts) == ["a"] and list(asked.steps) == [1] and list(p) == [0.5]
    assert Recorder.log[-1][0] == {("m", 0, "a"), ("m", 0, "b"), ("m", 1, "c")}


def test_online_repair_looks_back_only():
    rng = np.random.default_rng(0)
    rows = records(rng.uniform(size=300), [0] * 150 + [1] * 150)
    p = rng.uniform(0.3, 0.7, 300)
    repaired = recalibrated_online(p, rows)
    changed = records([*rows.rates[:200], *(1 - rows.rates[200:])], [0] * 150 + [1] * 150)
    np.testing.assert_allclose(recalibrated_online(p, changed)[:192], repaired[:192])
    np.testing.assert_allclose(repaired[:64], p[:64], atol=1e-12)


def write_lines(path, rows):
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


def test_reads_the_releases_format_and_names_what_is_wrong(tmp_path):
    texts = write_lines(tmp_path / "texts.json", [{"d_1": "one", "d_2": "two"}])
    row = {"id": 1, "score": -0.6, "model": "m", "step": 16, "dataset": "d"}
    read = read_release(write_lines(tmp_path / "rows.jsonl", [row, row | {"id": 2, "score": 1.0}]), texts)
    assert list(read.prompts) == ["one", "two"] and read.rates == pytest.approx([0.2, 1.0])
    for bad, offender in (
        (row | {"id": 3}, "line 1: the text of prompt 'd_3' is not in"),
        (row | {"score": 2}, "line 1: score = 2: input should be less than or equal to 1"),
        ({k: v for k, v in row.items() if k != "step"}, "line 1: step is missing"),
    ):
        with pytest.raises(ValueError, match=offender):
            read_release(write_lines(tmp_path / "bad.jsonl", [bad]), texts)
    (tmp_path / "bad.jsonl").write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match="line 1: not JSON"):
        read_release(tmp_path / "bad.jsonl", texts)


def test_reads_rollout_dumps_of_verl(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    scores = [("a", 1), ("a", -1), ("b", 1)]
    for step in (2, 10):
        write_lines(folder / f"{step}.jsonl", [{"input": i, "output": "", "score": s, "step": step} for i, s in scores])
    read = read_rollout_dumps(folder)
    assert list(read.prompts) == ["a", "b"] * 2 and list(read.steps) == [2, 2, 10, 10]
    assert list(read.rates) == [0.5, 1.0] * 2 and list(read.trials) == [2, 1] * 2
    assert set(read.policies) == {"run"}
    with pytest.raises(ValueError, match="nothing cannot be opened"):
        read_rollout_dumps(tmp_path / "nothing")
    with pytest.raises(ValueError, match="outside the reward range"):
        read_rollout_dumps(folder, (0.0, 1.0))

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from v05_verl.lab.study import Job
from v05_verl.lab.tuning import best_rate, beyond_edge, tune
from v05_verl.report import provenance


def finished(out, arm, rate, ends):
    """Writes finished runs, so that tuning has nothing to train."""
    for seed, end in zip((1000, 1001), ends, strict=True):
        job = Job("sort", arm, seed, rate)
        folder = out / job.path
        provenance.begin_launch(folder, arm, seed, job.command(out))
        provenance.end_launch(folder, 0)
        (folder / "metrics").mkdir()
        name = "val-core/sort_sampled/acc/mean@1"
        points = {0: 0.9, 8: end, 10: end}  # the last tenth is at the end's value
        lines = [{"step": s, "data": {name: y, "v05/spent/rollouts": s}} for s, y in points.items()]
        (folder / "metrics" / "1.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        start = out / job.start_path
        start.parent.mkdir(parents=True, exist_ok=True)
        start.touch()


def test_a_best_rate_at_the_edge_is_followed_until_a_worse_one_is_met(tmp_path):
    inside = {1e-4: (0.3, 0.3), 2e-4: (0.5, 0.4), 4e-4: (0.4, 0.4)}
    upper = {1e-4: (0.1, 0.1), 2e-4: (0.2, 0.2), 4e-4: (0.3, 0.3), 8e-4: (0.4, 0.1)}
    for arm, runs in {"v05": inside, "grpo_n16": upper}.items():
        for rate, ends in runs.items():
            finished(tmp_path, arm, rate, ends)
    jobs = [Job("sort", arm, seed, 0.0) for arm in ("v05", "grpo_n16") for seed in (1000, 1001)]
    scores = tune(jobs, [1e-4, 2e-4, 4e-4], tmp_path, 1)
    assert scores["v05"] == pytest.approx({1e-4: 0.3, 2e-4: 0.45, 4e-4: 0.4})
    assert scores["grpo_n16"] == pytest.approx({1e-4: 0.1, 2e-4: 0.2, 4e-4: 0.3, 8e-4: 0.25})
    assert best_rate(scores["v05"]) == 2e-4 and best_rate(scores["grpo_n16"]) == 4e-4


def test_of_equal_rates_the_smallest_is_best():
    assert best_rate({2e-4: 0.3, 1e-4: 0.3, 4e-4: 0.1}) == 1e-4


def test_the_next_rate_is_twice_the_largest_or_half_the_smallest():
    assert beyond_edge({1e-4: 0.1, 2e-4: 0.2}) == [4e-4]
    assert beyond_edge({1e-4: 0.2, 2e-4: 0.1}) == [5e-5]
    assert beyond_edge({1e-4: 0.1, 2e-4: 0.2, 4e-4: 0.1}) == []
    assert beyond_edge({2e-4: 0.2}) == []


def test_a_score_that_rises_without_end_is_followed_a_few_times_only(tmp_path):
    for index in range(5):
        finished(tmp_path, "v05", 1e-4 * 2**index, (0.1 * index, 0.1 * index))
    scores = tune([Job("sort", "v05", seed, 0.0) for seed in (1000, 1001)], [1e-4, 2e-4], tmp_path, 1)["v05"]
    assert len(scores) == 5 and beyond_edge(scores) == [pytest.approx(3.2e-3)]

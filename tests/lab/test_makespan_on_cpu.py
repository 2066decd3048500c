# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""The model of replicas and trainers: schedules worked out by hand, and what must hold of any schedule."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from v05_verl.lab.arms import find_arm
from v05_verl.lab.makespan import Setting, at_once, draw_lengths, main, simulated_prompts, wave_sizes
from v05_verl.lab.replicas import MODES, Batch, Cluster, Decoding, Mode, Training

SECOND = Decoding(1.0)
"""A token per slot and second, whatever runs."""


def train(batches, mode, *, replicas=1, slots=2, decoding=SECOND, train_s=0.0, reward_s=0.0, threshold=8):
    """Steps until the batches are spent; a batch is a list of prompts, each a list of waves of lengths."""
    made = [
        Batch(
            [[len(wave) for wave in prompt] for prompt in batch], [list(itertools.chain(*prompt)) for prompt in batch]
        )
        for batch in batches
    ]
    training = Training(iter(made), mode, Cluster(replicas, slots, decoding, reward_s), train_s, threshold)
    return list(itertools.islice(training.steps(), len(made) - mode.warm_up))


def test_three_rollouts_on_two_slots():
    # 5 and 3 start; 4 takes the slot that is free at 3, and ends at 7. Busy: 5 + 3 + 4 of 14 slot seconds.
    (step,) = train([[[[5, 3, 4]]]], MODES["sync"])
    assert (step.wall_s, step.busy_s, step.rollouts) == (7, 12, 3)


def test_a_wave_starts_when_the_one_before_has_ended():
    # Prompt 1: 2 and 5, then 1 from 5 to 6. Prompt 2 waits for the first slot: 3 from 2 to 5.
    (step,) = train([[[[2, 5], [1]], [[3]]]], MODES["sync"])
    assert step.wall_s == 6
    # The reward of the first wave is known half a second after its end, that of the second too.
    (step,) = train([[[[2, 5], [1]], [[3]]]], MODES["sync"], reward_s=0.5)
    assert step.wall_s == 7


def test_a_lonely_sequence_is_faster():
    # Two at 1 + 2 s per token have 2 tokens after 6 s; the longer one goes on alone, 1 + 1 s for each of 3 more.
    (step,) = train([[[[2, 5]]]], MODES["sync"], decoding=Decoding(1.0, 1.0))
    assert step.wall_s == 2 * 3 + 3 * 2
    assert step.busy_s == 2 * 6 + 6


def test_a_rollout_goes_to_the_replica_with_the_fewest_requests_and_stays():
    # 9 and, behind it, 1 go to the first replica, 1 and 4 to the second: with equal requests the first is taken.
    (step,) = train([[[[9, 1, 1, 4]]]], MODES["sync"], replicas=2, slots=1)
    assert step.wall_s == 10  # 9 + 1 on the first replica, though the second is idle from 5 on
    assert step.busy_s == 15


def test_synchronous_steps_follow_each_other():
    first, second = train([[[[5, 3]]], [[[2]]]], MODES["sync"], train_s=1.0)
    assert (first.wall_s, first.generating_s, first.waiting_s) == (7, 5, 5)
    assert (second.wall_s, second.generating_s, second.staleness) == (10, 7, 0)


def test_colocated_rollouts_wait_while_the_trainer_trains():
    # One slot. Ahead: 4. Step 1 dispatches 3 behind it, trains on 4 at time 4 and pauses 10. Step 2 trains on 3, which
    # ended at 7 of the generating time under the weights of step 1, and so is not stale; 5 is under way.
    first, second = train([[[[4]]], [[[3]]], [[[5]]]], MODES["colocate_async"], slots=1, train_s=10.0)
    assert (first.wall_s, first.generating_s) == (14, 4)
    assert (second.wall_s, second.generating_s, second.staleness) == (27, 7, 0)


def test_separate_rollouts_go_on_while_the_trainer_trains():
    # As before, but 3 ends at 7, while step 1 trains until 14 under the weights from before it: one update old.
    mode = Mode(warm_up=1, overlaps=True)
    first, second = train([[[[4]]], [[[3]]], [[[5]]]], mode, slots=1, train_s=10.0)
    assert (first.wall_s, first.waiting_s) == (14, 4)
    assert (second.wall_s, second.waiting_s, second.staleness, second.oldest) == (24, 4, 1, 1)


def test_parts_of_a_batch_are_trained_on_as_they_come():
    # Prompts of 1 and 6: the first part waits until 1 and trains until 3, the second waits until 6.
    (step,) = train([[[[1]], [[6]]]], Mode(updates=2, overlaps=True), train_s=2.0)
    assert (step.wall_s, step.waiting_s) == (8, 4)


def test_sampling_waits_for_prompts_at_the_threshold():
    # The prompt of 20 is passed over in step 1; with threshold 2, step 2 waits for it, though another is finished.
    batches = [[[[20]]], [[[1]]], [[[1]]]]
    assert train(batches, MODES["colocate_async"])[1].wall_s == 2
    assert train(batches, MODES["colocate_async"], threshold=2)[1].wall_s == 20


def test_a_prompt_without_rollouts_is_told():
    with pytest.raises(RuntimeError, match="a prompt without rollouts never ends"):
        train([[[]]], MODES["sync"])


prompts = st.lists(st.lists(st.lists(st.integers(1, 30), min_size=1, max_size=4), min_size=1, max_size=3), min_size=1)


@settings(deadline=None)
@given(prompts, st.integers(1, 3), st.integers(1, 4))
def test_no_schedule_beats_its_work_or_its_longest_chain(batch, replicas, slots):
    (step,) = train([batch], MODES["sync"], replicas=replicas, slots=slots)
    work = sum(length for prompt in batch for wave in prompt for length in wave)
    assert step.busy_s == pytest.approx(work)
    assert step.wall_s * replicas * slots >= work * (1 - 1e-12)
    longest = max(sum(max(wave) for wave in prompt) for prompt in batch)
    assert step.wall_s >= longest * (1 - 1e-12)
    # On one replica a slot is idle only while nothing waits: Graham's bound, with the longest chain.
    if replicas == 1:
        assert step.wall_s <= work / slots + longest + 1e-9


lengths = st.lists(st.integers(1, 30), min_size=2, max_size=2)


@settings(deadline=None)
@given(st.lists(st.lists(lengths, min_size=3, max_size=3), min_size=4, max_size=6), st.integers(1, 4))
def test_being_ahead_never_costs_time(batches, slots):
    """One replica, one wave each: the order of arrival is the order of dispatch, and only the waiting differs."""
    batches = [[[wave] for wave in batch] for batch in batches]
    count = len(batches) - 1
    sync = train(batches[:count], MODES["sync"], slots=slots, train_s=1.0)
    colocated = train(batches, MODES["colocate_async"], slots=slots, train_s=1.0)
    separate = train(batches, Mode(warm_up=1, overlaps=True), slots=slots, train_s=1.0)
    for step in range(count):
        assert colocated[step].wall_s <= sync[step].wall_s + 1e-9
        assert separate[step].wall_s <= colocated[step].wall_s + 1e-9


def test_waves_are_those_of_the_method():
    world = simulated_prompts(400, auc=0.8, seed=0)
    method = find_arm("v05").method
    waves = wave_sizes(method, world)
    assert (waves[:, 0] == 4).all() and waves[:, 1:].max() == 1 and waves.sum(axis=1).max() == 16
    for prompt in range(0, 400, 40):
        n, asked = 4, 1
        while method.further(world.mean(np.full(400, n))[prompt], n, asked, world.prior[prompt])[0]:
            n, asked = n + 1, asked + 1
        assert (waves[prompt].sum(), (waves[prompt] > 0).sum()) == (n, asked)
    assert wave_sizes(find_arm("v05_wave").method, world).shape == (400, 2)
    assert wave_sizes(find_arm("grpo_n16").method, world).tolist() == [[16]] * 400


def test_the_same_rollouts_at_once():
    assert sorted(at_once(np.array([[4, 1], [4, 0], [4, 12]])).ravel()) == [8, 8, 9]


def test_lengths_have_the_stated_quantiles():
    drawn = np.array(draw_lengths(np.full(50_000, 2), Setting(most=np.inf), np.random.default_rng(0)))
    assert np.median(drawn) == pytest.approx(2048, rel=0.02)
    assert np.quantile(drawn, 0.99) / np.median(drawn) == pytest.approx(10, rel=0.05)
    assert np.corrcoef(np.log(drawn.T))[0, 1] == pytest.approx(0.5, abs=0.02)


def test_the_command_prints_a_table_and_writes_each_seed(tmp_path, capsys):
    arguments = [
        "--prompts",
        "16",
        "--replicas",
        "2",
        "--slots",
        "16",
        "--seeds",
        "1",
        "--skip",
        "1",
        "--steps",
        "2",
        "--processes",
        "1",
    ]
    main([*arguments, "--out", str(tmp_path / "makespan.csv")])
    printed = capsys.readouterr().out
    assert "| separate_async | V0.5 wave | 16 |" in printed
    found = pd.read_csv(tmp_path / "makespan.csv")
    assert len(found) == 3 * 5 and (found.idle < 1).all()
    assert (found[found.rounds == 1].over_at_once == 1).all()

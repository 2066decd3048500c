# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Where rollouts are: counted by hand, and over random histories of workers, queue, trainer and kills."""

import asyncio
import random

import numpy as np
import pytest
from transfer_queue import KVBatchMeta

from v05_verl.plugin.accounting import Ledger, orphans, sessions_of, waiting_sessions
from v05_verl.plugin.batch import joined, outcomes_by_step, share_of
from v05_verl.plugin.estimator import BatchRows, Estimate
from v05_verl.plugin.metrics import of_ledger
from v05_verl.plugin.records import Counts, PromptRecord, RunningPrompt, WorkerReport
from v05_verl.plugin.worker import V05AgentLoopWorker


def prompt(status):
    return {"is_prompt": True, "status": status, "global_steps": 1}


QUEUE = {
    "a": prompt("finished"),
    "a_0_0": {},
    "a_1_0": {},
    "a_1_1": {},
    "b": prompt("running"),
    "b_0_0": {},
    "c": prompt("failure"),
    "trained_0_0": {},
    "pad1_0_0": {"is_padding": True},
}


def test_the_ledger_by_hand():
    # Asked: a 3 (one failed), b 4 (one of them back), c 2 (both failed), "trained" 1.
    ledger = Ledger()
    ledger.note_trained({"trained_0"})
    added = ledger.read(WorkerReport(Counts(asked=10, failed=3, tokens=50), {"b": 4, "new": 0}), QUEUE)
    assert (added.asked, ledger.trained, ledger.waiting, ledger.in_flight, ledger.unaccounted) == (10, 1, 2, 4, 0)
    # b is seen to have ended by the queue, not yet by its worker: counted once, as the worker has it.
    later = QUEUE | {"b": prompt("finished"), "b_1_0": {}, "b_2_0": {}, "b_3_0": {}}
    assert waiting_sessions(later, ["b"]) == {"a_0", "a_1"}
    ledger.read(WorkerReport(Counts(asked=10, failed=3), {"b": 4}), later)
    assert (ledger.waiting, ledger.in_flight, ledger.unaccounted) == (2, 4, 0)
    # a is evicted; b is trained on before its worker has struck it off.
    ledger.note_dropped({"a_0", "a_1"})
    ledger.note_trained({"b_0", "b_1", "b_2", "b_3"})
    added = ledger.read(WorkerReport(Counts(asked=11, failed=3), {"b": 4, "new": 1}), {"c": prompt("failure")})
    metrics = of_ledger(ledger, added, 2)
    assert metrics["v05/rollouts/unaccounted"] == 0 and metrics["v05/rollouts/in_flight"] == 1
    assert metrics["v05/spent/rollouts"] == 11 and metrics["v05/rollouts/step"] == 1


def test_a_report_is_of_one_moment():
    worker = object.__new__(V05AgentLoopWorker)
    worker._counts, worker._running = Counts(asked=4), {}
    worker._scheduler_error = worker._rollout_error = None
    report = asyncio.run(worker.report())
    worker._counts.asked += 7  # Ray pickles the report after this
    assert report.counts.asked == 4


def test_a_record_comes_back_from_its_tag():
    record = PromptRecord(
        uid="a", text="1 + 1?", asked_at=3, prior_error="late", generation=-1, wave_sizes=[4, 2], failed=6
    )
    assert PromptRecord.of_tag("a", "1 + 1?", record.tag()) == record


def test_a_lost_rollout_and_one_counted_twice_are_seen():
    ledger = Ledger()
    ledger.read(WorkerReport(Counts(asked=10, failed=3), {"b": 4}), {})
    assert ledger.unaccounted == 3
    ledger.note_trained({f"a_{i}" for i in range(4)})
    ledger.read(WorkerReport(Counts(asked=10, failed=3), {"b": 4}), {})
    assert ledger.unaccounted == -1


def test_what_died_with_its_process_is_dropped():
    ledger = Ledger()
    ledger.note_trained({"trained_0"})
    ledger.read(WorkerReport(Counts(asked=10, failed=3, tokens=50), {"b": 4}), QUEUE)
    resumed = Ledger()
    resumed.load_state_dict(ledger.state_dict(), QUEUE)
    assert (resumed.waiting, resumed.in_flight, resumed.dropped, resumed.unaccounted) == (2, 0, 4, 0)
    added = resumed.read(WorkerReport(Counts(asked=4, tokens=9), {"b": 4}), QUEUE)
    assert added == Counts(asked=4, tokens=9) and resumed.counts.asked == 14 and resumed.unaccounted == 0


def test_what_ended_between_the_counts_and_the_saved_queue_was_asked():
    state = Ledger(counts=Counts(asked=1)).state_dict()
    resumed = Ledger()
    resumed.load_state_dict(state, QUEUE)
    assert (resumed.counts.asked, resumed.waiting, resumed.dropped, resumed.unaccounted) == (2, 2, 0, 0)
    assert resumed.read(WorkerReport(Counts(asked=4), {"b": 4}), QUEUE).asked == 4 and resumed.unaccounted == 0


def test_rows_that_were_trained_before_a_save_are_found():
    assert orphans(QUEUE) == ["trained_0_0", "pad1_0_0"]
    batch = KVBatchMeta(
        partition_id="train", keys=["a_0_0", "a_1_0", "a_1_1", "pad1_0_0"], tags=[{}, {}, {}, QUEUE["pad1_0_0"]]
    )
    assert sessions_of(batch) == {"a_0", "a_1"}


@pytest.mark.parametrize("seed", range(20))
def test_the_books_balance_over_random_histories(seed):
    """Prompts begin, ask, lose and end rollouts; groups are trained on and evicted; now and then the process dies."""
    rng = random.Random(seed)
    ledger, queue, running, counts, names = Ledger(), {}, {}, Counts(), 0
    for _ in range(300):
        event = rng.choice(["dispatch", "ask", "ask", "end", "end", "train", "evict", "read", "read", "kill"])
        ended = [uid for uid, tag in queue.items() if tag.get("status") == "finished"]
        if event == "dispatch":
            names += 1
            queue[f"u{names}"], running[f"u{names}"] = prompt("running"), []
        elif event == "ask" and running:
            uid = rng.choice(list(running))
            for _ in range(rng.randint(1, 4)):
                counts.asked += 1
                failed = rng.random() < 0.2
                counts.failed += failed
                if not failed:
                    running[uid].append(f"{uid}_{counts.asked}_0")
                    queue[running[uid][-1]] = {}
        elif event == "end" and running:
            uid = rng.choice(list(running))
            queue[uid] = prompt("finished" if running.pop(uid) else "failure")
        elif event in ("train", "evict") and ended:
            uid = rng.choice(ended)
            rows = [key for key in queue if key.startswith(f"{uid}_")]
            sessions = {key.rsplit("_", 1)[0] for key in rows}
            (ledger.note_trained if event == "train" else ledger.note_dropped)(sessions)
            for key in [uid, *rows]:
                del queue[key]
        elif event == "kill" and rng.random() < 0.3:
            ledger.read(WorkerReport(counts, {uid: len(rows) for uid, rows in running.items()}), queue)
            state, ledger, counts = ledger.state_dict(), Ledger(), Counts()
            ledger.load_state_dict(state, queue)
            for key in [row for rows in running.values() for row in rows]:
                del queue[key]
            running = {uid: [] for uid in running}
        elif event == "read":
            ledger.read(WorkerReport(counts + Counts(), {uid: len(rows) for uid, rows in running.items()}), queue)
            assert ledger.unaccounted == 0
    assert ledger.counts.asked > 0


def test_a_record_travels_as_a_tag_on_the_first_row():
    running = RunningPrompt(PromptRecord(uid="u", text="text", asked_at=3, prior=0.25, wave_sizes=[2, 1], failed=1))
    running.note(2, ["u_2_0"], 1.0, {"acc": True})
    running.note(1, ["u_1_0", "u_1_1"], None, {"acc": 0.0, "score": 1.0, "pred": "7"})
    keys, tags = running.row_tags()
    assert keys == ["u_1_0"] and running.rewards == {2: 1.0}
    record = PromptRecord.of_tag("u", "text", {"status": "success", **tags[0]})
    assert record == running.record and (record.asked, record.waves) == (3, 2)
    assert record.reward_info == {"acc": (1.0, 2)} and "text" not in tags[0]["v05"]
    assert RunningPrompt(PromptRecord(uid="v", text="text")).row_tags() == ([], [])


def batch_rows(texts, group, step, **more):
    n, group = len(group), np.array(group)
    defaults = {
        "method": None,
        "reward_range": (-1.0, 1.0),
        "texts": texts,
        "is_real": group >= 0,
        "is_final": np.ones(n, bool),
        "session": np.arange(n),
        "group": group,
        "wave": np.zeros(n, int),
        "prior": np.zeros(n),
        "step": np.array(step),
    }
    return BatchRows(**(defaults | more))


def test_outcomes_belong_to_the_policy_that_ended_them():
    rows = batch_rows(["a", "b"], [0, 1, 0, 0, -1, 1], [5, 5, 6, 6, 9, 5])
    estimate = Estimate(np.array([1.0, -1.0, 1.0, -1.0, 0.0, 1.0]), np.zeros(6), np.ones(6))
    old, new = outcomes_by_step(rows, estimate)
    assert (old[0], old[1], old[2].tolist(), old[3].tolist()) == (5, ["a", "b"], [1.0, 1.0], [1, 2])
    assert (new[0], new[1], new[2].tolist(), new[3].tolist()) == (6, ["a"], [1.0], [2])


def test_the_updates_of_a_step_become_one_batch():
    first = batch_rows(["a", "b"], [0, 1, -1], [1, 1, 1], session=np.array([0, 1, 2]))
    second = batch_rows(["c"], [0, 0], [2, 2], session=np.array([0, 0]))
    parts = [
        (first, Estimate(np.arange(3.0), np.zeros(3), np.ones(3)), ["A", "B"]),
        (second, Estimate(np.ones(2), np.ones(2), np.ones(2)), ["C"]),
    ]
    rows, estimate, records = joined(parts)
    assert rows.group.tolist() == [0, 1, -1, 2, 2] and rows.session.tolist() == [0, 1, 2, 3, 3]
    assert rows.texts == ["a", "b", "c"] and records == ["A", "B", "C"] and rows.step.tolist() == [1, 1, 1, 2, 2]
    assert estimate.rewards.tolist() == [0, 1, 2, 1, 1]
    assert joined(parts[:1]) is parts[0]


def test_the_updates_of_a_step_share_its_prompts():
    assert [share_of(18, 4, i) for i in range(4)] == [4, 5, 4, 5]
    assert [share_of(64, 4, i) for i in range(4)] == [16] * 4
    assert all(sum(share_of(n, 3, i) for i in range(3)) == n for n in range(30))

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""The state beside verl's checkpoints: it comes back as it was, or the launch stops with a sentence."""

import logging
import pickle

import numpy as np
import pytest

from v05_verl import state_file
from v05_verl.plugin.accounting import Ledger
from v05_verl.plugin.records import Counts
from v05_verl.plugin.run_state import PICKLE, STATE_FILE, RunState, drop_old_weights, unsaved
from v05_verl.plugin.under_way import UnderWay
from v05_verl.prior_record import PriorRecord

from ..mutations import Harmful, mutated, same

TEXTS = ["easy", "hard", "new"]


def run_of(client):
    return RunState("tracker", client, PriorRecord(), under_way=UnderWay(16))


@pytest.fixture
def used(tracker):
    """A run that has learned something in every part."""
    run = run_of(tracker())
    run.value_model.tell(["easy", "hard"], np.array([4.0, 0.0]), np.array([4.0, 4.0]), 1)
    run.prior_record.add([-1.0, 0.5, 1.0], [4, 4, 1], [-0.5, 0.25, 0.9], [0.0, 0.9, np.nan])
    run.visits.count(TEXTS)
    run.ledger.counts = Counts(asked=9, failed=2, tokens=70, prompts=3, failed_prompts=1)
    run.ledger.note_trained({f"uid_{i}" for i in range(7)})
    run.rollouts_of_step = 5
    run.under_way.add(4, 16)
    run.under_way.add(10, 13)
    return run


def priors(client, step=2):
    return client.wait(client.ask(TEXTS, TEXTS, step))


def test_all_parts_come_back(used, tracker, tmp_path, capsys):
    used.save(tmp_path)
    again = run_of(tracker())
    again.load(tmp_path, {})
    saved = state_file.digest(state_file.load(tmp_path / STATE_FILE)["value_model"]["state"])
    assert again.value_model.digest() == saved != tracker().digest()
    said = capsys.readouterr().out
    assert "after 9 rollouts, 7 of them trained on" in said and f"tracker has the SHA-256 {saved[:16]}" in said
    np.testing.assert_array_equal(priors(again.value_model), priors(used.value_model))
    again.save(tmp_path / "..")
    assert same(state_file.load(tmp_path / ".." / STATE_FILE), state_file.load(tmp_path / STATE_FILE))
    assert again.visits.count(TEXTS).tolist() == [2, 2, 2] and again.ledger.state_dict() == used.ledger.state_dict()


def test_another_value_model_starts_new_and_says_so(used, tracker, tmp_path, caplog):
    used.save(tmp_path)
    other = RunState("constant", tracker(name="constant"), None)
    with caplog.at_level(logging.WARNING):
        other.load(tmp_path, {})
    assert "the checkpoint's value model is tracker and this run's is constant, which starts new" in caplog.text
    assert other.ledger.state_dict() == used.ledger.state_dict() and priors(other.value_model).tolist() == [0.5] * 3


def test_outcomes_that_wait_are_told_again(used, tracker, tmp_path):
    used.save(tmp_path)
    parts, again = state_file.load(tmp_path / STATE_FILE), run_of(tracker())
    outcomes = {"prompts": ["new"], "successes": np.array([4.0]), "trials": np.array([4.0]), "step": 1}
    parts["value_model"]["told"].append(outcomes)
    state_file.save(tmp_path / STATE_FILE, parts)
    again.load(tmp_path, {})
    assert priors(again.value_model)[2] > priors(used.value_model)[2]


def test_a_part_with_something_changed_is_taken_over_as_it_is_or_refused(used, tracker, tmp_path):
    used.save(tmp_path)
    parts, client = state_file.load(tmp_path / STATE_FILE), tracker()
    refused, untouched = 0, ("visits", "prior_record", "rollouts_of_step")
    for seed in range(300):
        changed = mutated(parts, seed)
        if changed.get("prior_record", {}) is None:
            continue  # a run that learned no priors
        try:
            state_file.save(tmp_path / STATE_FILE, changed)
        except ValueError:
            continue  # such as an array of texts
        again = run_of(client)
        try:
            again.load(tmp_path, {})
        except ValueError as error:
            assert f"v05: {tmp_path / STATE_FILE} cannot be used (" in str(error), seed
            assert "Resume from another checkpoint" in str(error), seed
            refused += 1
            continue
        again.save(tmp_path)
        saved = state_file.load(tmp_path / STATE_FILE)
        assert same({name: saved[name] for name in untouched}, {name: changed[name] for name in untouched}), seed
        assert again.ledger.unaccounted == 0
        p = priors(client)
        assert np.all((p > 0) & (p < 1)), seed
    assert refused >= 150


@pytest.mark.parametrize("share", [0, 0.3, 0.9])
def test_a_truncated_file_is_a_sentence(used, tmp_path, share):
    used.save(tmp_path)
    path = tmp_path / STATE_FILE
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(ValueError, match=f"v05: {path} is .*amaged.*Resume from another checkpoint"):
        used.load(tmp_path, {})


@pytest.mark.parametrize("name", [PICKLE, STATE_FILE])
def test_a_file_with_code_in_it_is_not_run(used, tmp_path, name):
    content = pickle.dumps(Harmful(tmp_path / "made"))
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match="of an earlier v05_verl, which kept its state in v05.pt|no state file"):
        used.load(tmp_path, {})
    assert not (tmp_path / "made").exists()
    pickle.loads(content)
    assert (tmp_path / "made").exists()


def test_a_missing_file_is_a_sentence(used, tmp_path):
    with pytest.raises(ValueError, match="has no v05.safetensors: another method saved it, or the file is lost"):
        used.load(tmp_path, {})


def test_a_ledger_that_cannot_be_is_refused():
    state = Ledger(trained=3, counts=Counts(asked=5, failed=1)).state_dict()
    for changed in ({"trained": -1}, {"trained": 5}, {"dropped": 2}, {"asked": 4.5}, {"asked": True}, {"other": 1}):
        with pytest.raises(ValueError, match="state: "):
            Ledger().load_state_dict(state | changed, {})


def test_weights_of_earlier_launches_are_dropped_too(tmp_path):
    for step in (2, 4, 6, 10, 12):
        (tmp_path / f"global_step_{step}" / "actor").mkdir(parents=True)
        (tmp_path / f"global_step_{step}" / "data.pt").touch()
    drop_old_weights(tmp_path, step=10, keep=2)  # 12 is of a run that this one was started before
    assert sorted(path.parent.name for path in tmp_path.glob("*/actor")) == [f"global_step_{i}" for i in (10, 12, 6)]
    assert len([*tmp_path.glob("*/data.pt")]) == 5


def test_a_checkpoint_that_could_not_be_saved_names_place_and_remedy(tmp_path):
    said = unsaved(tmp_path, 4, OSError(28, "No space left on device"))
    assert (
        f"step 4 could not be saved in {tmp_path}" in said
        and "No space left" in said
        and "complete one is none" in said
    )
    (tmp_path / "latest_checkpointed_iteration.txt").write_text("3")
    assert "The last complete one is that of step 3" in unsaved(tmp_path, 4, RuntimeError("unexpected pos 196160"))
    assert "MB are free: PermissionError: no" in unsaved(tmp_path / "not" / "there", 4, PermissionError("no"))

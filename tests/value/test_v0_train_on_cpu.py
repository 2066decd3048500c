# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pytest
import torch

from v05_verl.value.evaluate.records import Records
from v05_verl.value.v0 import V0
from v05_verl.value.v0.train.__main__ import main
from v05_verl.value.v0.train.episodes import composite_loss, episodes, split_by_prompt, validation_episodes


def test_composite_loss_by_hand():
    p, rates = torch.tensor([0.8, 0.5]), torch.tensor([0.75, 0.25])
    entropy = -(0.75 * np.log(0.8) + 0.25 * np.log(0.2) + np.log(0.5)) / 2
    ranking = np.log(1 + 1 / 4)  # score difference log 4 - 0
    assert composite_loss(p, rates).item() == pytest.approx(0.25 * ranking + 0.75 * entropy, rel=1e-5)
    assert composite_loss(p, rates, rank_weight=0.0).item() == pytest.approx(entropy, rel=1e-5)
    assert composite_loss(p[:1], rates[:1]).item() == pytest.approx(-0.75 * (0.75 * np.log(0.8) + 0.25 * np.log(0.2)))


def records(n=60):
    return Records(
        np.array([f"p{i // 2}" for i in range(n)], dtype=object),
        np.full(n, 0.5),
        np.full(n, 10.0),
        np.array(["m"] * n, dtype=object),
        np.arange(n) % 2,
    )


def test_episodes_ask_every_row_once_and_never_show_its_prompt_or_another_context():
    rows = records()
    drawn = list(episodes(rows, np.arange(60), support=10, queries=8, rng=np.random.default_rng(0)))
    assert sorted(np.concatenate([e.queries for e in drawn])) == list(range(60))
    for episode in drawn:
        assert len(episode.support) == 10
        assert not set(rows.prompts[episode.support]) & set(rows.prompts[episode.queries])
        assert len(set(rows.steps[np.concatenate(episode)])) == 1


def test_split_keeps_prompts_apart_and_validation_uses_training_rows():
    rows = records()
    training, validation = split_by_prompt(rows, 0.2, seed=0)
    assert len(validation) == 12 and not set(rows.prompts[training]) & set(rows.prompts[validation])
    for episode in validation_episodes(rows, training, validation, support=5, seed=0):
        assert set(episode.support) <= set(training) and len(episode.support) == 5


@pytest.fixture
def data(tmp_path):
    """Problems whose difficulty is their operator; two steps."""
    rng = np.random.default_rng(0)
    texts = {
        f"d_{i}": f"Compute {rng.integers(99)} {'+' if i % 2 else 'choose'} {rng.integers(99)}." for i in range(80)
    }
    rows = [
        {"id": i, "score": 0.8 if i % 2 else -0.8, "model": "m", "step": step, "dataset": "d"}
        for i in range(80)
        for step in (1, 2)
    ]
    (tmp_path / "texts.json").write_text(json.dumps(texts), encoding="utf-8")
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return tmp_path


def arguments(data, *more):
    fixed = ["--data", data / "rows.jsonl", "--prompts", data / "texts.json", "--out", data / "out"]
    sizes = ["--encoder", "surface", "--support", 32, "--queries", 16, "--validation-share", 0.25, "--lr", 0.002]
    return [str(each) for each in (*fixed, *sizes, *more)]


def test_trains_writes_a_loadable_checkpoint_and_resumes(data):
    best = main(arguments(data, "--epochs", 2))
    assert best["auc"] > 0.9
    lines = (data / "out" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [0, 1]
    assert list((data / "out" / "tensorboard").iterdir())
    main(arguments(data, "--epochs", 3))  # goes on after the second epoch
    lines = (data / "out" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [0, 1, 2]

    whole = (data / "out" / "last.pt").read_bytes()
    (data / "out" / "last.pt").write_bytes(whole[:-100])
    with pytest.raises(ValueError, match="last.pt is not a file of torch"):
        main(arguments(data, "--epochs", 4))
    torch.save({"model": {}}, data / "out" / "last.pt")
    with pytest.raises(ValueError, match="last.pt is of another training .*start anew with --restart"):
        main(arguments(data, "--epochs", 4))

    model = V0(checkpoint=str(data / "out" / "best.pt"), encoder="surface")
    easy, hard = [f"Compute {i} + 7." for i in range(20)], [f"Compute {i} choose 7." for i in range(20)]
    model.observe(easy + hard, [9] * 20 + [1] * 20, [10] * 40, 3)
    p = model.predict(["Compute 55 + 3.", "Compute 55 choose 3."], 3)
    assert p[0] > 0.6 and p[1] < 0.4


def test_the_head_alone_is_trained_without_adapter(data):
    main(arguments(data, "--epochs", 1, "--no-adapter", "--rank-weight", 0))
    content = torch.load(data / "out" / "best.pt", weights_only=True)["model_state_dict"]
    assert set(content) == {"head.log_sd", "head.log_scale", "head.log_noise"}
    assert content["head.log_sd"].shape == (2,)
    V0(checkpoint=str(data / "out" / "best.pt"), encoder="surface").predict(["a"], 0)


def test_data_by_which_no_epoch_could_be_chosen_is_refused_before_anything_is_trained(data):
    rows = (data / "rows.jsonl").read_text(encoding="utf-8")
    for few in (["--validation-share", 0], []):
        with pytest.raises(SystemExit, match="no epoch could be told to be the best"):
            main(arguments(data, "--epochs", 1, *few))
        assert not (data / "out").exists()
        (data / "rows.jsonl").write_text(rows.replace("-0.8", "0.4"), encoding="utf-8")


def test_wrong_flags_are_explained(tmp_path):
    with pytest.raises(SystemExit, match="--data and --prompts"):
        main(["--out", str(tmp_path)])
    with pytest.raises(SystemExit, match="--data needs --prompts"):
        main(["--out", str(tmp_path), "--data", "rows.jsonl"])


def test_an_encoder_that_cannot_be_loaded_is_a_sentence(data):
    with pytest.raises(SystemExit, match=r"v05_verl.value.v0.train: encoder '\S+nowhere' could not be loaded"):
        main(arguments(data, "--encoder", str(data / "nowhere")))

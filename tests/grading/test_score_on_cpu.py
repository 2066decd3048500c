# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import subprocess
import sys

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast
from verl import DataProto
from verl.trainer.ppo.metric_utils import process_validation_metrics
from verl.trainer.ppo.reward import load_reward_manager

from v05_verl.grading import compute_score, score
from v05_verl.grading.overlong import overlong_penalty

KEYS = {
    "score": float,
    "acc": float,
    "pred": str,
    "grader_path": str,
    "grader_timeout": float,
    "grader_error": float,
    "grader_no_answer": float,
    "grader_math_verify": float,
    "overlong_penalty": float,
}
NEEDS_MATH_VERIFY = r"\int_0^{34} 1 \, dx"


@pytest.mark.parametrize("response", ["Answer: 34", "Answer: 35", "no answer", "", r"Answer: " + NEEDS_MATH_VERIFY])
def test_every_row_has_the_same_keys_and_types(response):
    result = compute_score("dapo_math_17k", response, "34")
    assert {key: type(value) for key, value in result.items()} == KEYS


def test_rewards_are_the_ends_of_the_range():
    assert compute_score("x", "Answer: 34", "34")["score"] == 1.0
    assert compute_score("x", "Answer: 35", "34")["score"] == -1.0
    right = compute_score("x", "Answer: 34", "34", reward_range=OmegaConf.create([0, 1]))
    wrong = compute_score("x", "Answer: 35", "34", reward_range=OmegaConf.create([0, 1]))
    assert (right["score"], right["acc"], wrong["score"], wrong["acc"]) == (1.0, 1.0, 0.0, 0.0)


def test_the_path_is_told():
    paths = {
        "Answer: 34": "string",
        "Answer: 68/2": "number",
        r"Answer: \sqrt{1156}": "expression",
        "Answer: (34, 35)": "structure",
        "no idea": "no_answer",
        "Answer: " + "3" * 3000: "too_long",
    }
    assert {response: compute_score("x", response, "34")["grader_path"] for response in paths} == paths
    assert compute_score("x", "Answer: odd", r"\text{even}")["grader_path"] == "words"


def test_what_cannot_be_read_goes_to_math_verify():
    result = compute_score("x", "Answer: " + NEEDS_MATH_VERIFY, "34")
    assert (result["grader_path"], result["grader_math_verify"], result["acc"]) == ("math_verify", 1.0, 1.0)
    off = compute_score("x", "Answer: " + NEEDS_MATH_VERIFY, "34", math_verify="off")
    assert (off["grader_path"], off["grader_error"], off["acc"]) == ("undecided", 0.0, 0.0)


def test_a_timeout_is_counted():
    hangs = r"Answer: \int_0^{1000} \frac{\sin(x^{x})}{x^3+\log(1+x)} dx"
    result = compute_score("x", hangs, "34", workers=1, deadline=1.5)
    assert (result["grader_path"], result["grader_timeout"], result["acc"]) == ("timeout", 1.0, 0.0)


WITHOUT = r"""
import importlib.util, logging, sys
find_spec = importlib.util.find_spec
sys.modules["math_verify"] = None
importlib.util.find_spec = lambda name, *rest: None if name == "math_verify" else find_spec(name, *rest)
logging.basicConfig(format="%(message)s", stream=sys.stdout)
from v05_verl.grading import compute_score
assert compute_score("x", "Answer: 68/2", "34")["acc"] == 1.0
for _ in range(2):
    result = compute_score("x", r"Answer: \int_0^{34} 1 dx", "34")
print(result["grader_path"], result["grader_error"])
try:
    compute_score("x", "Answer: 34", "34", math_verify="require")
except ImportError as error:
    print("raised", error)
assert not {"verl", "torch", "sympy"} & set(sys.modules), "importing the grader must stay cheap"
"""


def test_without_math_verify_the_grader_says_so_once_and_counts():
    """In a process in which math-verify cannot be found."""
    run = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    told, counted, raised = run.stdout.strip().splitlines()
    assert "math-verify is not installed" in told and "pip install 'v05_verl[math]'" in told
    assert counted == "unavailable 1.0"
    assert raised.startswith("raised math-verify is not installed")


def test_settings_and_rows_that_make_no_sense_raise():
    with pytest.raises(ValueError, match="lo < hi"):
        compute_score("x", "Answer: 1", "1", reward_range=(1, 0))
    with pytest.raises(ValueError, match="every row needs an answer"):
        compute_score("aime2024", "Answer: 1", " ")
    with pytest.raises(ValueError, match="math_verify must be"):
        compute_score("x", "Answer: 1", "1", math_verify="maybe")
    with pytest.raises(TypeError, match="reward_rnge"):
        compute_score("x", "Answer: 1", "1", reward_rnge=(0, 1))


@pytest.mark.parametrize(
    ("length", "penalty"), [(0, 0.0), (16384, 0.0), (16385, -1 / 4096), (18432, -0.5), (20480, -1.0), (24576, -2.0)]
)
def test_dapos_overlong_penalty(length, penalty):
    """max_resp_len 20480 and a buffer of 4096 tokens, as in the paper; the last row is past the limit."""
    assert overlong_penalty(length, 20480, 4096) == pytest.approx(penalty)
    assert overlong_penalty(length, 20480, 4096, penalty_factor=0.5) == pytest.approx(penalty / 2)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    """One token per byte, saved as a model folder would hold it."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = Tokenizer(models.BPE({character: i for i, character in enumerate([*alphabet, "<pad>"])}, []))
    backend.pre_tokenizer, backend.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    folder = tmp_path_factory.mktemp("tokenizer")
    PreTrainedTokenizerFast(tokenizer_object=backend, pad_token="<pad>").save_pretrained(folder)
    return folder


def test_the_overlong_penalty_counts_tokens(tokenizer):
    settings = {"max_length": 20, "buffer_length": 10, "penalty_factor": 1.0, "tokenizer": str(tokenizer)}
    result = compute_score("x", "so Answer: 34..", "34", overlong=settings)  # 15 bytes
    assert (result["acc"], result["overlong_penalty"], result["score"]) == (1.0, -0.5, 0.5)
    with pytest.raises(ValueError, match="buffer_length"):
        compute_score("x", "Answer: 34", "34", overlong={**settings, "buffer_length": 0})


@pytest.mark.parametrize("manager", ["naive", "dapo"])
def test_verl_loads_and_calls_it(manager, tokenizer):
    """Through verl's own reward managers, from the configuration that the recipes use."""
    config = OmegaConf.create(
        {
            "reward": {
                "custom_reward_function": {
                    "path": "pkg://v05_verl.grading",
                    "name": "compute_score",
                    "reward_kwargs": {"reward_range": [0, 1], "deadline": 4.0},
                },
                "reward_manager": {"source": "register", "name": manager},
            }
        }
    )
    loaded = PreTrainedTokenizerFast.from_pretrained(tokenizer)
    reward_manager = load_reward_manager(config, loaded)
    for text, acc in (("Answer: $\\boxed{025}$", 1.0), ("Answer: 26", 0.0)):
        result = reward_manager.loop.run_until_complete(reward_manager.run_single(one_row(loaded, text)))
        assert result["reward_score"] == acc
        assert result["reward_extra_info"]["acc"] == acc
        assert set(result["reward_extra_info"]) == set(KEYS)


def one_row(tokenizer, response: str) -> DataProto:
    ids = torch.tensor([tokenizer.encode(response)])
    fields = {"responses": ids, "attention_mask": torch.ones(1, 2 + ids.shape[1], dtype=torch.long)}
    row = {"data_source": "aime2024", "reward_model": {"ground_truth": "25"}, "extra_info": {"index": 0}}
    return DataProto.from_dict(fields, {key: np.array([value], dtype=object) for key, value in row.items()})


def test_verls_validation_metrics_take_the_rows():
    """val-core/<source>/acc/mean@n, and the grader's counts beside it."""
    rows = [compute_score("aime2024", f"Answer: {answer}", "25") for answer in ("25", "26", "025", "x")]
    infos = {key: [row[key] for row in rows] for key in KEYS}
    metrics = process_validation_metrics(["aime2024"] * 4, ["one", "one", "two", "two"], infos)["aime2024"]
    assert metrics["acc"]["mean@2"] == 0.5 and metrics["score"]["mean@2"] == 0.0
    assert {"grader_timeout", "grader_error", "grader_no_answer", "grader_math_verify"} <= set(metrics)
    assert not {"grader_path", "pred"} & set(metrics)


def test_an_error_of_ours_is_counted_and_told_once(monkeypatch, caplog):
    def fails(*_):
        raise RuntimeError("a defect")

    monkeypatch.setattr(score, "compare", fails)
    monkeypatch.setattr(score, "_warned", set())
    results = [compute_score("x", "Answer: 34", "34") for _ in range(3)]
    assert [result["grader_error"] for result in results] == [1.0] * 3
    assert results[0]["acc"] == 0.0 and caplog.text.count("counts as wrong") == 1

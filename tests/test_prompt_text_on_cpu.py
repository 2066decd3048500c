# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""One text per prompt, on every way to a value model."""

import json

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf
from transformers import PreTrainedTokenizerFast
from verl.trainer.ppo.v1.trainer_base import PPOTrainer
from verl.utils.dataset.rl_dataset import RLHFDataset

from data_prep import prepare, value_context
from v05_verl.lab.tokenizer import build_tokenizer
from v05_verl.prompt_text import BOXED, DAPO, TEMPLATES, decoded_problem_text, problem_text, strip_template, user_text
from v05_verl.rollout_dumps import PromptIndex, read_rollouts, read_rows
from v05_verl.value.evaluate.records import read_release

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def user(content):
    return {"role": "user", "content": content}


def test_the_rows_own_problem_comes_first():
    messages = [user(DAPO.apply("as templated"))]
    assert problem_text(messages, {"problem": " as the row has it\n"}) == "as the row has it"
    for info in (None, {}, {"problem": None}, {"problem": " "}, {"problem": 7}, "no mapping"):
        assert problem_text(messages, info) == "as templated"


def test_the_users_messages_are_joined_and_others_left_out():
    others = [{"role": "system", "content": "s"}, {"role": "assistant", "content": "x"}]
    chat = [others[0], user(BOXED.apply("a ")), others[1], user("b")]
    assert problem_text(chat) == "a\n\nb"
    assert user_text(chat) == f"{BOXED.apply('a ')}\n\nb"
    assert problem_text(others[:1]) == "s"
    assert problem_text(DAPO.apply("a text\n")) == "a text"
    assert problem_text([]) == ""


def test_of_multimodal_messages_the_text_is_read():
    parts = [{"type": "image"}, {"type": "text", "text": "What is this?"}, {"type": "text", "text": "Say it."}]
    assert problem_text([user(parts)]) == "What is this?\nSay it."


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES)
@given(problem=st.text(max_size=80))
def test_a_template_is_taken_off_exactly(template, problem):
    assert strip_template(template.apply(problem)) == problem or problem.startswith(DAPO.prefix)


@pytest.mark.parametrize(
    "prompt",
    [
        "What is 1+1?",
        DAPO.prefix + "What is 1+1?",  # no suffix
        "What is 1+1?" + DAPO.suffix,  # no prefix
        DAPO.apply("x").replace("step by step", "carefully"),
        " " + DAPO.apply("x"),
    ],
)
def test_what_only_resembles_a_template_stays(prompt):
    assert strip_template(prompt) == prompt


def test_a_template_is_not_applied_twice():
    assert BOXED.apply(strip_template(DAPO.apply("What?"))) == BOXED.apply("What?")


@given(problem=st.text(max_size=80))
def test_any_problem_is_the_same_with_and_without_its_template(problem):
    for template in TEMPLATES.values():
        assert problem_text([user(template.apply(problem))]) == problem.strip() or problem.startswith(DAPO.prefix)


@pytest.mark.parametrize(
    "frame",
    [
        "{}",
        "user\n{}\nassistant\n",
        "system\nYou help.\nuser\n{}\nassistant\n<think>\n\n</think>\n\n",
        "system\n\nToday Date: 26 Jul 2024\n\nuser\n\n{}assistant\n\n",
        "user\n{}\nmodel\n",
        "<｜User｜>{}<｜Assistant｜><think>\n",
        "[INST] {} [/INST]",
    ],
)
@pytest.mark.parametrize("template", [*TEMPLATES.values(), None])
def test_chat_markers_of_usual_models_are_taken_off(frame, template):
    problem = "Who is the user\nof $x$?\n\nName one assistant\nof his."
    prompt = template.apply(problem) if template else problem
    assert decoded_problem_text(frame.format(prompt)) == problem


def test_of_unknown_chat_markers_a_known_template_still_tells_the_problem():
    assert decoded_problem_text(f"Human: {DAPO.apply('What?')} Robot:") == "What?"


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_row_has_one_text_while_training_in_files_and_in_evaluation(raw, tmp_path, template):
    """verl's own loader and dump, and the files of both commands."""
    arguments = ["--raw", str(raw), "--sets", "dapo_math_17k", "--first", "14", "--template", template]
    assert prepare.main([*arguments, "--out", str(tmp_path)]) == 0
    data = tmp_path / "dapo_math_17k.parquet"
    tokenizer = chat_tokenizer()
    config = OmegaConf.create({"cache_dir": str(tmp_path), "max_prompt_length": 8192, "filter_overlong_prompts": False})
    rows = [dict(row) for row in RLHFDataset([str(data)], tokenizer, config)]

    training = [problem_text(row["raw_prompt"], row["extra_info"]) for row in rows]
    assert training == [problem_text(row["raw_prompt"]) for row in rows]  # a row that does not bring its problem
    assert training == PromptIndex(read_rows(data)).texts  # a corpus
    assert all("step by step" not in text for text in training)

    encoded = [
        tokenizer.apply_chat_template(r["raw_prompt"], add_generation_prompt=True, return_dict=False) for r in rows
    ]
    decoded = [tokenizer.decode(ids, skip_special_tokens=True) for ids in encoded]
    constant = [1.0] * len(rows)
    PPOTrainer._write_generations(decoded, decoded, decoded, constant, {}, str(tmp_path / "dumps"), 3)
    rollouts = list(read_rollouts(tmp_path / "dumps"))
    index = PromptIndex(read_rows(data))
    assert training == [index.text(rollout.input) for rollout in rollouts]
    assert training == [decoded_problem_text(rollout.input) for rollout in rollouts]  # without the data file

    arguments = ["--dumps", str(tmp_path / "dumps"), "--data", str(data), "--model", "m", "--query-share", "0"]
    assert value_context.main([*arguments, "--out", str(tmp_path / "v0")]) == 0
    records = read_release(tmp_path / "v0" / "context.jsonl", tmp_path / "v0" / "prompt_dict.json")
    assert training == list(records.prompts)
    assert training == [*json.loads((tmp_path / "v0" / "prompt_dict.json").read_text()).values()]
    assert training == [row["problem"] for row in pq.read_table(data)["extra_info"].to_pylist()]


def chat_tokenizer() -> PreTrainedTokenizerFast:
    """One token per byte, with the chat markers of Qwen."""
    tokenizer = build_tokenizer(alphabet=None)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>"]})
    tokenizer.chat_template = CHATML
    return tokenizer

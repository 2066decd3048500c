# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import random

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from transformers import AutoTokenizer, Qwen2ForCausalLM

from v05_verl.lab.scoring import exact_accuracy
from v05_verl.lab.tasks import TASKS, find_task, is_held_out
from v05_verl.lab.tiny_lm import Shape, TinyLM, save_pretrained
from v05_verl.lab.tokenizer import build_tokenizer
from v05_verl.lab.toy import AGENT_LOOPS, EXACT_AGENT, build_toy, held_out_problems, training_problems, validation_rows
from v05_verl.lab.warm_start import WarmStart, encode_problems, token_ids

QUICK = WarmStart(target=0.05)


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    out = tmp_path_factory.mktemp("toy")
    build_toy(out, find_task("reverse"), seed=0, train_count=96, held_out_count=48, settings=QUICK)
    return out


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_training_prompts_are_never_held_out(task):
    train = {problem.prompt for problem in training_problems(task, 800, 0)}
    held_out = held_out_problems(task, 200, 0)
    assert len({problem.prompt for problem in held_out}) == 200
    assert all(is_held_out(problem.prompt) for problem in held_out)
    assert not any(is_held_out(prompt) for prompt in train)


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_every_character_of_a_task_is_one_token(task):
    tokenizer = build_tokenizer()
    problems = training_problems(task, 200, 1)
    prompts, answers = token_ids(problems, tokenizer)
    for problem, prompt, answer in zip(problems, prompts, answers, strict=True):
        assert tokenizer.encode(problem.prompt) == prompt
        assert tokenizer.decode(answer, skip_special_tokens=True) == problem.answer


def test_reverse_answers_are_reversed():
    problem = find_task("reverse").draw(random.Random(0), 5)
    assert problem.prompt == problem.answer[::-1] + "="
    assert problem.difficulty == 5


def test_the_saved_tokenizer_loads_as_verl_needs_it(toy):
    tokenizer = AutoTokenizer.from_pretrained(toy / "model")
    rendered = tokenizer.apply_chat_template([{"role": "user", "content": "123="}], tokenize=False)
    assert rendered == "123="
    assert len(tokenizer.encode("\n")) == len(tokenizer.encode("<|im_end|>")) == 1
    assert len(tokenizer.encode(rendered)) == 4
    assert tokenizer.eos_token == "<|im_end|>"


def test_without_an_alphabet_any_text_can_be_encoded(tmp_path):
    build_tokenizer(None).save_pretrained(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    text = "Let $x \\ge 0$, é and 漢.\n\tThen"
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_the_model_computes_what_transformers_computes(tmp_path):
    torch.manual_seed(0)
    model = TinyLM(Shape(vocabulary=26))
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    save_pretrained(model, tmp_path, eos_id=1, pad_id=0)
    reference = Qwen2ForCausalLM.from_pretrained(tmp_path)
    tokens = torch.randint(0, 26, (3, 11))
    with torch.no_grad():
        torch.testing.assert_close(model.logits(model(tokens)[0]), reference(tokens).logits, atol=1e-4, rtol=1e-4)


def test_the_model_fits_verl_and_vllm():
    model = TinyLM(Shape(vocabulary=len(build_tokenizer())))
    assert model.max_positions >= 128  # verl's padding rows
    assert 80_000 < sum(parameter.numel() for parameter in model.parameters()) < 90_000


def test_exact_accuracy_is_the_frequency_of_right_samples(toy):
    model = Qwen2ForCausalLM.from_pretrained(toy / "model")
    tokenizer = build_tokenizer()
    problem = training_problems(find_task("reverse"), 64, 0)[0]._replace(prompt="4=", answer="4", difficulty=1)
    torch.manual_seed(0)
    prompt = torch.tensor([tokenizer.encode(problem.prompt)])
    drawn = model.generate(prompt, do_sample=True, num_return_sequences=1000, max_new_tokens=2, top_k=0)
    frequency = (drawn[:, 2:] == torch.tensor([tokenizer.encode("4<|im_end|>")])).all(1).float().mean().item()

    mine = TinyLM(Shape(vocabulary=len(tokenizer)))
    load_from_transformers(mine, model.state_dict())
    exact = exact_accuracy(mine, encode_problems([problem], tokenizer)).sampled[0]
    assert frequency == pytest.approx(exact, abs=0.05)


def load_from_transformers(model, weights):
    for index, layer in enumerate(model.layers):
        at = f"model.layers.{index}."
        parts = {
            "norm1": ["input_layernorm.weight"],
            "norm2": ["post_attention_layernorm.weight"],
            "qkv": [f"self_attn.{name}_proj.weight" for name in "qkv"],
            "qkv_bias": [f"self_attn.{name}_proj.bias" for name in "qkv"],
            "out": ["self_attn.o_proj.weight"],
            "gate_up": ["mlp.gate_proj.weight", "mlp.up_proj.weight"],
            "down": ["mlp.down_proj.weight"],
        }
        for name, sources in parts.items():
            getattr(layer, name).data = torch.cat([weights[at + source] for source in sources])
    model.embedding.data = weights["model.embed_tokens.weight"]
    model.norm.data, model.head.data = weights["model.norm.weight"], weights["lm_head.weight"]


def test_files_follow_verls_schema(toy):
    train, val = pd.read_parquet(toy / "train.parquet"), pd.read_parquet(toy / "val.parquet")
    assert len(train) == 96 and len(val) == 96
    assert set(train["data_source"]) == {"reverse"} and set(train["agent_name"]) == {"single_turn_agent"}
    by_source = val.groupby("data_source")["agent_name"].agg(set).to_dict()
    assert by_source == {"reverse_sampled": {"single_turn_agent"}, "reverse_greedy": {"greedy_agent"}}
    row = train.iloc[0]
    prompt = row["prompt"][0]
    assert prompt["role"] == "user" and prompt["content"] == row["reward_model"]["ground_truth"][::-1] + "="
    assert row["extra_info"].keys() == {"index", "split", "difficulty"}
    halves = [val[val["data_source"] == source]["prompt"].map(lambda p: p[0]["content"]) for source in by_source]
    assert halves[0].tolist() == halves[1].tolist()
    assert (toy / "agent_loops.yaml").read_text() == AGENT_LOOPS


def test_validation_can_ask_for_exact_success_rates():
    task = find_task("reverse")
    val = validation_rows(held_out_problems(task, 8, 0), task, EXACT_AGENT)
    assert val.groupby("data_source")["agent_name"].agg(set).to_dict() == {
        "reverse_sampled": {"exact_agent"},
        "reverse_greedy": {"greedy_agent"},
    }
    assert {"exact_agent", "greedy_agent"} == {entry["name"] for entry in yaml.safe_load(AGENT_LOOPS)}


def test_the_same_seed_gives_the_same_toy(toy, tmp_path):
    build_toy(tmp_path, find_task("reverse"), seed=0, train_count=96, held_out_count=48, settings=QUICK)
    for name in ("model/model.safetensors", "train.parquet", "val.parquet"):
        assert (tmp_path / name).read_bytes() == (toy / name).read_bytes(), name


def test_unreachable_warm_start_and_unknown_task_are_named(tmp_path):
    with pytest.raises(RuntimeError, match=r"reached a success rate of 0\.\d+, not 0.99, in 10 steps"):
        build_toy(tmp_path, find_task("reverse"), 0, 8, 8, WarmStart(target=0.99, max_steps=10))
    with pytest.raises(ValueError, match="task must be one of .*reverse.*, got 'chess'"):
        find_task("chess")


def test_held_out_problems_cover_every_difficulty():
    levels = np.array([problem.difficulty for problem in held_out_problems(find_task("reverse"), 200, 0)])
    assert set(levels) == set(range(1, 9))

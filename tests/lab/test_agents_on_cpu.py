# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""The toy's agent loops inside verl's own agent-loop code, with the engine hf behind them."""

import asyncio
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from transformers import AutoTokenizer, Qwen2ForCausalLM
from verl.experimental.agent_loop.agent_loop import DictConfigWrap
from verl.utils.dataset.rl_dataset import RLHFDataset
from verl.workers.config import HFModelConfig

from v05_verl.cpu.hf_rollout import HFServer
from v05_verl.lab.scoring import exact_accuracy
from v05_verl.lab.tasks import find_task
from v05_verl.lab.tiny_lm import save_pretrained
from v05_verl.lab.tokenizer import build_tokenizer
from v05_verl.lab.toy import AGENT_LOOPS, EXACT_AGENT, held_out_problems, verl_rows
from v05_verl.lab.warm_start import WarmStart, encode_problems, warm_started

SAMPLING = {"temperature": 0.7, "top_p": 0.9, "top_k": 5}
PROMPT = [{"role": "user", "content": "58203417="}]


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """A folder with model and tokenizer, and the same model as the lab has it."""
    out, tokenizer = tmp_path_factory.mktemp("toy"), build_tokenizer()
    model = warm_started(find_task("reverse"), tokenizer, 0, WarmStart(target=0.1))
    save_pretrained(model, out, eos_id=tokenizer.eos_token_id, pad_id=tokenizer.pad_token_id)
    tokenizer.save_pretrained(out)
    return SimpleNamespace(path=out, model=model)


def run_rows(toy, agent_name, rows, sampling, *, engine="hf", response_length=12):
    """verl's ``AgentLoopOutput`` of every row."""
    declared = {entry.pop("name"): entry for entry in OmegaConf.create(AGENT_LOOPS)}
    target = declared.get(agent_name, {"_target_": "verl.experimental.agent_loop.SingleTurnAgentLoop"})
    rollout = {"name": engine, "prompt_length": 16, "response_length": response_length}
    config = OmegaConf.create({"actor_rollout_ref": {"rollout": rollout}, "data": {}})
    served = SimpleNamespace(prompt_length=16, response_length=12, max_model_len=None, max_num_seqs=8, seed=0)

    async def run():
        loop = instantiate(
            target,
            trainer_config=DictConfigWrap(config),
            server_manager=HFServer(served, HFModelConfig(path=str(toy.path)), 0),
            tokenizer=AutoTokenizer.from_pretrained(toy.path),
            processor=None,
            dataset_cls=RLHFDataset,
            data_config=DictConfigWrap(config.data),
            hf_model_type="qwen2",
        )
        return await asyncio.gather(*(loop.run(sampling, **row) for row in rows))

    return asyncio.run(run())


def test_the_greedy_agent_always_gives_the_greedy_response(toy):
    outputs = run_rows(toy, "greedy_agent", [{"raw_prompt": PROMPT}] * 3, SAMPLING)
    prompt = torch.tensor([build_tokenizer().encode(PROMPT[0]["content"])])
    reference = Qwen2ForCausalLM.from_pretrained(toy.path).generate(prompt, do_sample=False, max_new_tokens=12)
    assert [output.response_ids for output in outputs] == [reference[0, prompt.shape[1] :].tolist()] * 3
    assert SAMPLING["temperature"] == 0.7


def test_the_default_agent_of_verl_samples(toy):
    outputs = run_rows(toy, "single_turn_agent", [{"raw_prompt": PROMPT}] * 8, {"temperature": 1.0})
    assert len({tuple(output.response_ids) for output in outputs}) > 1


def test_the_exact_agent_gives_the_exact_success_rate(toy):
    problems = held_out_problems(find_task("reverse"), 48, 0)
    rows = verl_rows(problems, split="val", data_source="reverse_sampled", agent_name=EXACT_AGENT)
    rows = rows.rename(columns={"prompt": "raw_prompt"}).to_dict("records")
    outputs = run_rows(toy, EXACT_AGENT, rows, SAMPLING)
    exact = exact_accuracy(toy.model, encode_problems(problems, build_tokenizer())).sampled
    assert exact.min() < 0.01 and exact.max() > 0.3
    np.testing.assert_allclose([output.reward_score for output in outputs], exact, rtol=0, atol=1e-5)
    assert all(output.extra_fields["reward_extra_info"] == {"acc": output.reward_score} for output in outputs)
    decode = build_tokenizer().decode
    assert [decode(output.response_ids) for output in outputs] == [f"{p.answer}<|im_end|>" for p in problems]


@pytest.mark.parametrize(
    ("answer", "how", "sentence"),
    [
        (
            "71430285",
            {"engine": "vllm"},
            "needs the engine hf .*, 'vllm' cannot say .*--sampled-agent single_turn_agent",
        ),
        ("71430285", {"response_length": 8}, "the answer '71430285' takes 9 tokens with its end; raise .*, 8"),
        ("7143O285", {}, "the tokenizer cannot write the answer '7143O285'"),
        (71430285, {}, "needs a text in reward_model.ground_truth, got 71430285"),
    ],
)
def test_what_has_no_exact_success_rate_is_a_sentence(toy, answer, how, sentence):
    row = {"raw_prompt": PROMPT, "reward_model": {"ground_truth": answer}}
    with pytest.raises(ValueError, match=sentence):
        run_rows(toy, EXACT_AGENT, [row], SAMPLING, **how)

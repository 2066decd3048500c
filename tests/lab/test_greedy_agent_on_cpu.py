# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""The greedy loop inside verl's own agent-loop code, with a small engine on transformers behind it."""

import asyncio

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from transformers import AutoTokenizer, Qwen2ForCausalLM
from verl.experimental.agent_loop.agent_loop import DictConfigWrap
from verl.utils.dataset.rl_dataset import RLHFDataset
from verl.workers.rollout.replica import TokenOutput

from v05_verl.lab.tasks import find_task
from v05_verl.lab.toy import build_toy
from v05_verl.lab.warm_start import WarmStart


class TransformersEngine:
    """Samples for real; temperature 0 is greedy, as in verl's engines."""

    def __init__(self, model):
        self.model = model

    async def generate(self, *, prompt_ids, sampling_params, **_):
        temperature = sampling_params["temperature"]
        how = {"do_sample": True, "temperature": temperature, "top_k": 0} if temperature else {"do_sample": False}
        tokens = self.model.generate(torch.tensor([prompt_ids]), max_new_tokens=12, **how)[0, len(prompt_ids) :]
        return TokenOutput(token_ids=tokens.tolist())


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    out = tmp_path_factory.mktemp("toy")
    build_toy(out, find_task("reverse"), 0, 8, 8, WarmStart(target=0.1))
    return out


def responses(toy, agent_name, times):
    declared = {entry.name: entry for entry in OmegaConf.load(toy / "agent_loops.yaml")}
    target = declared.get(agent_name, {"_target_": "verl.experimental.agent_loop.SingleTurnAgentLoop"})
    config = OmegaConf.create(
        {"actor_rollout_ref": {"rollout": {"prompt_length": 16, "response_length": 12}}, "data": {}}
    )
    tokenizer = AutoTokenizer.from_pretrained(toy / "model")
    model = Qwen2ForCausalLM.from_pretrained(toy / "model")
    sampling = {"temperature": 1.0, "top_p": 1.0, "top_k": -1}

    async def run():
        loop = instantiate(
            {key: value for key, value in target.items() if key != "name"},
            trainer_config=DictConfigWrap(config),
            server_manager=TransformersEngine(model),
            tokenizer=tokenizer,
            processor=None,
            dataset_cls=RLHFDataset,
            data_config=DictConfigWrap(config.data),
            hf_model_type="qwen2",
        )
        prompt = [{"role": "user", "content": "58203417="}]
        return [tuple((await loop.run(sampling, raw_prompt=prompt)).response_ids) for _ in range(times)]

    torch.manual_seed(0)
    drawn = asyncio.run(run())
    assert sampling["temperature"] == 1.0
    prompt = torch.tensor([tokenizer.encode("58203417=")])
    greedy = tuple(model.generate(prompt, do_sample=False, max_new_tokens=12)[0, prompt.shape[1] :].tolist())
    return drawn, greedy


def test_the_greedy_agent_always_gives_the_greedy_response(toy):
    drawn, greedy = responses(toy, "greedy_agent", times=3)
    assert drawn == [greedy] * 3


def test_the_default_agent_of_verl_samples(toy):
    drawn, _ = responses(toy, "single_turn_agent", times=8)
    assert len(set(drawn)) > 1

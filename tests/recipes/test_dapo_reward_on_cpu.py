# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""DAPO's length penalty moves the reward and leaves acc, at which its filter looks, alone: verl's own manager."""

import asyncio

import numpy as np
import pytest
import torch
from verl import DataProto
from verl.trainer.ppo.reward import load_reward_manager

from v05_verl.lab.tokenizer import build_tokenizer

from .conftest import ARMS, dry_run


def scored(answer: str, padding: int, response_tokens: int = 40) -> dict:
    """What the DAPO script's reward manager makes of a response that ends in ``answer`` after ``padding`` digits."""
    (command,) = dry_run(ARMS["dapo_n16"], RESPONSE_TOKENS=str(response_tokens))
    config = command.config
    config.reward.custom_reward_function.path = "pkg://v05_verl.lab.toy_reward"
    tokenizer = build_tokenizer()
    manager = load_reward_manager(config, tokenizer)
    ids = [tokenizer.pad_token_id] * padding + tokenizer.encode(answer, add_special_tokens=False)
    data = DataProto.from_dict(
        tensors={"responses": torch.tensor([ids]), "attention_mask": torch.ones(1, len(ids), dtype=torch.long)},
        non_tensors={
            "data_source": np.array(["reverse"], dtype=object),
            "reward_model": np.array([{"ground_truth": "12"}], dtype=object),
            "extra_info": np.array([{}], dtype=object),
        },
    )
    manager.loop = asyncio.new_event_loop()
    return manager.loop.run_until_complete(manager.run_single(data))


@pytest.mark.parametrize(
    # 40 tokens, the last 8 (a fifth) are the zone: a response of 36 tokens is 4/8 into it
    ("answer", "padding", "reward", "acc"),
    [("12", 0, 1.0, 1.0), ("12", 30, 1.0, 1.0), ("12", 34, 0.5, 1.0), ("12", 38, 0.0, 1.0), ("21", 38, -2.0, 0.0)],
)
def test_long_responses_lose_reward_not_accuracy(answer, padding, reward, acc):
    result = scored(answer, padding)
    assert float(result["reward_score"]) == pytest.approx(reward)
    assert result["reward_extra_info"]["acc"] == acc

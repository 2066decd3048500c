# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""The best prior there is on a toy task: the current policy's exact success rate, read off its weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import ray
import torch
from numpy.typing import ArrayLike
from transformers import AutoModelForCausalLM, AutoTokenizer

from v05_verl.cpu.hf_rollout import server_name
from v05_verl.lab.scoring import IGNORED, encode
from v05_verl.value.base import inside


class Oracle:
    """Value model for experiments: asks verl's ``hf`` rollout server for its weights at every prediction.

    Args:
        toy: folder that ``python -m v05_verl.lab.toy`` wrote; its training prompts and answers are looked up.
    """

    def __init__(self, toy: str):
        folder = Path(toy)
        rows = pd.read_parquet(folder / "train.parquet")
        self._answers = {
            prompt[0]["content"]: reward["ground_truth"]
            for prompt, reward in zip(rows["prompt"], rows["reward_model"], strict=True)
        }
        self._tokenizer = AutoTokenizer.from_pretrained(folder / "model")
        self._model = AutoModelForCausalLM.from_pretrained(folder / "model", dtype=torch.float32).eval()

    def predict(self, prompts: Sequence[str], step: int) -> np.ndarray:
        """(N,) exact success rates; KeyError for a prompt that is not in the training file."""
        policy = ray.get_actor(server_name(0))
        self._model.load_state_dict(ray.get(policy.weights.remote()))
        prompt_ids = [self._tokenizer.encode(prompt) for prompt in prompts]
        answer_ids = [
            [*self._tokenizer.encode(self._answers[prompt]), self._tokenizer.eos_token_id] for prompt in prompts
        ]
        inputs, targets = encode(prompt_ids, answer_ids, self._tokenizer.pad_token_id)
        with torch.inference_mode():
            log_probs = self._model(inputs).logits.double().log_softmax(-1)
        chosen = log_probs.gather(-1, targets.clamp(min=0).unsqueeze(-1)).squeeze(-1)
        return inside(chosen.masked_fill(targets == IGNORED, 0.0).sum(1).exp().numpy())

    def observe(self, prompts: Sequence[str], successes: ArrayLike, trials: ArrayLike, step: int) -> None:
        """Nothing to learn: the weights say it all."""

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """There is no state."""

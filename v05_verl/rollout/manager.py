# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""verl's agent loop manager, asking the value model for priors as it dispatches the prompts."""

from __future__ import annotations

import ray
from tensordict import TensorDict
from verl.trainer.ppo.v1.agent_loop_tq import AgentLoopManagerTQ
from verl.utils import tensordict_utils as tu

from v05_verl.rollout.prompt_text import prompt_text
from v05_verl.rollout.records import TICKET_KEY, PromptRecord
from v05_verl.value.service import ValueClient


class V05AgentLoopManager(AgentLoopManagerTQ):
    """Lives in the trainer's process; ``V05Trainer.fit`` gives it the value model."""

    def __init__(self, *args, **kwargs):
        # Imported here: a worker's process loads the module below first, which makes verl load its trainers, which
        # makes this plugin load this module.
        from v05_verl.rollout.worker import V05AgentLoopWorker

        super().__init__(*args, **kwargs)
        self.agent_loop_workers_class = ray.remote(V05AgentLoopWorker)
        self._value_model: ValueClient | None = None

    def use_value_model(self, value_model: ValueClient) -> None:
        """Sets where priors come from."""
        self._value_model = value_model

    def generate_sequences(self, prompts: TensorDict) -> None:
        """Dispatches a batch; for a training batch its priors are asked for first, and not waited for."""
        if not tu.get_non_tensor_data(prompts, "validate", default=False):
            if self._value_model is None:
                raise RuntimeError(
                    "V05AgentLoopManager has no value model; run it with trainer.v1.trainer_mode=v05_sync"
                )
            texts = [prompt_text(getattr(raw_prompt, "data", raw_prompt)) for raw_prompt in prompts["raw_prompt"]]
            ticket = self._value_model.ask(
                [str(uid) for uid in prompts["uid"]],
                texts,
                step=int(tu.get_non_tensor_data(prompts, "global_steps", 0)),
            )
            tu.assign_non_tensor_data(prompts, TICKET_KEY, ticket)
        super().generate_sequences(prompts)

    def take_records(self) -> dict[str, PromptRecord]:
        """Records of all prompts that ended since the last call, by uid."""
        records: dict[str, PromptRecord] = {}
        for part in ray.get([worker.take_records.remote() for worker in self.agent_loop_workers]):
            records.update(part)
        return records

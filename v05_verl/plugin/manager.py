# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""verl's agent loop manager, asking the value model for priors as it dispatches the prompts."""

from __future__ import annotations

from dataclasses import replace

import ray
import torch
from tensordict import TensorDict
from verl.trainer.ppo.v1.agent_loop_tq import AgentLoopManagerTQ
from verl.utils import tensordict_utils as tu

from v05_verl.plugin.batch import share_of
from v05_verl.plugin.records import SHARE_KEY, TICKET_KEY, WorkerReport
from v05_verl.plugin.value_client import PriorTicket, ValueClient
from v05_verl.prior_record import PriorRecord
from v05_verl.prompt_text import problem_text


class V05AgentLoopManager(AgentLoopManagerTQ):
    """Lives in the trainer's process; ``V05TrainerMixin.fit`` gives it the value model."""

    def __init__(self, *args, **kwargs):
        # Imported here: a worker's process loads the module below first, which makes verl load its trainers, which
        # makes this plugin load this module.
        from v05_verl.plugin.worker import V05AgentLoopWorker

        super().__init__(*args, **kwargs)
        self.agent_loop_workers_class = ray.remote(V05AgentLoopWorker)
        self._value_model: ValueClient | None = None
        self._prior_record: PriorRecord | None = None
        self._total: int | None = None

    def use_value_model(self, value_model: ValueClient, prior_record: PriorRecord | None = None) -> None:
        """Sets where priors come from and, for the robust mode, what is known about them."""
        self._value_model, self._prior_record = value_model, prior_record

    def ask(self, prompts: TensorDict) -> PriorTicket:
        """Asks for the priors of a training batch, without waiting."""
        if self._value_model is None:
            raise RuntimeError(
                "V05AgentLoopManager has no value model; run it with a v05 trainer (trainer.v1.trainer_mode)"
            )
        infos = prompts["extra_info"] if "extra_info" in prompts.keys() else [None] * len(prompts)
        ticket = self._value_model.ask(
            [str(uid) for uid in prompts["uid"]],
            [problem_text(_plain(raw), _plain(info)) for raw, info in zip(prompts["raw_prompt"], infos, strict=True)],
            step=int(tu.get_non_tensor_data(prompts, "global_steps", 0)),
        )
        return replace(ticket, prior_model=self._prior_record.model) if self._prior_record else ticket

    def generate_sequences(self, prompts: TensorDict) -> None:
        """Dispatches a batch; for a training batch its priors are asked for first, unless its trainer did."""
        if not tu.get_non_tensor_data(prompts, "validate", default=False):
            if TICKET_KEY not in prompts.keys():
                tu.assign_non_tensor_data(prompts, TICKET_KEY, self.ask(prompts))
            if self._total is not None:
                total = round(self._total * len(prompts) / self.config.data.train_batch_size)
                prompts[SHARE_KEY] = torch.tensor([share_of(total, len(prompts), i) for i in range(len(prompts))])
        super().generate_sequences(prompts)

    def spend(self, total: int) -> None:
        """Sets the rollouts of a step of ``data.train_batch_size`` prompts; a smaller batch gets its part, rounded."""
        self._total = total

    def report(self) -> WorkerReport:
        """What all workers did so far; raises what Ray raises where one has died."""
        return WorkerReport.joined(ray.get([worker.report.remote() for worker in self.agent_loop_workers]))


def _plain(value):
    """What a non-tensor field holds."""
    return getattr(value, "data", value)

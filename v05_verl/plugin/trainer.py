# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""verl's synchronous trainer with the value model around it: ``trainer.v1.trainer_mode=v05_sync``."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import numpy as np
import ray
import torch
from omegaconf import DictConfig, open_dict
from tensordict import TensorDict
from transfer_queue import KVBatchMeta
from verl.trainer.ppo.v1.trainer_base import register_trainer
from verl.trainer.ppo.v1.trainer_sync import PPOTrainerSync
from verl.utils import tensordict_utils as tu
from verl.utils.fs import local_mkdir_safe

from v05_verl import config as v05_config
from v05_verl import method
from v05_verl.core import scale
from v05_verl.core.selection import most_uncertain
from v05_verl.plugin import launch
from v05_verl.plugin import metrics as step_metrics
from v05_verl.plugin.batch import PromptBatch, collect_rows
from v05_verl.plugin.estimator import estimating
from v05_verl.plugin.manager import V05AgentLoopManager
from v05_verl.plugin.records import GROUP_SIZE_KEY, TICKET_KEY, PromptRecord
from v05_verl.plugin.reward_range import RewardReach
from v05_verl.plugin.value_client import ValueClient
from v05_verl.prior_record import PriorRecord

logger = logging.getLogger(__name__)

STATE_FILE = "v05.pt"


@dataclass
class Spent:
    """Cost of the run so far, across restarts."""

    rollouts: int = 0
    tokens: int = 0


@register_trainer("v05_sync")
class V05Trainer(PPOTrainerSync):
    """Adds to verl's ``sync`` trainer: priors for the estimator, outcomes for the value model, metrics, its state."""

    def __init__(self, config: DictConfig):
        launch.check(config)
        self._v05 = v05_config.from_verl(config)
        self._method = method.build(self._v05)
        with open_dict(config):
            # verl tests for the name "sync" (replay buffer, dataloader batch size, persistence), and this trainer is.
            config.trainer.v1.trainer_mode = "sync"
            if self._v05.k_init == "auto":
                config.data.gen_batch_size = 1  # verl hands out prompts in whole fetches, and their number changes
        super().__init__(config)
        self._value_model = ValueClient(self._v05.value)
        robust = self._v05.mode == "robust"
        self._prior_record = PriorRecord(reward_range=self._v05.reward_range) if robust else None
        self._reached = RewardReach(self._v05.reward_range)
        self._spent = Spent()
        self._rollouts_of_step = 0
        self._wave: method.FirstWave | None = None
        self._records: dict[str, PromptRecord] = {}

    def _build_replay_buffer(self):
        replay_buffer = super()._build_replay_buffer()
        if self._v05.poll_interval_s is not None:
            replay_buffer.poll_interval = self._v05.poll_interval_s
        return replay_buffer

    def fit(self, agent_loop_manager: V05AgentLoopManager) -> None:
        print(self._batch_arithmetic())
        agent_loop_manager.use_value_model(self._value_model, self._prior_record)
        super().fit(agent_loop_manager)

    # ------------------------------------------------ one step ------------------------------------------------

    def _compute_advantage(self, batch: KVBatchMeta, metrics: dict) -> KVBatchMeta:
        self._records.update(self.agent_loop_manager.take_records())
        prior_model = self._prior_record and self._prior_record.model
        knowing = self._method.knowing(prior_model)
        rows, records = collect_rows(batch, self._records, knowing, self._v05.reward_range)
        self._raise_scheduler_errors()
        with estimating(rows) as result:
            batch = super()._compute_advantage(batch, metrics)

        estimate = result()
        prompts = PromptBatch.of(rows, estimate, records)
        self._reached.note(estimate.rewards[rows.is_real])
        self._handle_missing_priors(prompts)
        self._value_model.tell(prompts.texts, prompts.successes, prompts.trials, self.global_steps)
        self._note_priors(prompts)
        self._rollouts_of_step = sum(record.asked for record in self._records.values())
        self._spent.rollouts += self._rollouts_of_step
        self._spent.tokens += int(sum(tag["response_len"] for tag in batch.tags if not tag.get("is_padding", False)))
        metrics.update(step_metrics.of_step(prompts, rows, estimate, list(self._records.values()), self._v05))
        if self._v05.k_init == "auto":
            metrics.update(step_metrics.of_group_size(self._wave, self._prior_record))
        metrics.update({f"v05/spent/{name}": spent for name, spent in asdict(self._spent).items()})
        self._records.clear()
        return batch

    def _note_priors(self, prompts: PromptBatch) -> None:
        """What became of this step's priors, for the robust mode's later steps."""
        judged = np.isfinite(prompts.prior) & (prompts.first_n > 0)
        if self._prior_record is not None and judged.any():
            self._prior_record.add(prompts.first_mean[judged], prompts.first_n[judged], prompts.prior[judged])

    def _next_train_batch(self, num_prompts: int | None = None) -> TensorDict:
        """verl's next batch; with ``k_init: auto`` of as many prompts as the priors' worth allows."""
        self._wave = self._method.first_wave(num_prompts or self.config.data.train_batch_size, self._prior_record)
        batch = self._next_prompts(len(self._wave.sizes))
        if self._v05.k_init == "auto":
            batch[GROUP_SIZE_KEY] = torch.from_numpy(self._wave.sizes)
        return batch

    def _next_prompts(self, wanted: int) -> TensorDict:
        """The next prompts; with ``prompt_pool`` the most uncertain ones of so many times as many."""
        if self._v05.prompt_pool == 1:
            return super()._next_train_batch(wanted)
        batch = super()._next_train_batch(wanted * self._v05.prompt_pool)
        ticket = self.agent_loop_manager.ask(batch)
        try:
            prior = scale.to_reward(self._value_model.wait(ticket), self._v05.reward_range)
            taken = most_uncertain(prior, wanted, self._v05.reward_range)
        except (ray.exceptions.RayError, TimeoutError) as error:  # counted by the step: its prompts have no prior
            logger.warning("v05: no priors to choose prompts by (%s); the first %d are taken", error, wanted)
            taken = np.arange(wanted)
        batch = tu.index_select_tensor_dict(batch, taken.tolist())
        tu.assign_non_tensor_data(batch, TICKET_KEY, ticket)
        return batch

    def on_step_end(self) -> None:
        super().on_step_end()
        self._plan_last_step()

    def _plan_last_step(self) -> None:
        """Makes the next step verl's last, validated and saved, where it should use up ``total_rollouts``."""
        if self._v05.total_rollouts is None:
            return
        if self._spent.rollouts + self._rollouts_of_step >= self._v05.total_rollouts:
            self.total_training_steps = min(self.total_training_steps, self.global_steps + 1)

    def _get_required_batch_multiple(self, dp_size: int) -> int:
        """Rows split evenly into the step's mini-batches, over the data-parallel ranks and into fixed micro-batches."""
        return dp_size * math.lcm(*self._rows_per_rank())

    def _rows_per_rank(self) -> list[int]:
        """What the rows of a rank must be multiples of: for the update, and for old and reference log-probabilities.

        With use_dynamic_bsz=False, verl's default, each of the three is cut into micro-batches of one size.
        """
        config = self.config.actor_rollout_ref
        update = 1 if config.actor.use_dynamic_bsz else config.actor.ppo_micro_batch_size_per_gpu
        parts = [self._mini_batches * (update or 1)]
        for part in (config.rollout, config.ref):
            if not part.get("log_prob_use_dynamic_bsz"):
                parts.append(part.get("log_prob_micro_batch_size_per_gpu") or 1)
        return parts

    def _update_actor(self, batch: KVBatchMeta, metrics: dict) -> KVBatchMeta:
        with self._mini_batch_of(len(batch) // self._mini_batches):
            return super()._update_actor(batch, metrics)

    @property
    def _mini_batches(self) -> int:
        """Optimizer steps per training step and epoch, whatever the number of rollouts."""
        config = self.config
        return max(1, config.data.train_batch_size // config.actor_rollout_ref.actor.ppo_mini_batch_size)

    @contextmanager
    def _mini_batch_of(self, rows: int) -> Iterator[None]:
        """verl's mini-batch is ppo_mini_batch_size * rollout.n rows; here it is ``rows``."""
        actor, rollout = self.config.actor_rollout_ref.actor, self.config.actor_rollout_ref.rollout
        before = actor.ppo_mini_batch_size, rollout.n
        actor.ppo_mini_batch_size, rollout.n = rows, 1
        try:
            yield
        finally:
            actor.ppo_mini_batch_size, rollout.n = before

    def _raise_scheduler_errors(self) -> None:
        for record in self._records.values():
            if record.error:
                raise RuntimeError(f"v05: the rollout budget of prompt {record.text[:200]!r} failed: {record.error}")

    def _handle_missing_priors(self, prompts: PromptBatch) -> None:
        cause = next((record.prior_error for record in prompts.records if record.prior_error), None)
        cause = cause or self._value_model.failure()
        if cause is None:
            return
        missing = float(np.mean(~np.isfinite(prompts.prior)))
        sentence = f"v05: {missing:.0%} of the prompts of step {self.global_steps} have no prior: {cause}"
        if self._v05.value.on_failure == "stop":
            raise RuntimeError(f"{sentence} (v05.value.on_failure=stop)")
        logger.warning("%s. They use group means; the value model restarts from its last state", sentence)
        self._value_model.restart()

    # ------------------------------------------------ checkpoints ------------------------------------------------

    def _save_checkpoint(self) -> None:
        # Before verl's part, which ends by naming this step the latest: a checkpoint that is named is complete.
        folder = os.path.join(self.config.trainer.default_local_dir, f"global_step_{self.global_steps}")
        local_mkdir_safe(folder)
        state = {"value_model": self._value_model.state_dict(), "value_name": self._v05.value.name}
        state["prior_record"] = self._prior_record and self._prior_record.state_dict()
        torch.save(state | {"spent": asdict(self._spent)}, os.path.join(folder, STATE_FILE))
        super()._save_checkpoint()

    def _load_checkpoint(self) -> None:
        super()._load_checkpoint()
        if self.global_steps == 0:
            return
        trainer = self.config.trainer
        folder = (
            trainer.resume_from_path
            if trainer.resume_mode == "resume_path"
            else os.path.join(trainer.default_local_dir, f"global_step_{self.global_steps}")
        )
        path = os.path.join(folder, STATE_FILE)
        if not os.path.exists(path):
            logger.warning("v05: %s is missing (a checkpoint of another method?); the value model starts new", path)
            return
        state = torch.load(path, weights_only=False)
        self._spent = Spent(**state["spent"])
        if self._prior_record is not None and state["prior_record"] is not None:
            self._prior_record.load_state_dict(state["prior_record"])
        if state["value_name"] == self._v05.value.name:
            self._value_model.load_state_dict(state["value_model"])
        else:
            logger.warning(
                "v05: the checkpoint's value model is %s and this run's is %s, which starts new",
                state["value_name"],
                self._v05.value.name,
            )

    # ------------------------------------------------ at the start ------------------------------------------------

    def _batch_arithmetic(self) -> str:
        """Which batch size counts prompts and which rollouts, in one paragraph."""
        config, v05 = self.config, self._v05
        prompts, mini_batches = config.data.train_batch_size, self._mini_batches
        if v05.k_init == "auto":
            return self._auto_arithmetic()
        most = v05.k_init if v05.budget == "fixed" else v05.k_max
        epochs = config.actor_rollout_ref.actor.ppo_epochs
        return (
            f"v05: each training step takes {prompts} prompts (data.train_batch_size) with {v05.k_init} to {most} "
            f"rollouts each (v05.k_init, v05.k_max; budget {v05.budget}): {prompts * v05.k_init} to {prompts * most} "
            f"rows. They are split into {mini_batches} mini-batches (data.train_batch_size / actor.ppo_mini_batch_size "
            f"= {prompts} / {config.actor_rollout_ref.actor.ppo_mini_batch_size} prompts) of "
            f"{math.ceil(prompts * v05.k_init / mini_batches)} to {math.ceil(prompts * most / mini_batches)} rows: "
            f"{mini_batches * epochs} optimizer steps per training step, whatever the number of rows. rollout.n is not "
            f"used in training. Validation: {config.actor_rollout_ref.rollout.val_kwargs.n} rollouts per prompt."
        )

    def _auto_arithmetic(self) -> str:
        config, most, mini_batches = self.config, self._v05.auto.reference_n, self._mini_batches
        rollouts = self._v05.step_rollouts or config.data.train_batch_size * most
        return (
            f"v05: each training step takes {rollouts} rollouts (v05.step_rollouts, or data.train_batch_size x "
            f"v05.auto.reference_n) on {rollouts // most} prompts with {most} each to {rollouts} with one, as few per "
            f"prompt as the priors allow (v05.k_init=auto). They are split into {mini_batches} mini-batches of about "
            f"{rollouts // mini_batches} rows: {mini_batches * config.actor_rollout_ref.actor.ppo_epochs} optimizer "
            f"steps per training step, whatever the number of prompts. rollout.n is not used in training. Validation: "
            f"{config.actor_rollout_ref.rollout.val_kwargs.n} rollouts per prompt."
        )

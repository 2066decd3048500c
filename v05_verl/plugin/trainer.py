# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""verl's trainers with the value model around them: ``trainer.v1.trainer_mode`` v05_sync, v05_colocate_async, …"""

from __future__ import annotations

import functools
import logging
import os
from dataclasses import replace

import numpy as np
import ray
import torch
import transfer_queue as tq
from omegaconf import DictConfig, open_dict
from ray.actor import ActorHandle
from tensordict import TensorDict
from transfer_queue import KVBatchMeta
from verl.trainer.ppo.v1.trainer_base import register_trainer
from verl.trainer.ppo.v1.trainer_colocate_async import PPOTrainerColocateAsync
from verl.trainer.ppo.v1.trainer_separate_async import PPOTrainerSeparateAsync
from verl.trainer.ppo.v1.trainer_sync import PPOTrainerSync
from verl.utils import tensordict_utils as tu
from verl.utils.fs import local_mkdir_safe

from v05_verl import config as v05_config
from v05_verl import method
from v05_verl.core import scale
from v05_verl.core.posterior import PriorModel
from v05_verl.core.selection import choose
from v05_verl.plugin import launch
from v05_verl.plugin import metrics as step_metrics
from v05_verl.plugin.accounting import Ledger, count_evictions, orphans, queue_actors, sessions_of, training_queue
from v05_verl.plugin.arithmetic import batch_arithmetic
from v05_verl.plugin.batch import PromptBatch, collect_rows, joined, outcomes_by_step, share_of
from v05_verl.plugin.cluster import taken_by_verl
from v05_verl.plugin.estimator import BatchRows, Estimate, estimating
from v05_verl.plugin.manager import V05AgentLoopManager
from v05_verl.plugin.records import GROUP_SIZE_KEY, TICKET_KEY, PromptRecord, outcomes_of, records_of
from v05_verl.plugin.reward_range import RewardReach
from v05_verl.plugin.run_state import RunState, drop_old_weights, unsaved
from v05_verl.plugin.under_way import UnderWay
from v05_verl.plugin.updates import EvenUpdates
from v05_verl.plugin.value_client import ValueClient
from v05_verl.plugin.watch import Failures, Watch, death_of, nothing_came_back
from v05_verl.prior_record import PriorRecord

logger = logging.getLogger(__name__)


class V05TrainerMixin(EvenUpdates):
    """Adds to a trainer of verl: priors for the estimator, outcomes for the value model, metrics, its state.

    verl's trainer comes after it in a class's bases; ``VERL_MODE`` is the name that verl knows that trainer by.
    """

    VERL_MODE: str

    def __init__(self, config: DictConfig):
        launch.check(config)
        self._v05 = v05_config.from_verl(config)
        self._method = method.build(self._v05)
        self._ledger = Ledger()
        self._failures = Failures(config.data.train_batch_size)
        with open_dict(config):
            # verl reads the section of this name, and tests for "sync" (replay buffer, dataloader, persistence).
            config.trainer.v1.trainer_mode = self.VERL_MODE
            if self._v05.k_init == "auto":
                # verl hands out prompts in whole fetches, and their number changes, in multiples of the pool. Its
                # asynchronous trainers need single ones, which are slower to read.
                config.data.gen_batch_size = self._v05.prompt_pool if self.VERL_MODE == "sync" else 1
        super().__init__(config)
        self._value_model = ValueClient(self._v05.value, taken_by_verl(config))
        learns = self._method.learns_priors
        self._prior_record = PriorRecord(reward_range=self._v05.reward_range) if learns else None
        self._under_way = UnderWay(self._v05.step_rollouts or config.data.train_batch_size * self._v05.first_n)
        self._run = RunState(
            self._v05.value.name,
            self._value_model,
            self._prior_record,
            ledger=self._ledger,
            under_way=self._under_way if self._v05.k_init == "auto" else None,
        )
        self._reached = RewardReach(self._v05.reward_range)
        self._parts: list[tuple[BatchRows, Estimate, list[PromptRecord]]] = []  # of this step, by update
        self._wave: method.FirstWave | None = None
        self._prompts_of_step = config.data.train_batch_size

    def _build_replay_buffer(self):
        replay_buffer = super()._build_replay_buffer()
        if self._v05.poll_interval_s is not None:
            replay_buffer.poll_interval = self._v05.poll_interval_s
        count_evictions(replay_buffer, self._ledger)
        replay_buffer.sample = self._sampling(replay_buffer.sample)
        replay_buffer.refill_fn = self._replace_prompts
        return replay_buffer

    def fit(self, agent_loop_manager: V05AgentLoopManager) -> None:
        print(batch_arithmetic(self.config, self._v05, self._mini_batches * self.parameter_sync_step))
        for note in launch.unread(self.config):
            logger.warning("v05: %s", note)
        agent_loop_manager.use_value_model(self._value_model, self._prior_record)
        if self._v05.budget == "total":
            agent_loop_manager.spend(self._method.first_wave(self.config.data.train_batch_size).total)
        with Watch(self._actors(agent_loop_manager), lambda: self.global_steps, self._waiting):
            try:
                super().fit(agent_loop_manager)
            except ray.exceptions.RayActorError as error:  # the step met the death before the watch did
                raise RuntimeError(death_of("an actor of the run", self.global_steps, error)) from error

    # ------------------------------------------- nothing waits for ever -------------------------------------------

    def _actors(self, agent_loop_manager: V05AgentLoopManager) -> dict[str, ActorHandle]:
        """The actors that the run needs, by name; the value model's are brought back when they die."""
        by_kind = {
            "agent loop worker": agent_loop_manager.agent_loop_workers,
            "reward worker": self.get_reward_handles() or [],
            "training worker": self.actor_rollout_wg.workers,
            "rollout server": [server for each in self._rollout_server_managers() for server in each.server_handles],
            "TransferQueue's actor": queue_actors(),
        }
        return {f"{kind} {i}": actor for kind, actors in by_kind.items() for i, actor in enumerate(actors)}

    def _waiting(self) -> str:
        buffer = self.replay_buffer
        return (
            f"when it last looked {len(buffer.pending_keys['train'])} prompts had not begun, "
            f"{len(buffer.running_keys['train'])} were generating and {len(buffer.finished_keys['train'])} had ended"
        )

    def _sampling(self, sample):
        """verl's ``sample``, of as many training prompts as make up a step, and naming the cause of its error."""

        @functools.wraps(sample)
        def sampled(global_steps: int, partition_id: str, batch_size: int):
            if partition_id == "train" and self._v05.k_init == "auto":
                if self.local_trigger_step == 0:
                    self._prompts_of_step = self._under_way.take()
                batch_size = share_of(self._prompts_of_step, self.parameter_sync_step, self.local_trigger_step)
            try:
                return sample(global_steps=global_steps, partition_id=partition_id, batch_size=batch_size)
            except RuntimeError as error:
                if "no materializable trajectories" not in str(error):
                    raise
                report = self.agent_loop_manager.report()
                self._failures.check(report)
                raise RuntimeError(nothing_came_back(batch_size, report)) from error

        return sampled

    def _replace_prompts(self, num_prompts: int) -> int:
        # verl asks for new prompts in place of those that failed, without a limit and without a pause.
        self._failures.check(self.agent_loop_manager.report())
        return super()._add_prompts_to_generate(num_prompts)

    def _add_prompts_to_generate(self, num_prompts: int) -> int:
        """verl's, with which an asynchronous run begins: prompts that no step has dispatched."""
        if self._v05.k_init == "auto":
            self._under_way.add(num_prompts, num_prompts * self._usual_size())
        return super()._add_prompts_to_generate(num_prompts)

    # ------------------------------------------------ one step ------------------------------------------------

    def step(self, metrics: dict, timing_raw: dict) -> KVBatchMeta:
        """verl's step; our metrics are added once, after verl has reduced those of its updates by their names."""
        self._parts.clear()
        dropped = self._ledger.dropped
        batch = super().step(metrics, timing_raw)
        rows, estimate, records = joined(self._parts)
        prompts = PromptBatch.of(rows, estimate, records)
        metrics.update(step_metrics.of_step(prompts, rows, estimate, self._v05, self.global_steps))
        metrics.update(step_metrics.by_visit(prompts, self._run.visits.count(prompts.texts), self._v05))
        self._ledger.note_trained(sessions_of(batch))
        added = self._ledger.read(self.agent_loop_manager.report(), training_queue())
        self._run.rollouts_of_step = added.asked
        metrics.update(step_metrics.of_ledger(self._ledger, added, self._ledger.dropped - dropped))
        if self._v05.k_init == "auto":
            metrics.update(self._wave.metrics(self._prior_record))
        metrics["v05/value/restarts"] = float(self._value_model.generation)
        metrics["v05/value/dropped_outcomes"] = float(self._value_model.dropped_outcomes)
        return batch

    def _compute_advantage(self, batch: KVBatchMeta, metrics: dict) -> KVBatchMeta:
        self._failures.check(self.agent_loop_manager.report())
        knowing = self._method.knowing(self._prior_model)
        rows, records = collect_rows(batch, records_of(batch), knowing, self._v05.reward_range)
        if self.config.algorithm.use_kl_in_reward:
            rows = replace(rows, outcome=outcomes_of(batch))
        with estimating(rows) as result:
            batch = super()._compute_advantage(batch, metrics)

        estimate = result()
        prompts = PromptBatch.of(rows, estimate, records)
        self._reached.note(estimate.rewards[rows.is_real])
        self._handle_missing_priors(prompts)
        for step, *outcomes in outcomes_by_step(rows, estimate):
            self._value_model.tell(*outcomes, step)
        self._note_priors(prompts)
        self._parts.append((rows, estimate, records))
        return batch

    @property
    def _prior_model(self) -> PriorModel | None:
        """What past priors turned out to be worth, where the method learns it."""
        return self._prior_record and self._prior_record.model

    def _note_priors(self, prompts: PromptBatch) -> None:
        """What became of this step's priors, for the robust mode's later steps."""
        judged = np.isfinite(prompts.prior) & (prompts.first_n > 0)
        if self._prior_record is not None and judged.any():
            columns = (prompts.first_mean, prompts.first_n, prompts.prior, prompts.first_var)
            self._prior_record.add(*(column[judged] for column in columns))

    def _next_train_batch(self, num_prompts: int | None = None) -> TensorDict:
        """verl's next batch; with ``k_init: auto`` of as many prompts as the priors' worth allows.

        So many prompts are asked for to fill the queue, and in place of prompts that are lost: they wait for nothing.
        """
        if num_prompts is not None:
            batch = super()._next_train_batch(num_prompts)
            sizes = np.full(num_prompts, self._usual_size())
        else:
            self._wave = self._method.first_wave(self.config.data.train_batch_size, self._prior_record)
            batch, prior = self._next_prompts(len(self._wave.sizes))
            sizes = self._method.knowing(self._prior_model).sizes(prior, self._wave)
            if self._v05.k_init == "auto":
                self._under_way.add(len(sizes), int(sizes.sum()))
        if self._v05.k_init == "auto" or self._v05.budget == "allocated":
            batch[GROUP_SIZE_KEY] = torch.from_numpy(sizes)
        return batch

    def _usual_size(self) -> int:
        """Rollouts of a prompt that no step has planned."""
        if self._wave is not None and self._wave.choice:
            return self._wave.choice.k
        if self._v05.budget == "allocated" and self._v05.step_rollouts is not None and self._v05.k_init != "auto":
            return round(self._v05.step_rollouts / self.config.data.train_batch_size)
        return self._method.k_init

    def _next_prompts(self, wanted: int) -> tuple[TensorDict, np.ndarray]:
        """The next prompts, chosen by ``prompt_choice`` of ``prompt_pool`` times as many, and their priors.

        V on the reward scale; NaN where they are not waited for, or did not come.
        """
        if self._v05.prompt_pool == 1 and self._v05.budget != "allocated":
            return super()._next_train_batch(wanted), np.full(wanted, np.nan)
        batch = super()._next_train_batch(wanted * self._v05.prompt_pool)
        ticket = self.agent_loop_manager.ask(batch)
        try:
            prior = scale.to_reward(self._value_model.wait(ticket), self._v05.reward_range)
            rng = np.random.default_rng([self.config.data.get("seed") or 0, self.global_steps])
            rule, model = self._v05.prompt_choice, self._prior_model
            taken = choose(rule, prior, wanted, self._v05.reward_range, model=model, rng=rng)
        except (ray.exceptions.RayError, TimeoutError) as error:  # counted by the step: its prompts have no prior
            logger.warning("v05: no priors to choose prompts and sizes by (%s); all count alike in this step", error)
            prior, taken = np.full(len(batch), np.nan), np.arange(wanted)
        batch = tu.index_select_tensor_dict(batch, taken.tolist())
        tu.assign_non_tensor_data(batch, TICKET_KEY, ticket)
        return batch, prior[taken]

    def on_step_end(self) -> None:
        super().on_step_end()
        self._plan_last_step()

    def _plan_last_step(self) -> None:
        """Makes the next step verl's last, validated and saved, where it should use up ``total_rollouts``."""
        if self._v05.total_rollouts is None:
            return
        if self._ledger.counts.asked + self._run.rollouts_of_step >= self._v05.total_rollouts:
            self.total_training_steps = min(self.total_training_steps, self.global_steps + 1)

    def _handle_missing_priors(self, prompts: PromptBatch) -> None:
        failed = [record for record in prompts.records if record.prior_error]
        cause = failed[0].prior_error if failed else self._value_model.failure()
        if cause is None:
            self._value_model.heard()
            return
        missing = float(np.mean(~np.isfinite(prompts.prior)))
        sentence = f"v05: {missing:.0%} of the prompts of step {self.global_steps} have no prior: {cause}"
        if self._v05.value.on_failure == "stop":
            raise RuntimeError(f"{sentence} (v05.value.on_failure=stop)")
        present = [record for record in prompts.records if record.generation == self._value_model.generation]
        done = self._value_model.mend(
            silent=any(record.prior_error for record in present),
            answered=any(record.prior is not None for record in present),
        )
        logger.warning("%s. They use group means; the value model %s", sentence, done)

    # ------------------------------------------------ checkpoints ------------------------------------------------

    def _save_checkpoint(self) -> None:
        # Before verl's part, which ends by naming this step the latest: a checkpoint that is named is complete.
        folder = self.config.trainer.default_local_dir
        own = os.path.join(folder, f"global_step_{self.global_steps}")
        try:
            local_mkdir_safe(own)
            self._run.save(own)
            super()._save_checkpoint()
        except Exception as error:
            raise RuntimeError(unsaved(folder, self.global_steps, error)) from error
        if keep := self.config.trainer.get("max_actor_ckpt_to_keep"):
            drop_old_weights(folder, self.global_steps, keep)

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
        if stale := orphans(training_queue()):
            tq.kv_clear(keys=stale, partition_id="train")
        self._run.load(folder, training_queue())
        if self.VERL_MODE == "sync":
            self._under_way.load([])  # what an asynchronous launch had under way is not there any more
        self._plan_last_step()
        if self._v05.total_rollouts is not None and self._ledger.counts.asked >= self._v05.total_rollouts:
            logger.warning("v05: the run has used up v05.total_rollouts; it ends without another step")
            self.total_training_steps = self.global_steps


@register_trainer("v05_sync")
class V05TrainerSync(V05TrainerMixin, PPOTrainerSync):
    VERL_MODE = "sync"


@register_trainer("v05_colocate_async")
class V05TrainerColocateAsync(V05TrainerMixin, PPOTrainerColocateAsync):
    VERL_MODE = "colocate_async"


@register_trainer("v05_separate_async")
class V05TrainerSeparateAsync(V05TrainerMixin, PPOTrainerSeparateAsync):
    VERL_MODE = "separate_async"

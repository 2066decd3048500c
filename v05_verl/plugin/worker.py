# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""verl's agent loop worker with a rollout budget per prompt."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace

import numpy as np
import transfer_queue as tq
from verl.trainer.ppo.v1.agent_loop_tq import AgentLoopWorkerTQ, apply_greedy_sampling_params

from v05_verl import config as v05_config
from v05_verl import method
from v05_verl.core import scale
from v05_verl.plugin.records import (
    GROUP_SIZE_KEY,
    SHARE_KEY,
    TEXT_FIELD,
    TICKET_KEY,
    Counts,
    PromptRecord,
    RunningPrompt,
    WorkerReport,
)
from v05_verl.plugin.second_wave import SecondWave
from v05_verl.plugin.value_client import PriorTicket, sentence
from v05_verl.prompt_text import problem_text

logger = logging.getLogger(__name__)

# verl exports the Ray actor class only; the plain class is what can be subclassed.
_AgentLoopWorkerTQ = AgentLoopWorkerTQ.__ray_metadata__.modified_class.__ray_actor_class__


class V05AgentLoopWorker(_AgentLoopWorkerTQ):
    """Runs a first wave of ``k_init`` rollouts per training prompt, then as many as the budget policy asks for.

    Validation prompts, and training prompts with verl's own ``__rollout_n__`` field, take verl's path.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._v05 = v05_config.from_verl(self.config)
        self._method = method.build(self._v05)
        self._running: dict[str, RunningPrompt | None] = {}  # None: dispatched, not yet begun
        self._second_waves: dict[str, SecondWave] = {}  # by prompt, with the budget total
        self._counts = Counts()
        self._scheduler_error: str | None = None
        self._rollout_error: str | None = None

    async def report(self) -> WorkerReport:
        """What this worker did since it started.

        With a copy of the counts: Ray pickles the result after this returns, while prompts go on.
        """
        running = {
            uid: prompt.record.asked - prompt.record.failed if prompt else 0 for uid, prompt in self._running.items()
        }
        return WorkerReport(replace(self._counts), running, self._scheduler_error, self._rollout_error)

    async def generate_sequences(self, batch) -> None:
        # Known from the moment of dispatch on: the trainer counts rows in the queue and prompts in the workers, and a
        # prompt must be in one of both.
        if not ("validate" in batch and batch["validate"]):
            uids = [str(getattr(uid, "data", uid)) for uid in batch["uid"]]
            self._running |= dict.fromkeys(uids)
            if SHARE_KEY in batch.keys():
                shares = dict(zip(uids, batch[SHARE_KEY].tolist(), strict=True))
                self._second_waves |= dict.fromkeys(uids, SecondWave(shares))
        await super().generate_sequences(batch)

    async def _agent_loop_postprocess(self, output, validate, **kwargs) -> None:
        await super()._agent_loop_postprocess(output, validate, **kwargs)
        prompt = self._running.get(kwargs["uid"])  # none for validation prompts
        outputs = output if isinstance(output, list) else [output]
        if prompt is None or not outputs:
            return
        # Only now, when its rows are written: the reward of a rollout that fails later decides nothing.
        session, last = kwargs["session_id"], outputs[-1]
        keys = [f"{kwargs['uid']}_{session}_{i}" for i in range(len(outputs))]
        prompt.note(session, keys, last.reward_score, last.extra_fields.get("reward_extra_info", {}))
        self._counts.tokens += sum(len(each.response_ids) for each in outputs)

    async def _run_prompt(self, prompt: dict, sampling_params: dict, trajectory: dict, trace: bool = False) -> None:
        ticket = prompt.pop(TICKET_KEY, None)
        prompt.pop(SHARE_KEY, None)
        if trajectory["validate"]:
            return await super()._run_prompt(prompt, sampling_params, trajectory, trace)

        uid = prompt["uid"]
        await tq.async_kv_put(key=uid, partition_id="train", tag={"status": "running"})
        prompt[TEXT_FIELD] = problem_text(prompt["raw_prompt"], prompt.get("extra_info"))
        record = PromptRecord(uid=uid, text=prompt[TEXT_FIELD], asked_at=int(trajectory["step"]))
        running = self._running[uid] = RunningPrompt(record)
        try:
            await self._run_waves(running, ticket, prompt, sampling_params, trajectory, trace)
        except Exception as error:  # raised again in the trainer, which asks for it
            logger.exception("v05: the budget of prompt %s failed", uid)
            self._scheduler_error = f"prompt {record.text[:200]!r}: {type(error).__name__}: {error}"
        finally:
            if second_wave := self._second_waves.pop(uid, None):
                second_wave.leave(uid)
        keys, tags = running.row_tags()
        if keys:
            await tq.async_kv_batch_put(keys=keys, partition_id="train", tags=tags)
        # Last, so that no rollout is written after the replay buffer took the group. A group of which something came
        # back is trained on; verl's own worker calls it a failure, and asynchronous buffers throw those away.
        await tq.async_kv_put(key=uid, partition_id="train", tag={"status": "finished" if keys else "failure"})
        if keys:
            self._counts.prompts += 1
        else:
            self._counts.failed_prompts += 1
        del self._running[uid]

    async def _run_waves(self, running, ticket, prompt, sampling_params, trajectory, trace) -> None:
        sampling_params = dict(sampling_params)
        if not prompt.pop("__do_sample__", True):
            apply_greedy_sampling_params(sampling_params)
        fixed_n = prompt.pop(GROUP_SIZE_KEY, None)
        record = running.record
        record.generation = ticket and ticket.generation
        knowing = self._method.knowing(ticket and ticket.prior_model)
        wanted = knowing.k_init if fixed_n is None else int(fixed_n)
        # Fetched while the first wave generates, so that a prior that came in time costs no wait.
        prior = asyncio.create_task(self._prior(record.uid, ticket))
        while wanted:
            await self._run_wave(running, wanted, prompt, sampling_params, trajectory, trace)
            rewards = list(running.rewards.values())
            if record.waves == 1:
                await self._await_prior(record, prior)
            # A reward outside the range stops the run in the trainer, which names it; no budget is spent on it here.
            if fixed_n is not None or not scale.is_within(rewards, self._v05.reward_range).all():
                break
            rewards = np.clip(rewards, *self._v05.reward_range).tolist()
            second_wave = self._second_waves.get(record.uid)
            if second_wave is None:
                wanted = self._further(knowing, record, rewards)
            else:
                wanted = await second_wave.size(knowing, record, rewards) if record.waves == 1 else 0

    @staticmethod
    def _further(knowing: method.Method, record: PromptRecord, rewards: list[float]) -> int:
        mean = sum(rewards) / max(len(rewards), 1)
        prior = float("nan") if record.prior is None else record.prior
        return int(knowing.further(mean, len(rewards), record.waves, prior, record.asked)[0])

    async def _run_wave(self, running, wanted, prompt, sampling_params, trajectory, trace) -> None:
        record = running.record
        sessions = range(record.asked, record.asked + wanted)
        record.wave_sizes.append(wanted)
        self._counts.asked += wanted
        results = await asyncio.gather(
            *(
                self._run_agent_loop(
                    dict(sampling_params), trajectory=trajectory, trace=trace, session_id=session, **prompt
                )
                for session in sessions
            ),
            return_exceptions=True,
        )
        for session, result in zip(sessions, results, strict=True):
            if isinstance(result, BaseException):
                logger.error("v05: rollout %s of prompt %s failed", session, record.uid, exc_info=result)
                self._rollout_error = f"{type(result).__name__}: {result}"
        written = {int(key.rsplit("_", 2)[1]) for key in running.row_keys}
        failed = sum(session not in written for session in sessions)
        record.failed += failed
        self._counts.failed += failed

    async def _await_prior(self, record: PromptRecord, prior: asyncio.Task) -> None:
        started = time.monotonic()
        try:
            if not prior.done():
                await asyncio.wait_for(asyncio.shield(prior), self._v05.value.timeout_s)
            record.prior = prior.result()
        except TimeoutError:
            record.prior_error = f"the value model did not answer within {self._v05.value.timeout_s:g} s"
        except Exception as error:  # the trainer warns with this cause, counts it and mends the value model
            record.prior_error = sentence(error)
        record.prior_wait_s = time.monotonic() - started

    async def _prior(self, uid: str, ticket: PriorTicket | None) -> float:
        if ticket is None:
            raise LookupError("the batch brought no prior; dispatch it through V05AgentLoopManager")
        for uids, ref in zip(ticket.keys, ticket.refs, strict=True):
            if uid in uids:
                success_rates = await ref
                return float(scale.to_reward(success_rates[uids.index(uid)], self._v05.reward_range))
        raise LookupError(f"no prior was asked for prompt {uid}")

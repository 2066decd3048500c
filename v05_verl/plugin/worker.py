# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""verl's agent loop worker with a rollout budget per prompt."""

from __future__ import annotations

import asyncio
import logging
import time

import transfer_queue as tq
from verl.trainer.ppo.v1.agent_loop_tq import AgentLoopWorkerTQ, apply_greedy_sampling_params

from v05_verl import config as v05_config
from v05_verl import method
from v05_verl.core import checks, scale
from v05_verl.plugin.records import GROUP_SIZE_KEY, TICKET_KEY, PromptRecord
from v05_verl.plugin.value_client import PriorTicket
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
        self._rewards: dict[str, dict[int, float]] = {}
        self._running: dict[str, PromptRecord] = {}
        self._records: dict[str, PromptRecord] = {}

    async def take_records(self) -> dict[str, PromptRecord]:
        """Records of the prompts that ended since the last call, by uid."""
        records, self._records = self._records, {}
        return records

    async def _compute_score(self, outputs, kwargs) -> None:
        await super()._compute_score(outputs, kwargs)
        rewards = self._rewards.get(kwargs["uid"])  # none for validation prompts
        if rewards is not None and outputs[-1].reward_score is not None:
            rewards[kwargs["session_id"]] = float(outputs[-1].reward_score)
            self._running[kwargs["uid"]].note_reward_info(outputs[-1].extra_fields.get("reward_extra_info", {}))

    async def _run_prompt(self, prompt: dict, sampling_params: dict, trajectory: dict, trace: bool = False) -> None:
        ticket = prompt.pop(TICKET_KEY, None)
        if trajectory["validate"]:
            return await super()._run_prompt(prompt, sampling_params, trajectory, trace)

        uid = prompt["uid"]
        await tq.async_kv_put(key=uid, partition_id="train", tag={"status": "running"})
        record = PromptRecord(uid=uid, text=problem_text(prompt["raw_prompt"], prompt.get("extra_info")))
        self._rewards[uid], self._running[uid] = {}, record
        try:
            await self._run_waves(record, ticket, prompt, sampling_params, trajectory, trace)
        except Exception as error:  # raised again in the trainer, which sees the record
            logger.exception("v05: the budget of prompt %s failed", uid)
            record.error = f"{type(error).__name__}: {error}"
        del self._rewards[uid], self._running[uid]
        self._records[uid] = record
        status = "failure" if record.failed_sessions or record.error else "finished"
        # Only now, so that no rollout is written after the replay buffer took the group.
        await tq.async_kv_put(key=uid, partition_id="train", tag={"status": status})

    async def _run_waves(self, record, ticket, prompt, sampling_params, trajectory, trace) -> None:
        sampling_params = dict(sampling_params)
        if not prompt.pop("__do_sample__", True):
            apply_greedy_sampling_params(sampling_params)
        fixed_n = prompt.pop(GROUP_SIZE_KEY, None)
        knowing = self._method.knowing(ticket and ticket.prior_model)
        wanted = knowing.k_init if fixed_n is None else int(fixed_n)
        # Fetched while the first wave generates, so that a prior that came in time costs no wait.
        prior = asyncio.create_task(self._prior(record.uid, ticket))
        while wanted:
            await self._run_wave(record, wanted, prompt, sampling_params, trajectory, trace)
            rewards = list(self._rewards[record.uid].values())
            if record.waves == 1:
                await self._await_prior(record, prior)
            # A reward outside the range stops the run in the trainer, which names it; no budget is spent on it here.
            if fixed_n is not None or not self._all_in_range(rewards):
                break
            wanted = self._further(knowing, record, rewards)

    @staticmethod
    def _further(knowing: method.Method, record: PromptRecord, rewards: list[float]) -> int:
        mean = sum(rewards) / max(len(rewards), 1)
        prior = float("nan") if record.prior is None else record.prior
        return int(knowing.further(mean, len(rewards), record.waves, prior, record.asked)[0])

    async def _run_wave(self, record, wanted, prompt, sampling_params, trajectory, trace) -> None:
        sessions = range(record.asked, record.asked + wanted)
        record.wave_of_session += [record.waves] * wanted
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
                record.failed_sessions.append(session)

    async def _await_prior(self, record: PromptRecord, prior: asyncio.Task) -> None:
        started = time.monotonic()
        try:
            if not prior.done():
                await asyncio.wait_for(asyncio.shield(prior), self._v05.value.timeout_s)
                record.prior_wait_s = time.monotonic() - started
            record.prior = prior.result()
        except TimeoutError:
            record.prior_error = f"the value model did not answer within {self._v05.value.timeout_s:g} s"
        except Exception as error:  # the trainer warns with this cause, counts it and restarts the value model
            record.prior_error = f"{type(error).__name__}: {error}"

    async def _prior(self, uid: str, ticket: PriorTicket | None) -> float:
        if ticket is None:
            raise LookupError("the batch brought no prior; dispatch it through V05AgentLoopManager")
        for uids, ref in zip(ticket.keys, ticket.refs, strict=True):
            if uid in uids:
                success_rates = await ref
                return float(scale.to_reward(success_rates[uids.index(uid)], self._v05.reward_range))
        raise LookupError(f"no prior was asked for prompt {uid}")

    def _all_in_range(self, rewards: list[float]) -> bool:
        try:
            checks.in_range("reward", rewards, self._v05.reward_range)
        except ValueError:
            return False
        return True

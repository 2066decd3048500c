# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""verl's rollout engine ``hf``: one Ray actor around :class:`v05_verl.cpu.engine.Engine`.

``HFReplica`` is what verl's LLM server manager launches; ``HFServerAdapter`` lives in the training worker and hands
the actor's new weights to the server.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

import ray
import torch
from transformers import AutoModelForCausalLM
from verl.utils.config import omega_conf_to_dataclass
from verl.workers.rollout.base import BaseRollout
from verl.workers.rollout.replica import RolloutReplica, TokenOutput
from verl.workers.rollout.utils import ensure_async_iterator

from v05_verl.cpu.engine import Engine, Sampling, Sequence


def server_name(replica_rank: int) -> str:
    """Name of the Ray actor that serves a replica."""
    return f"v05_hf_rollout_{replica_rank}"


def engine_of(config, model_config, replica_rank: int) -> Engine:
    """The engine of a replica, from verl's sections ``rollout`` and ``model``."""
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    model_config = omega_conf_to_dataclass(model_config)
    model = AutoModelForCausalLM.from_pretrained(
        model_config.local_path, dtype=torch.float32, attn_implementation="sdpa"
    ).eval()
    tokenizer = model_config.tokenizer
    eos = model.generation_config.eos_token_id
    return Engine(
        model,
        eos_token_ids={tokenizer.eos_token_id, *(eos if isinstance(eos, list) else [eos])} - {None},
        vocab_size=len(tokenizer),
        max_rows=config.max_num_seqs,
        max_positions=config.max_model_len or config.prompt_length + config.response_length,
        seed=config.seed + replica_rank,
    )


class HFServer:
    """Token-in, token-out generation with verl's server interface; generation runs in one background thread."""

    def __init__(self, config, model_config, replica_rank: int):
        self._config = config
        self._engine = engine_of(config, model_config, replica_rank)
        self._global_steps: int | None = None
        self._stepping = asyncio.Lock()
        self._wake = asyncio.Event()
        self._admitting = asyncio.Event()
        self._admitting.set()
        self._rejecting = False
        self._loop_task: asyncio.Task | None = None

    async def ready(self) -> bool:
        return True

    async def generate(
        self, request_id: str, prompt_ids: list[int], sampling_params: dict[str, Any], **kwargs
    ) -> TokenOutput:
        """Generates one response; an error of the engine is raised to the caller of each affected request.

        The response may be cut ("aborted"); verl's asynchronous client then asks again with what it has.

        ``sampling_params["forced_response"]`` (ours): these tokens are the response, and nothing is sampled.
        """
        if self._rejecting:
            return self._output([], [], "aborted", self._global_steps, self._global_steps)
        max_tokens = self._max_tokens(len(prompt_ids), sampling_params)
        sampling = Sampling(
            temperature=float(sampling_params.get("temperature", 1.0)),
            top_p=float(sampling_params.get("top_p", 1.0)),
            top_k=int(sampling_params.get("top_k", -1)),
        )
        if "forced_response" in sampling_params:
            return await self._forced(list(prompt_ids), list(sampling_params["forced_response"]), max_tokens, sampling)
        if self._loop_task is None:
            self._loop_task = asyncio.create_task(self._run_engine())
        started_at_step = self._global_steps
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[tuple[str, int | None]] = loop.create_future()

        def end(stop_reason: str) -> None:
            # The version is that of the moment: an update may follow before the waiting caller runs.
            loop.call_soon_threadsafe(ended.set_result, (stop_reason, self._global_steps))

        sequence = Sequence(
            prompt=list(prompt_ids),
            max_tokens=max_tokens,
            sampling=sampling,
            on_done=end,
            on_error=lambda error: loop.call_soon_threadsafe(ended.set_exception, error),
        )
        self._engine.add(sequence)
        self._wake.set()
        stop_reason, version = await ended
        log_probs = sequence.log_probs if sampling_params.get("logprobs") else None
        return self._output(sequence.tokens, log_probs, stop_reason, started_at_step, version)

    async def _forced(self, prompt: list[int], response: list[int], max_tokens: int, sampling: Sampling) -> TokenOutput:
        """The given response, whole, with its log-probabilities under the weights of the moment."""
        if sampling != Sampling():
            raise ValueError(
                f"a forced response has its probability at temperature 1, without top_p and top_k, not at {sampling}"
            )
        if len(response) > max_tokens:
            raise ValueError(f"the forced response has {len(response)} tokens, and a response may have {max_tokens}")
        await self._admitting.wait()
        async with self._stepping:  # the weights and their version stay what they are
            version = self._global_steps
            log_probs = await asyncio.to_thread(self._engine.log_probs, prompt, response)
        return self._output(response, log_probs, "completed", version, version)

    @staticmethod
    def _output(tokens, log_probs, stop_reason: str, first_version: int | None, version: int | None) -> TokenOutput:
        versions = {"global_steps": version, "min_global_steps": first_version, "max_global_steps": version}
        return TokenOutput(token_ids=tokens, log_probs=log_probs, stop_reason=stop_reason, extra_fields=versions)

    def _max_tokens(self, prompt_length: int, sampling_params: dict[str, Any]) -> int:
        asked = sampling_params.get("max_tokens") or sampling_params.get("max_new_tokens")
        room = self._engine.max_positions - prompt_length
        return min(asked or self._config.response_length, room)

    async def _run_engine(self) -> None:
        while True:
            if not self._engine.busy:
                self._wake.clear()
                await self._wake.wait()
            await self._admitting.wait()
            async with self._stepping:
                await self._step(admit=self._admitting.is_set())

    async def _step(self, admit: bool) -> None:
        try:
            await asyncio.to_thread(self._engine.step, admit)
        except Exception as error:  # raised to every caller whose request it broke; the server lives on
            for sequence in self._engine.drop_all():
                sequence.on_error(error)

    async def update_weights(self, weights: dict[str, torch.Tensor], global_steps: int | None = None) -> None:
        """Replaces the model's parameters once no sequence is running; raises KeyError for a name it lacks."""
        async with self._stepping:
            while self._engine.running:
                await self._step(admit=False)
            parameters = self._engine.model.state_dict()
            unknown = sorted(set(weights) - set(parameters))
            if unknown:
                raise KeyError(f"the rollout model has no parameter {unknown[0]} ({len(unknown)} unknown names)")
            with torch.no_grad():
                for name, value in weights.items():
                    parameters[name].copy_(value)
            if global_steps is not None:
                self._global_steps = global_steps

    async def abort_all_requests(self, reject_request: bool = False) -> None:
        """Ends every request with the tokens that it has, and holds later ones until ``resume_generation``.

        With ``reject_request`` later ones end as well, without a token: the replica leaves for long, and the client
        asks another one.
        """
        self._admitting.clear()
        self._rejecting = reject_request
        async with self._stepping:
            for sequence in self._engine.drop_all():
                sequence.on_done("aborted")

    async def resume_generation(self) -> None:
        self._rejecting = False
        self._admitting.set()

    async def weights(self) -> dict[str, torch.Tensor]:
        """The parameters that generate now, by name."""
        return {name: value.clone() for name, value in self._engine.model.state_dict().items()}

    async def set_global_steps(self, global_steps: int) -> None:
        self._global_steps = global_steps

    # Weights and cache stay in host memory: there is nothing to release between generation and training.
    async def wake_up(self, tags: list[str] | None = None) -> None: ...

    async def sleep(self) -> None: ...

    async def clear_kv_cache(self) -> None: ...

    async def release_kv_cache(self) -> None: ...

    async def resume_kv_cache(self) -> None: ...

    async def start_profile(self, **kwargs) -> None: ...

    async def stop_profile(self) -> None: ...


class HFReplica(RolloutReplica):
    """One server actor beside the training worker."""

    async def launch_servers(self) -> None:
        server = (
            ray.remote(HFServer)
            .options(name=server_name(self.replica_rank), num_cpus=0, max_concurrency=self.max_concurrency)
            .remote(self.config, self.model_config, self.replica_rank)
        )
        await server.ready.remote()
        self.servers = [server]
        self._server_handle = server
        self._server_address = server_name(self.replica_rank)


class HFServerAdapter(BaseRollout):
    """The training worker's side of the weight transfer."""

    is_leader_rank = True
    """Every rank has a server of its own."""

    def __init__(self, config, model_config, device_mesh, replica_rank: int = -1, **kwargs):
        super().__init__(config, model_config, device_mesh)
        self.replica_rank = int(os.environ["RANK"]) if replica_rank == -1 else replica_rank

    async def resume(self, tags: list[str]) -> None:
        """Nothing was released."""

    async def release(self) -> None:
        """Host memory is kept."""

    @torch.no_grad()
    async def update_weights(self, weights, global_steps=None, wire_format: str = "named_tensors", **kwargs) -> None:
        if wire_format != "named_tensors":
            raise NotImplementedError(
                f"the hf rollout takes whole tensors, not {wire_format!r}; leave rollout.checkpoint_engine alone"
            )
        named = {name: tensor.detach().cpu() async for name, tensor in ensure_async_iterator(weights)}
        await ray.get_actor(server_name(self.replica_rank)).update_weights.remote(named, global_steps)

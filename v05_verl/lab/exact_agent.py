# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Exact success rates in verl's validation, for tasks with one right answer: nothing is sampled, so there is no noise.

A row asks for it with ``agent_name = "exact_agent"``; it needs the engine ``hf``, which can say how probable a given
response is. The file that ``actor_rollout_ref.rollout.agent.agent_loop_config_path`` names declares the class
(``python -m v05_verl.lab.toy --sampled-agent exact_agent`` writes rows and file).
"""

from __future__ import annotations

import math
from typing import Any

from verl.experimental.agent_loop.agent_loop import AgentLoopOutput
from verl.experimental.agent_loop.single_turn_agent_loop import SingleTurnAgentLoop

AGENT_NAME = "exact_agent"
AT_TEMPERATURE_1 = {"temperature": 1.0, "top_p": 1.0, "top_k": -1, "logprobs": True}


class ExactAgentLoop(SingleTurnAgentLoop):
    """verl's single-turn loop with the right answer as response and its probability as reward and as ``acc``.

    That is the success rate at temperature 1, whatever the sampling parameters of the run, as
    :func:`v05_verl.lab.scoring.exact_accuracy` computes it: exp of the summed log-probabilities of the tokens of
    ``reward_model.ground_truth`` and EOS, in [0, 1]. The reward function is not asked.

    Raises:
        ValueError: the engine is not ``hf``, the row has no answer that the tokenizer can write, or the answer is
            longer than a response may be.
    """

    async def run(self, sampling_params: dict[str, Any], priority: int = 0, **kwargs: Any) -> AgentLoopOutput:
        answer = self._answer(kwargs)
        forced = {**sampling_params, **AT_TEMPERATURE_1, "forced_response": answer}
        output = await super().run(forced, priority=priority, **kwargs)
        if output.response_ids != answer or len(output.response_logprobs or []) != len(answer):
            raise ValueError(
                f"{AGENT_NAME}: asked for the tokens {answer} with log-probabilities, got {output.response_ids}"
            )
        output.reward_score = math.exp(math.fsum(output.response_logprobs))
        output.extra_fields["reward_extra_info"] = {"acc": output.reward_score}
        return output

    def _answer(self, row: dict[str, Any]) -> list[int]:
        """Token ids of the row's answer, EOS at the end."""
        if self.rollout_config.name != "hf":
            raise ValueError(
                f"{AGENT_NAME} needs the engine hf (+cpu=hf), {self.rollout_config.name!r} cannot say how probable an "
                "answer is; build the toy with --sampled-agent single_turn_agent"
            )
        truth = row.get("reward_model", {}).get("ground_truth")
        if not isinstance(truth, str):
            raise ValueError(f"{AGENT_NAME} needs a text in reward_model.ground_truth, got {truth!r}")
        answer = [*self.tokenizer.encode(truth, add_special_tokens=False), self.tokenizer.eos_token_id]
        if self.tokenizer.decode(answer[:-1]) != truth:
            raise ValueError(f"{AGENT_NAME}: the tokenizer cannot write the answer {truth!r}, it lacks a character")
        if len(answer) > self.response_length:
            raise ValueError(
                f"{AGENT_NAME}: the answer {truth!r} takes {len(answer)} tokens with its end; raise "
                f"data.max_response_length, {self.response_length}"
            )
        return answer

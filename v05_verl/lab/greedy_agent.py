# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Greedy decoding for single rows, so that one validation pass of verl gives sampled and greedy accuracy.

A row asks for it with ``agent_name = "greedy_agent"``; the file that
``actor_rollout_ref.rollout.agent.agent_loop_config_path`` names declares the class (``python -m v05_verl.lab.toy``
writes one).
"""

from __future__ import annotations

from typing import Any

from verl.experimental.agent_loop.agent_loop import AgentLoopOutput
from verl.experimental.agent_loop.single_turn_agent_loop import SingleTurnAgentLoop

GREEDY = {"temperature": 0.0, "top_p": 1.0, "top_k": -1}


class GreedyAgentLoop(SingleTurnAgentLoop):
    """verl's single-turn loop at temperature 0, whatever the sampling parameters of the run."""

    async def run(self, sampling_params: dict[str, Any], priority: int = 0, **kwargs: Any) -> AgentLoopOutput:
        return await super().run({**sampling_params, **GREEDY}, priority=priority, **kwargs)

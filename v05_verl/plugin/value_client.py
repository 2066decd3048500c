# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""A value model in Ray actors, and the client that asks it, feeds it and brings it back when it dies."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
import ray

from v05_verl.config import ValueConfig
from v05_verl.core.posterior import PriorModel
from v05_verl.value import build

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PriorTicket:
    """Priors that were asked for; whoever holds it may wait for them."""

    keys: list[list[str]]
    """The caller's name of each prompt, by request."""
    refs: list[ray.ObjectRef]
    """By request, the array of success rates once the value model has answered."""
    prior_model: PriorModel | None = None
    """What the robust mode knows about priors; None in the paper's mode."""


class ValueService:
    """Hosts one value model; its methods run one after the other, in the order in which they were called."""

    def __init__(self, name: str, options: dict[str, Any], state: dict[str, Any] | None):
        self._model = build(name, **options)
        if state is not None:
            self._model.load_state_dict(state)

    def ready(self) -> bool:
        return True

    def predict(self, prompts: list[str], step: int) -> np.ndarray:
        """Success rates in (0, 1), one per prompt."""
        return self._model.predict(prompts, step)

    def observe(self, prompts: list[str], successes: np.ndarray, trials: np.ndarray, step: int) -> dict[str, Any]:
        """Learns from outcomes; returns the state after them, so that the caller can bring it back."""
        self._model.observe(prompts, successes, trials, step)
        return self._model.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._model.load_state_dict(state)


class ValueClient:
    """The trainer's side of the value model: ``ask``, ``tell``, ``failure`` and ``restart`` never wait for it.

    Raises on construction what the model's constructor raises (ValueError for a wrong name or option), as a Ray error.
    """

    def __init__(self, config: ValueConfig):
        self._config = config
        self._state: Any = None  # the state after the last outcomes that were learned, or the reference to it
        self._outcomes: tuple | None = None  # sent, and not known to be learned
        self._learning: list[ray.ObjectRef] = []
        self._start()
        ray.get([replica.ready.remote() for replica in self._replicas])

    def ask(self, keys: list[str], prompts: list[str], step: int) -> PriorTicket:
        """Asks for the priors of a batch; the replicas share the prompts."""
        shares = np.array_split(np.arange(len(prompts)), len(self._replicas))
        asked = [(replica, share) for replica, share in zip(self._replicas, shares, strict=True) if len(share)]
        return PriorTicket(
            keys=[[keys[i] for i in share] for _, share in asked],
            refs=[replica.predict.remote([prompts[i] for i in share], step) for replica, share in asked],
        )

    def wait(self, ticket: PriorTicket) -> np.ndarray:
        """The success rates of ``ticket``'s prompts in the order in which they were asked for.

        Raises TimeoutError after ``timeout_s``, and what Ray raises where the value model failed.
        """
        return np.concatenate(ray.get(ticket.refs, timeout=self._config.timeout_s))

    def tell(self, prompts: list[str], successes: np.ndarray, trials: np.ndarray, step: int) -> None:
        """Sends outcomes of training step ``step`` to every replica."""
        self._outcomes = (prompts, successes, trials, step)
        self._learning = [replica.observe.remote(*self._outcomes) for replica in self._replicas]

    def failure(self) -> str | None:
        """Why learning from the last outcomes failed; None where it did not or has not ended."""
        if not self._learning:
            return None
        done, pending = ray.wait(self._learning, num_returns=len(self._learning), timeout=0)
        try:
            ray.get(done)
        except ray.exceptions.RayError as error:
            return f"{type(error).__name__}: {error}"
        if not pending:
            self._state, self._outcomes, self._learning = self._learning[0], None, []
        return None

    def restart(self) -> None:
        """Replaces the replicas by new ones, which start from the last state and learn what was not yet learned."""
        self.failure()
        self.close()
        self._start()
        if self._outcomes is not None:
            self.tell(*self._outcomes)

    def state_dict(self) -> dict[str, Any] | None:
        """State after the last outcomes, waiting up to ``timeout_s`` for them; None before the first."""
        if self._learning:
            ray.wait(self._learning, num_returns=len(self._learning), timeout=self._config.timeout_s)
        problem = self.failure()
        if problem or self._learning:
            logger.warning("v05: the value model's state lacks its last outcomes: %s", problem or "still learning")
        return ray.get(self._state) if isinstance(self._state, ray.ObjectRef) else self._state

    def load_state_dict(self, state: dict[str, Any] | None) -> None:
        """Restores every replica; raises what the model raises for a state that does not fit."""
        self._state = state
        if state is not None:
            ray.get([replica.load_state_dict.remote(state) for replica in self._replicas])

    def close(self) -> None:
        """Ends the actors."""
        for replica in self._replicas:
            ray.kill(replica)
        self._replicas = []

    def _start(self) -> None:
        config = self._config
        actor = ray.remote(ValueService).options(num_cpus=config.num_cpus, num_gpus=config.num_gpus)
        self._learning = []
        self._replicas = [actor.remote(*config.model, self._state) for _ in range(config.replicas)]

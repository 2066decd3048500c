# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""A value model in Ray actors, and the client that asks it, feeds it and brings it back when it dies."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import ray
from ray.exceptions import RayActorError, RayError, RayTaskError

from v05_verl import state_file
from v05_verl.config import ValueConfig
from v05_verl.core import checks
from v05_verl.core.posterior import PriorModel
from v05_verl.state_checks import check_fields, state_array, state_count, state_texts
from v05_verl.value import build
from v05_verl.value.base import checked_outcomes

logger = logging.getLogger(__name__)

STILL_LOADING = -1
"""Generation of a ticket that was asked while the model was being built."""
STATE_EVERY = 20
"""Calls of ``tell`` between two copies of the state; what was told since the last is kept beside it."""
LOADING_REPORT_S = 60
"""Seconds between two sentences about a model that is not ready at the start of a run."""
_TOLD = ("prompts", "successes", "trials", "step")


@dataclass(frozen=True)
class PriorTicket:
    """Priors that were asked for; whoever holds it may wait for them."""

    keys: list[list[str]]
    """The caller's name of each prompt, by request."""
    refs: list[ray.ObjectRef]
    """By request, the array of success rates once the value model has answered."""
    prior_model: PriorModel | None = None
    """What the robust mode knows about priors; None in the paper's mode."""
    generation: int = 0
    """How many restarts preceded the model that was asked, or ``STILL_LOADING``."""


class ValueService:
    """Hosts one value model; its methods run one after the other, in the order in which they were called."""

    def __init__(self, name: str, options: dict[str, Any], state: dict[str, Any] | None):
        if not ray.get_gpu_ids():
            # Ray leaves all GPUs of a node visible to who has reserved none: a model would settle on one that trains.
            os.environ["CUDA_VISIBLE_DEVICES"] = ""
        self._name = name
        self._model = build(name, **options)
        if state is not None:
            self._model.load_state_dict(state)

    def ready(self) -> bool:
        return True

    def predict(self, prompts: list[str], step: int) -> np.ndarray:
        """Success rates in [0, 1], one per prompt; ValueError where the model answers anything else."""
        try:
            answer = checks.unit_interval("success_rate", self._model.predict(prompts, step))
            if answer.shape != (len(prompts),):
                raise ValueError(f"it has the shape {answer.shape}")
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"the answer of value model {self._name} for {len(prompts)} prompts is not {len(prompts)} success "
                f"rates in [0, 1]: {error}"
            ) from error
        return answer

    def observe(self, prompts: list[str], successes: np.ndarray, trials: np.ndarray, step: int) -> None:
        """Learns from outcomes."""
        self._model.observe(prompts, successes, trials, step)

    def state_dict(self) -> dict[str, Any]:
        """The model's; ValueError where a file of data cannot hold it."""
        state = self._model.state_dict()
        state_file.check(state, f"the state of value model {self._name}")
        return state

    def digest(self) -> str:
        """Of the model's state; it stays where it is."""
        return state_file.digest(self._model.state_dict())

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._model.load_state_dict(state)


@dataclass(eq=False)
class _Told:
    """Outcomes of one call of ``tell``, and each replica's acknowledgement."""

    outcomes: tuple[list[str], np.ndarray, np.ndarray, int]
    learning: list[ray.ObjectRef] = field(default_factory=list)


class ValueClient:
    """The trainer's side of the value model: ``ask``, ``tell`` and ``mend`` never wait for it.

    What it has learned is its last copied state and the outcomes told since, in order; a replica that is started anew
    gets both. Raises on construction what the model's constructor raises (ValueError for a wrong name or option), as a
    Ray error, and ValueError where the cluster lacks what the replicas need beside what is ``taken``, by kind.
    """

    def __init__(self, config: ValueConfig, taken: Mapping[str, float] | None = None):
        self._config = config
        self._state: Any = None  # or the reference to it
        self._told: list[_Told] = []  # since that state, oldest first
        self._copying: tuple[ray.ObjectRef, int] | None = None  # the next state, and how many of _told it knows
        self._generation = 0
        self._silent_updates = 0
        self.dropped_outcomes = 0
        """Outcomes of prompts that the model refused with an error."""
        self._check_cluster(taken or {})
        self._start()
        while len(ray.wait(self._loading, num_returns=len(self._loading), timeout=LOADING_REPORT_S)[1]):
            logger.warning("v05: waiting for the value model %s to be built (Ray has %s left)", *self._described())
        ray.get(self._loading)

    def ask(self, keys: list[str], prompts: list[str], step: int) -> PriorTicket:
        """Asks for the priors of a batch; the replicas share the prompts."""
        shares = np.array_split(np.arange(len(prompts)), len(self._replicas))
        asked = [(replica, share) for replica, share in zip(self._replicas, shares, strict=True) if len(share)]
        return PriorTicket(
            keys=[[keys[i] for i in share] for _, share in asked],
            refs=[replica.predict.remote([prompts[i] for i in share], step) for replica, share in asked],
            generation=self._generation if self._is_built() else STILL_LOADING,
        )

    def wait(self, ticket: PriorTicket) -> np.ndarray:
        """The success rates of ``ticket``'s prompts in the order in which they were asked for.

        Raises TimeoutError after ``timeout_s``, and what Ray raises where the value model failed.
        """
        return np.concatenate(ray.get(ticket.refs, timeout=self._config.timeout_s))

    def tell(self, prompts: list[str], successes: np.ndarray, trials: np.ndarray, step: int) -> None:
        """Sends outcomes of training step ``step`` to every replica."""
        self._told.append(_Told((prompts, successes, trials, step)))
        self._send(self._told[-1])
        if self._copying is None and len(self._told) >= STATE_EVERY:
            self._copying = self._replicas[0].state_dict.remote(), len(self._told)

    def failure(self) -> str | None:
        """Why the model did not learn what it was told: it died, or it refused outcomes, which are then dropped."""
        cause = None
        for told in list(self._told):
            done, _ = ray.wait(told.learning, num_returns=len(told.learning), timeout=0)
            try:
                ray.get(done)
            except RayTaskError as error:
                self._told.remove(told)
                self.dropped_outcomes += len(told.outcomes[0])
                self._copying = None  # its count of outcomes no longer fits
                cause = f"{len(told.outcomes[0])} outcomes of step {told.outcomes[-1]} are dropped: {sentence(error)}"
            except RayError as error:
                return sentence(error)
        return self._take_copy() or cause

    def heard(self) -> None:
        """Nothing of an update is amiss: silence before it counts no longer."""
        self._silent_updates = 0

    def mend(self, silent: bool, answered: bool) -> str:
        """Restarts the model where it died, or where it was silent in two updates running; may take a second.

        Args:
            silent: prompts of this update have no prior, though the model of this generation was built and asked.
            answered: it gave a prior to other prompts of the update: it is alive, and slow.

        Returns:
            The rest of a sentence that begins with "the value model": what became of it.
        """
        self._silent_updates = self._silent_updates + 1 if silent and not answered else 0
        if self._is_dead():
            return self._restart("died")
        if self._silent_updates >= 2:
            return self._restart("gave no prior in two updates running")
        return "is asked again" if self._is_built() else "is still being built"

    @property
    def generation(self) -> int:
        """Restarts so far."""
        return self._generation

    def state_dict(self) -> dict[str, Any]:
        """All that was learned: ``state``, None before the first copy, and what was ``told`` since.

        Waits up to ``timeout_s`` for the model to copy its state; where it does not, the last copy stands.
        """
        self.failure()
        if self._told and not self._is_dead():
            self._copying = self._replicas[0].state_dict.remote(), len(self._told)
            ray.wait([self._copying[0]], timeout=self._config.timeout_s)
            if problem := self.failure():
                logger.warning(
                    "v05: the value model's state is saved with outcomes that it did not take in: %s", problem
                )
        state = ray.get(self._state) if isinstance(self._state, ray.ObjectRef) else self._state
        told = [dict(zip(_TOLD, told.outcomes, strict=True)) for told in self._told]
        return {"state": state, "told": told}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores every replica; ValueError for what is no such state, and what the model raises for its own part."""
        check_fields("value model", state, ("state", "told"))
        if not isinstance(state["told"], list):
            raise ValueError(f"state: told must be a list, got {type(state['told']).__name__}")
        for told in state["told"]:
            _check_told(told)
        self._state, self._told, self._copying = state["state"], [], None
        if self._state is not None:
            ray.get([replica.load_state_dict.remote(self._state) for replica in self._replicas])
        for told in state["told"]:
            self.tell(**told)

    def digest(self) -> str:
        """Of what the model knows at the moment, as :func:`v05_verl.state_file.digest` gives it for a saved state."""
        return ray.get(self._replicas[0].digest.remote())

    def close(self) -> None:
        """Ends the actors."""
        for replica in self._replicas:
            ray.kill(replica)
        self._replicas = []

    def _start(self) -> None:
        config = self._config
        actor = ray.remote(ValueService).options(num_cpus=config.num_cpus, num_gpus=config.num_gpus)
        self._replicas = [actor.remote(*config.model, self._state) for _ in range(config.replicas)]
        self._loading = [replica.ready.remote() for replica in self._replicas]

    def _restart(self, why: str) -> str:
        self.close()
        self._generation += 1
        self._silent_updates, self._copying = 0, None
        self._start()
        for told in self._told:
            self._send(told)
        return f"{why}, and restarts from its last state"

    def _send(self, told: _Told) -> None:
        told.learning = [replica.observe.remote(*told.outcomes) for replica in self._replicas]

    def _take_copy(self) -> str | None:
        """Takes over the state that was asked for, if it is there."""
        if self._copying is None or not ray.wait([self._copying[0]], timeout=0)[0]:
            return None
        (reference, known), self._copying = self._copying, None
        try:
            ray.get(reference)
        except RayError as error:
            return f"its state cannot be had: {sentence(error)}"
        self._state, self._told = reference, self._told[known:]
        return None

    def _is_built(self) -> bool:
        return not ray.wait(self._loading, num_returns=len(self._loading), timeout=0)[1]

    def _is_dead(self) -> bool:
        """Whether a replica answers with its death, which it does at once; one that is busy does not answer."""
        asked = [replica.ready.remote() for replica in self._replicas]
        answers, _ = ray.wait(asked, num_returns=len(asked), timeout=1)
        try:
            ray.get(answers)
        except RayActorError:
            return True
        return False

    def _described(self) -> tuple[str, dict[str, float]]:
        return self._config.name, {kind: ray.available_resources().get(kind, 0.0) for kind in ("CPU", "GPU")}

    def _check_cluster(self, taken: Mapping[str, float]) -> None:
        whole, config = ray.cluster_resources(), self._config
        for kind, each in (("CPU", config.num_cpus), ("GPU", config.num_gpus)):
            has, needs = whole.get(kind, 0.0), taken.get(kind, 0.0)
            if each and each * config.replicas + needs > has:
                beside = f", of which verl's own processes take {needs:g}" if needs else ""
                raise ValueError(
                    f"v05.value.num_{kind.lower()}s = {each:g} for each of {config.replicas} replicas, but the Ray "
                    f"cluster has {has:g} {kind}s{beside}; lower it, or start Ray with more"
                )


def _check_told(told: Any) -> None:
    check_fields("told", told, _TOLD)
    size = len(state_texts("prompts", told["prompts"]))
    for name in ("successes", "trials"):
        state_array(name, told[name], (size,))
    state_count("step", told["step"], hi=2**31 - 1)
    checked_outcomes(**told)


def sentence(error: Exception) -> str:
    """What went wrong, without the stacks that Ray adds."""
    cause = getattr(error, "cause", None) or error
    return f"{type(cause).__name__}: {str(cause).strip()}"

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""The range of the outcome reward: what the reward function declares, and whether rewards use it."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Sequence

import numpy as np
from omegaconf import DictConfig, OmegaConf, open_dict
from verl.utils.import_utils import load_extern_object

logger = logging.getLogger(__name__)

KEY = "v05.reward_range"
WATCHED_STEPS = 5
"""Steps after which a bound that no reward has reached is told."""


def complete(config: DictConfig) -> None:
    """Sets ``v05.reward_range`` where it is null to what the reward function declares; leaves it null where none does.

    A reward function declares its range by the keyword argument ``reward_range`` that the run gives it
    (``reward.custom_reward_function.reward_kwargs``), an attribute ``reward_range``, or that argument's default.

    Raises:
        ValueError: the key and the declared range differ.
    """
    declared = _declared(config)
    if declared is None:
        return
    given = OmegaConf.select(config, KEY)
    if given is None:
        with open_dict(config):
            config.v05.reward_range = declared
    elif _as_list(given) != declared:
        raise ValueError(
            f"{KEY} is {_as_list(given)}, but the reward function declares {declared}; set both to what it returns "
            "(leave the key out to take the function's own)"
        )


def _declared(config: DictConfig) -> list[float] | None:
    function = OmegaConf.select(config, "reward.custom_reward_function")
    if function is None or not function.get("path"):
        return None
    given = OmegaConf.select(function, "reward_kwargs.reward_range")
    if given is not None:
        return _as_list(given)
    try:
        score = load_extern_object(function.path, function.name)
    except (ImportError, AttributeError, FileNotFoundError) as error:
        # The launching machine need not hold what the reward workers load; verl says it there if they cannot either.
        logger.warning("v05: the reward function %s cannot be loaded here (%s)", function.path, error)
        return None
    own = getattr(score, "reward_range", None)
    if own is None:
        parameter = inspect.signature(score).parameters.get("reward_range")
        own = None if parameter is None or parameter.default is parameter.empty else parameter.default
    return None if own is None else _as_list(own)


def _as_list(bounds: Sequence[float]) -> list[float] | None:
    return [float(bound) for bound in bounds] if isinstance(bounds, Sequence) and len(bounds) == 2 else bounds


class RewardReach:
    """Warns once where the first steps' rewards stay away from a bound of the range.

    Rewards of 0 and 1 lie inside [-1, 1] and stop no run; but then [0, 0, 1, 0] counts as 2.5 successes of 4.
    """

    def __init__(self, reward_range: tuple[float, float]):
        self._range = reward_range
        self._least, self._largest, self._steps = np.inf, -np.inf, 0

    def note(self, rewards: np.ndarray) -> None:
        """Takes in the rewards of one step."""
        if self._steps >= WATCHED_STEPS or len(rewards) == 0:
            return
        self._steps += 1
        self._least, self._largest = min(self._least, rewards.min()), max(self._largest, rewards.max())
        sentence = self.unreached()
        if self._steps == WATCHED_STEPS and sentence:
            logger.warning(sentence)

    def unreached(self) -> str | None:
        """The sentence about bounds that no reward has come near so far; None where both were reached."""
        lo, hi = self._range
        tolerance = 1e-6 * (hi - lo)
        missed = {lo: self._least > lo + tolerance, hi: self._largest < hi - tolerance}
        bounds = [f"{bound:g}" for bound, is_missed in missed.items() if is_missed]
        if not bounds:
            return None
        return (
            f"v05: in {self._steps} steps no reward was {' or '.join(bounds)}: they lie in [{self._least:g}, "
            f"{self._largest:g}], and {KEY} is [{lo:g}, {hi:g}]. If the reward function never returns a bound, set "
            f"{KEY} to its range: priors, baselines and the price of a rollout are on that scale"
        )

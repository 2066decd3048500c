# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""The arms of a comparison: each is one file, ``conf/arm/<name>.yaml``, and a Hydra group (``+arm=v05_wave``).

    python -m v05_verl.arms v05_wave --prompts 512 --rollouts 1228800      verl's overrides for a run, one per line
    python -m v05_verl.arms                                                all arms

A file says what the arm changes in verl's configuration, its label, its place in tables and figures, the rollouts of a
prompt's first wave and its prompts per step (times the recipe's). Two arms of a recipe differ in nothing else. To add
an arm, add a file.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

FOLDER = Path(__file__).parent / "conf" / "arm"
GROUP = FOLDER.parent / "v05" / "default.yaml"
OVERLONG_SHARE = 5
"""DAPO's penalty acts on the last fifth of the response length (its paper: 4,096 of 20,480 tokens)."""


@dataclass(frozen=True)
class Arm:
    """One method as a recipe runs it."""

    name: str
    label: str
    place: int
    """Order in tables, those of V0.5 behind the others; also decides colour, line and marker in every figure."""
    rollouts_per_prompt: int
    """Of a prompt's first wave; their mean where a step has a fixed number of them."""
    prompts_per_step: float
    """Times the recipe's, so that arms of small groups have as many rollouts per step."""
    config: dict[str, Any]
    """What the arm changes in verl's configuration; for arms of V0.5 with the whole group ``v05``."""

    @property
    def is_v05(self) -> bool:
        """Whether the plugin runs it; other arms are verl's own."""
        return "v05" in self.config

    def prompts(self, base: int) -> int:
        """Prompts per training step where an arm with ``prompts_per_step`` 1 has ``base``."""
        return max(1, round(base * self.prompts_per_step))

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a dotted key of ``config``."""
        node: Any = self.config
        for part in key.split("."):
            if not isinstance(node, dict) or part not in node:
                return default
            node = node[part]
        return node


@cache
def names() -> tuple[str, ...]:
    """All arms: those without a prior first, then by place."""
    return tuple(sorted(_files(), key=_order))


@cache
def _files() -> frozenset[str]:
    return frozenset(path.stem for path in FOLDER.glob("*.yaml"))


def _order(name: str) -> tuple[bool, int, str]:
    own = OmegaConf.load(FOLDER / f"{name}.yaml")
    return "defaults" in own, own.arm.place, name  # those of V0.5 start from the group


@cache
def load(name: str) -> Arm:
    """The arm of that name; ValueError names those that exist.

    Changes may follow, ``v05_auto,v05.auto.slack=1``: a variant that is worth a try but no file.
    """
    file, *changes = name.split(",")
    if file not in _files():
        raise ValueError(f"unknown arm {file!r}; there are {', '.join(names())} (v05_verl/conf/arm)")
    fields = _composed(file)
    if changes:
        changed = OmegaConf.merge(fields["config"], OmegaConf.from_dotlist(changes))
        fields |= {"config": OmegaConf.to_container(changed), "label": f"{fields['label']}, {', '.join(changes)}"}
    return Arm(name=name, **fields)


def overrides(
    arm: Arm,
    *,
    prompts: int,
    rollouts: int,
    points: int = 11,
    mini_batches: int = 1,
    response_tokens: int = 1024,
    given: Sequence[str] = (),
) -> list[str]:
    """verl's overrides for a run of ``rollouts`` training rollouts.

    Budgets that adapt are ended by ``v05.total_rollouts`` before the steps that their first waves alone would take.

    Args:
        prompts: per training step of an arm with ``prompts_per_step`` 1.
        points: validations, the first and the last included.
        mini_batches: optimizer steps per training step.
        response_tokens: most tokens of a response.
        given: the user's own overrides; a group size or a batch size among them counts here too.
    """
    own = dict(override.split("=", 1) for override in given if "=" in override)
    n = own.get("v05.k_init") or own.get("actor_rollout_ref.rollout.n") or arm.rollouts_per_prompt
    n = int(own.get("v05.auto.reference_n", arm.rollouts_per_prompt) if n == "auto" else n)
    per_step = int(own.get("data.train_batch_size") or arm.prompts(prompts))
    steps = math.ceil(rollouts / (per_step * n))
    settings = [
        f"+arm={arm.name}",
        f"data.train_batch_size={per_step}",
        f"actor_rollout_ref.actor.ppo_mini_batch_size={max(1, per_step // mini_batches)}",
        f"trainer.total_training_steps={steps}",
        f"trainer.test_freq={math.ceil(steps / (points - 1))}",
    ]
    if arm.is_v05:
        settings.append(f"v05.total_rollouts={rollouts}")
    if arm.get("reward.reward_kwargs.overlong_buffer_cfg") is not None:
        settings.append(f"reward.reward_kwargs.overlong_buffer_cfg.len={response_tokens // OVERLONG_SHARE}")
    return settings


def _composed(name: str) -> dict[str, Any]:
    """Fields of the arm; what Hydra composes of its file, without Hydra, whose state is that of the process."""
    own = OmegaConf.load(FOLDER / f"{name}.yaml")
    base = OmegaConf.load(GROUP) if own.pop("defaults", None) else {}
    whole = OmegaConf.to_container(OmegaConf.merge(base, own))
    return {**whole.pop("arm"), "config": whole}


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints overrides, or the list of arms."""
    parser = argparse.ArgumentParser(prog="python -m v05_verl.arms", description=__doc__.split("\n")[0])
    parser.add_argument("arm", nargs="?")
    parser.add_argument("--prompts", type=int, default=512, help="per training step, times the arm's own factor")
    parser.add_argument("--rollouts", type=int, default=1228800, help="training rollouts of the run")
    parser.add_argument("--points", type=int, default=11, help="validations, the first and the last included")
    parser.add_argument("--mini-batches", type=int, default=1, help="optimizer steps per training step")
    parser.add_argument("--response-tokens", type=int, default=1024, help="most tokens of a response")
    parser.add_argument("--given", nargs="*", default=[], metavar="KEY=VALUE", help="overrides that come behind")
    options = vars(parser.parse_args(arguments))
    name = options.pop("arm")
    try:
        if name is None:
            print("\n".join(f"{name:28} {load(name).label}" for name in names()))
        else:
            print("\n".join(overrides(load(name), **options)))
    except ValueError as error:
        raise SystemExit(f"arms: {error}") from error


if __name__ == "__main__":
    main()

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""What must hold before a run with ``algorithm.adv_estimator=v05`` starts, each with a sentence that names the fix.

verl 0.9.1 has no hook for a check at launch. ``install`` therefore wraps ``verl.utils.config.validate_config``, which
``verl/trainer/main_ppo.py:185`` calls in the launching process before Ray starts; a test fails when that changes
(``tests/plugin/test_launch_on_cpu.py``). ``V05TrainerMixin`` runs the same check, for entry points of one's own.
"""

from __future__ import annotations

import functools
from importlib import import_module

from omegaconf import DictConfig, OmegaConf

from v05_verl import config as v05_config
from v05_verl.plugin import async_checks

ESTIMATOR = "v05"
TRAINER_MODES = ("v05_sync", "v05_colocate_async", "v05_separate_async")
MANAGER = "v05_verl.plugin.manager.V05AgentLoopManager"
LOAD_THE_GROUP = "load the group: 'hydra.searchpath=[pkg://v05_verl.conf]' +v05=default"


def check(config: DictConfig) -> None:
    """Raises ValueError with every problem of a configuration that uses v05 or loads its group; leaves others alone.

    Where ``v05.reward_range`` is null it is set to the range that the reward function declares.
    """
    uses_estimator = config.algorithm.adv_estimator == ESTIMATOR
    if not uses_estimator and config.get("v05") is None:
        return
    problems = [*_missing(config, uses_estimator), *_unsupported(config), *_wrong_keys(config)]
    if not problems:
        problems = async_checks.problems(config, v05_config.from_verl(config))
    if problems:
        raise ValueError("v05 cannot start:\n" + "\n".join(f"  - {problem}" for problem in problems))


def install() -> None:
    """Makes verl's own configuration check run ``check`` first."""
    import verl.utils.config as verl_config

    original = verl_config.validate_config
    if getattr(original, "checks_v05", False):
        return

    @functools.wraps(original)
    def validate_config(config, *args, **kwargs):
        check(config)
        return original(config, *args, **kwargs)

    validate_config.checks_v05 = True
    verl_config.validate_config = validate_config


def unread(config: DictConfig) -> list[str]:
    """A sentence for each setting of verl that the user has set and that nothing will read."""
    notes = []
    algorithm = config.algorithm
    if algorithm.gamma != 1 or algorithm.lam != 1:
        notes.append("algorithm.gamma and algorithm.lam are not read: every token of a rollout has its advantage")
    correction = algorithm.get("rollout_correction") or {}
    acts = correction.get("rollout_is") or correction.get("rollout_rs")
    loss = OmegaConf.select(config, "actor_rollout_ref.actor.policy_loss.loss_mode")
    if correction.get("bypass_mode") and acts and loss != "bypass_mode":
        notes.append(
            "algorithm.rollout_correction.bypass_mode=True: verl's V1 trainers read neither rollout_is nor rollout_rs "
            "unless actor_rollout_ref.actor.policy_loss.loss_mode=bypass_mode is set too (verl #4912)"
        )
    return notes


def _missing(config: DictConfig, uses_estimator: bool) -> list[str]:
    problems = []
    if not uses_estimator:
        problems.append(
            f"the group v05 is loaded but algorithm.adv_estimator is {config.algorithm.adv_estimator!r}; "
            "set algorithm.adv_estimator=v05 or drop +v05=default"
        )
    if config.get("v05") is None:
        problems.append(f"algorithm.adv_estimator=v05 needs the keys v05.*; {LOAD_THE_GROUP}")
    mode = OmegaConf.select(config, "trainer.v1.trainer_mode")
    if mode not in TRAINER_MODES:
        names = f"{', '.join(TRAINER_MODES[:-1])} or {TRAINER_MODES[-1]}"
        problems.append(f"trainer.v1.trainer_mode must be {names}, not {mode}; {LOAD_THE_GROUP}")
    if not OmegaConf.select(config, "trainer.use_v1"):
        problems.append("trainer.use_v1 must be True: v05 runs in verl's V1 trainer")
    manager = OmegaConf.select(config, "actor_rollout_ref.rollout.agent.agent_loop_manager_class")
    if manager != MANAGER:
        problems.append(
            f"actor_rollout_ref.rollout.agent.agent_loop_manager_class must be {MANAGER}, not {manager}; "
            f"{LOAD_THE_GROUP}"
        )
    return problems


def _wrong_keys(config: DictConfig) -> list[str]:
    if config.get("v05") is None:
        return []
    try:
        # Imported here: the module loads parts of verl that are not there yet when verl loads its plugins.
        import_module("v05_verl.plugin.reward_range").complete(config)
        problem = v05_config.from_verl(config).step_rollouts_problem(config.data.train_batch_size)
    except ValueError as error:
        return str(error).splitlines()
    return [problem] if problem else []


def _unsupported(config: DictConfig) -> list[str]:
    problems = []
    if OmegaConf.select(config, "algorithm.filter_groups.enable"):
        problems.append(
            "algorithm.filter_groups.enable=True drops groups whose rewards agree, from which v05 learns; set it False"
        )
    if OmegaConf.select(config, "critic.enable"):
        problems.append("critic.enable=True: v05 has no critic; set critic.enable=False")
    reward_model = OmegaConf.select(config, "reward.reward_model")
    if reward_model is not None and reward_model.get("enable") and not reward_model.get("enable_resource_pool"):
        problems.append(
            "a colocated reward model scores after all rollouts, and v05 needs each reward before it asks for the next "
            "rollout; set reward.reward_model.enable_resource_pool=True or use a reward function"
        )
    if OmegaConf.select(config, "skip.rollout_tq.enable"):
        problems.append("skip.rollout_tq.enable=True replays rollouts without their priors; set it False")
    return problems

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Whether two commands of verl train the same: their overrides, without those that a later launch may change."""

from __future__ import annotations

from fnmatch import fnmatchcase
from itertools import zip_longest

MODULE = "verl.trainer.main_ppo"
MAY_CHANGE = (
    # how far
    *("trainer.total_training_steps", "trainer.total_epochs", "trainer.test_freq", "v05.total_rollouts"),
    # on which machine, how fast, in how much memory
    *("trainer.nnodes", "trainer.n_gpus_per_node", "trainer.device", "ray_kwargs.*", "*.num_cpus", "*.num_workers"),
    *("*_offload", "*_per_gpu", "*.use_dynamic_bsz", "*.enable_gradient_checkpointing", "*_parallel_size"),
    *("*.gpu_memory_utilization", "*.enforce_eager", "*.max_num_batched_tokens", "*.max_num_seqs", "*.poll_interval_s"),
    # what is kept and where
    *("hydra.*", "trainer.logger", "trainer.project_name", "trainer.experiment_name", "trainer.resume_mode"),
    *("trainer.default_local_dir", "trainer.*_data_dir", "trainer.save_freq", "trainer.max_*_ckpt_to_keep"),
)
SHOWN = 4


def differences(before: list[str], now: list[str]) -> list[tuple[str, str]]:
    """(before, now) of every override that decides what is trained and is not the same in both commands."""
    then, given = _by_key(before), _by_key(now)
    return [
        (then.get(key, f"{key} not given"), given.get(key, f"{key} not given"))
        for key in then | given
        if not _is_same(then.get(key, ""), given.get(key, ""))
    ]


def sentence(pairs: list[tuple[str, str]]) -> str:
    """The first few differences, in words."""
    said = ", ".join(f"{now} (before: {before})" for before, now in pairs[:SHOWN])
    return said + (f" and {len(pairs) - SHOWN} more" if len(pairs) > SHOWN else "")


def _by_key(command: list[str]) -> dict[str, str]:
    """The overrides that count; of one that is given twice the last, as in Hydra."""
    words = command[command.index(MODULE) + 1 :] if MODULE in command else []
    found = {word.split("=", 1)[0].lstrip("+"): word.lstrip("+") for word in words}
    return {key: word for key, word in found.items() if not any(fnmatchcase(key, each) for each in MAY_CHANGE)}


def _is_same(one: str, other: str) -> bool:
    """Whether two overrides are equal, also where a path is noted relative to the working directory in one of them."""
    parts = zip_longest(one.split("'"), other.split("'"), fillvalue="")
    return all(a == b or (b and a.endswith(f"/{b}")) or (a and b.endswith(f"/{a}")) for a, b in parts)

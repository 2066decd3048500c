# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Grades mathematical answers; ``compute_score`` is verl's custom reward function, for training and for all benchmarks.

    reward.custom_reward_function.path=pkg://v05_verl.grading
    reward.custom_reward_function.name=compute_score
    +reward.custom_reward_function.reward_kwargs.reward_range=[-1,1]

A response's final answer (``extract``) is compared with the gold answer: spellings (``latex``), then numbers,
expressions and their structures (``compare``); what none of these can read goes to math-verify in processes of its own
(``pool``). ``python -m v05_verl.grading.audit`` compares graders, ``python -m v05_verl.grading.bench`` their speed.

Importing this package imports neither verl nor torch.
"""

from v05_verl.grading.score import compute_score

__all__ = ["compute_score"]

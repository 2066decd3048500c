# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Grades mathematical answers; ``compute_score`` is verl's custom reward function, for training and for all benchmarks.

    reward.custom_reward_function.path=pkg://v05_verl.grading
    reward.custom_reward_function.name=compute_score
    +reward.custom_reward_function.reward_kwargs.reward_range=[-1,1]

A response's final answer (``extract``) is compared with the gold answer: spellings (``latex``), then numbers,
expressions and their structures (``compare``); what none of these can read goes to math-verify in processes of its own
(``pool``). ``python -m v05_verl.grading.audit`` compares graders, ``python -m v05_verl.grading.bench`` their speed.

What the steps of our own win, in right verdicts on the cases of other projects' test suites (422, by those suites'
own word) and on ``tests/grading/pairs.jsonl`` (802, ours: part of them were written while the steps were). The first
and the last row are what ``python -m v05_verl.grading.audit FILE --against math_verify`` prints; the others were
measured by hand, with the step taken out of ``compare``:

    ====================================  =============  ===========
    steps                                 other suites   our pairs
    ====================================  =============  ===========
    all                                   405            802
    without ``structure``                 388            735
    without ``syntax`` and ``evaluate``   388            774
    math-verify alone, on ``normalise``   370            650
    ====================================  =============  ===========

16 of our 17 misses are matters of convention (rounded parts, the order of a list, unsimplified values). On the pairs,
math-verify alone accepts 15 that are wrong, with all steps none are accepted. ``python -m v05_verl.grading.bench``
gives responses per second beside verl's scorer.

Importing this package imports neither verl nor torch.
"""

from v05_verl.grading.score import compute_score

__all__ = ["compute_score"]

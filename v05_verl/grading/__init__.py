# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Grades mathematical answers; ``compute_score`` is verl's custom reward function, for training and for all benchmarks.

    reward.custom_reward_function.path=pkg://v05_verl.grading
    reward.custom_reward_function.name=compute_score
    +reward.custom_reward_function.reward_kwargs.reward_range=[-1,1]

A response's final answer (``extract``) is compared with the gold answer: spellings (``latex``), then numbers,
expressions and their structures (``compare``); what none of these can read goes to math-verify in processes of its own
(``pool``). ``python -m v05_verl.grading.audit`` compares graders, ``python -m v05_verl.grading.bench`` their speed.

What the steps of our own win, each measured by leaving it out (right verdicts; responses per second on two cores):

    ====================================  =============  ===========  ==============  ======
    steps                                 other graders  our pairs    gold answers    rate
                                          (422)          (802)        (3,094)
    ====================================  =============  ===========  ==============  ======
    all                                   405            802          3,094           3,628
    without ``structure``                 388            735          3,092           143
    without ``syntax`` and ``evaluate``   388            774          3,094           57
    math-verify alone, on ``normalise``   368            652          3,022           42
    ====================================  =============  ===========  ==============  ======

"Other graders" are the cases of other projects' test suites by those suites' own word; 16 of our 17 misses are matters
of convention (rounded parts, the order of a list, unsimplified values). On the pairs, math-verify alone accepts 13 that
are wrong, without ``syntax`` and ``evaluate`` 6 are accepted, with all steps none.

Importing this package imports neither verl nor torch.
"""

from v05_verl.grading.score import compute_score

__all__ = ["compute_score"]

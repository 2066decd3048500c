# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""The model of a replica against the real engine: it must foresee every decoding step, given the lengths."""

import numpy as np
import pytest

from v05_verl.cpu.engine import Engine, Sampling, Sequence
from v05_verl.lab.replicas import MODES, Batch, Cluster, Decoding, Training

from .conftest import tiny_model

SLOTS, PROMPTS = 8, 12
FURTHER = np.random.default_rng(0).integers(0, 13, PROMPTS).tolist()
SCHEDULES = {
    "fixed": [[4 + more] for more in FURTHER],
    "wave": [[4, more] if more else [4] for more in FURTHER],
    "sequential": [[4] + [1] * more for more in FURTHER],
}


def generate(waves):
    """(steps, sequences decoded in all of them, lengths of each prompt's rollouts) of the engine."""
    engine = Engine(
        tiny_model(positions=64), eos_token_ids={1}, vocab_size=20, max_rows=SLOTS, max_positions=64, seed=0
    )
    coming, missing = [iter(prompt) for prompt in waves], [0] * len(waves)
    rollouts: list[list[Sequence]] = [[] for _ in waves]
    ended = []

    def ask(prompt):
        missing[prompt] = next(coming[prompt], 0)
        for _ in range(missing[prompt]):
            sequence = Sequence([5, 6], 48, Sampling(), lambda reason: ended.append(prompt), lambda error: None)
            rollouts[prompt].append(sequence)
            engine.add(sequence)

    for prompt in range(len(waves)):
        ask(prompt)
    steps = 0
    while engine.busy:
        engine.step()
        steps += 1
        for prompt in sorted(ended):  # of those that end together, the model takes the first prompt first
            missing[prompt] -= 1
            if not missing[prompt]:
                ask(prompt)
        ended.clear()
    lengths = [[len(sequence.tokens) for sequence in prompt] for prompt in rollouts]
    return steps, sum(map(sum, lengths)), lengths


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_model_foresees_every_step_of_the_engine(schedule):
    waves = SCHEDULES[schedule]
    steps, decoded, lengths = generate(waves)
    assert len({length for prompt in lengths for length in prompt}) > 15  # a tail, not one length
    cluster = Cluster(1, SLOTS, Decoding(1.0))
    step = next(Training(iter([Batch(waves, lengths)]), MODES["sync"], cluster).steps())
    assert (step.wall_s, step.busy_s) == (steps, decoded)

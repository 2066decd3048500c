# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""Value models that misbehave, for the tests of the client."""

import time

import numpy as np


class Half:
    """One half for every prompt; remembers the steps that it was told of."""

    def __init__(self):
        self.learned = []

    def predict(self, prompts, step):
        return np.full(len(prompts), 0.5)

    def observe(self, prompts, successes, trials, step):
        self.learned.append(step)

    def state_dict(self):
        return {"learned": list(self.learned)}

    def load_state_dict(self, state):
        self.learned = list(state["learned"])


class Answers(Half):
    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def predict(self, prompts, step):
        return self.answer


class Refuses(Half):
    def __init__(self, step):
        super().__init__()
        self.step = step

    def observe(self, prompts, successes, trials, step):
        if step == self.step:
            raise RuntimeError("not this step")
        super().observe(prompts, successes, trials, step)


class SlowToBuild(Half):
    def __init__(self, seconds):
        time.sleep(seconds)
        super().__init__()


class Hangs(Half):
    def __init__(self, step):
        super().__init__()
        self.step = step

    def predict(self, prompts, step):
        if step == self.step:
            time.sleep(3600)
        return super().predict(prompts, step)

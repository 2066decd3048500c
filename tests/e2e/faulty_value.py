# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""The default value model, with a fault in each of a few steps; for fault_table.py."""

import time
from pathlib import Path

import numpy as np

from v05_verl.value.gp import GaussianProcess

FAULTS = {2: "NaN", 3: "wrong length", 5: "slow", 7: "hung"}
TIMEOUT_S = 5


class Faulty(GaussianProcess):
    """Each fault comes once in a run; ``folder`` remembers which came, as the model is started again."""

    def __init__(self, folder: str):
        super().__init__()
        self._folder = Path(folder)

    def predict(self, prompts, step):
        answer = super().predict(prompts, step)
        fault = FAULTS.get(step)
        if fault is None or (self._folder / fault).exists():
            return answer
        (self._folder / fault).touch()
        if fault in ("slow", "hung"):
            time.sleep(TIMEOUT_S + 3 if fault == "slow" else 3600)
        if fault == "NaN":
            answer[-1] = np.nan
        return answer[:-1] if fault == "wrong length" else answer

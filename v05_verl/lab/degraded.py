# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""A prior made as bad as asked, to see what each method does when its prior is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import expit, logit

from v05_verl.core.prior_quality import area_under_curve
from v05_verl.core.recalibration import fit_recalibration
from v05_verl.value.base import hash_of

P_MIN = 1e-3
MOST_NOISE = 64.0


class Degraded:
    """Blurs predictions on the logit scale by noise that belongs to the prompt, then recalibrates them.

    The size of the noise keeps the AUC, for prompts solved at least half of the time against the others, at ``auc``
    over the last ``window`` predictions, whatever the policy has learnt; predictions that are no better stay as they
    are. The same prompt has the same noise at every visit, so that a prior does not get better by being asked twice.

    Args:
        auc: in (.5, 1).
        seed: of the noise.
        window: predictions that decide its size.
    """

    def __init__(self, auc: float, seed: int, window: int = 1024):
        if not 0.5 < auc < 1:
            raise ValueError(f"the AUC of a prior must lie between .5 and 1, got {auc:g}")
        self.auc, self.seed, self.window = auc, seed, window
        self._past = np.empty((0, 3))  # logit of the prediction, noise, true success rate

    def __call__(self, prompts: Sequence[str], predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
        """(P,) success rates in (0, 1), from (P,) predictions and the (P,) true ones."""
        noise = np.array([np.random.default_rng([self.seed, hash_of(prompt)]).standard_normal() for prompt in prompts])
        here = np.column_stack([logit(np.clip(predicted, P_MIN, 1 - P_MIN)), noise, true])
        self._past = np.concatenate([self._past, here])[-self.window :]
        x, past_noise, past_true = self._past.T
        size = self._noise_size(x, past_noise, past_true >= 0.5)
        blurred = x + size * past_noise
        unit = max(1.0, blurred.std() / 2)  # so that the fit starts near its slope of 1
        fitted = fit_recalibration(expit(blurred / unit), past_true, np.ones(len(x)))
        return fitted(expit((here[:, 0] + size * noise) / unit))

    def _noise_size(self, x: np.ndarray, noise: np.ndarray, solved: np.ndarray) -> float:
        """By bisection: the AUC falls with the noise, from that of the predictions to a half."""
        low, high = 0.0, MOST_NOISE
        if not area_under_curve(x, solved) > self.auc:  # not even without noise, or only one kind of prompts
            return 0.0
        for _ in range(20):
            middle = (low + high) / 2
            is_still_better = area_under_curve(x + middle * noise, solved) > self.auc
            low, high = (middle, high) if is_still_better else (low, middle)
        return low

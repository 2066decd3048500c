# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
"""How many rollouts each prompt of a batch gets before any is generated, from predicted success rates.

The gains G(n, p) of n rollouts of a prompt with success rate p, q = 1 - p, that published methods maximise in sum
under Σ n = total:

==============  =================================  ===========  =====================================================
method          G(n, p)                            least lower  source
==============  =================================  ===========  =====================================================
``uniform``     -n^2                               1            GRPO, RLOO
``vip_mean``    -4pq (n - 1) / n^2                 3            VIP, arXiv 2602.01601, group-mean baseline [P]
``vip_loo``     -4pq / (n - 1)                     2            VIP, leave-one-out baseline [P]
``v0_utility``  n q (1 - q^(n - 1))                1            V0, arXiv 2602.03584 [P], its optimum
``v0_greedy``   the same                           1            V0, bought one at a time on the next step's gain [P]
``knapsack``    (1 - p^n - q^n) p q^2              1            Knapsack RL, arXiv 2509.25849 [P]
``gvm``         -1 / (n (p + alpha / p))           1            GVM, arXiv 2505.02391, alpha = 1e-3, beta = 2, with
                                                                equal gradient norms [P; the whole numbers are ours]
==============  =================================  ===========  =====================================================

With Σ n fixed, -n^2 has the optimum of -(n - total / P)^2. All but the utility of V0 are concave from the least lower
on, as their steps G(n + 1) - G(n) show: vip_mean 4pq (n^2 - n - 1) / (n (n + 1))^2 falls from n = 3 on (its values at
2, 3, 4 are .0278, .0347, .0275 of 4pq); vip_loo 4pq / (n (n - 1)); knapsack (p^n q + q^n p) p q^2, whose difference
-(p^n q^2 + q^n p^2) p q^2 is never positive; gvm by 1 / (n (n + 1)). V0's step q (1 - q^n) + n p q^n rises while
n < 2q/p. Proofs and exact solution of all: ours.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import ArrayLike

from v05_verl.core import checks
from v05_verl.core.posterior import PriorModel, expected_outcome_variance
from v05_verl.core.spending import spend, spend_greedily

Method = Literal["uniform", "vip_mean", "vip_loo", "v0_utility", "v0_greedy", "knapsack", "gvm"]

GVM_ALPHA = 1e-3
"""alpha of GVM with beta = 2 [P]: keeps a success rate near 0 from taking everything."""


class _Gain(NamedTuple):
    """A method's gain; functions of success rates and counts that broadcast."""

    least: int
    """Fewest rollouts from which on the gain is defined (and, but for V0's, concave)."""
    gain: Callable[[np.ndarray, np.ndarray], np.ndarray]
    step: Callable[[np.ndarray, np.ndarray], np.ndarray]
    """gain(p, n + 1) - gain(p, n), without the cancellation of that difference."""


def _gvm_weight(p: np.ndarray) -> np.ndarray:
    return p / (p**2 + GVM_ALPHA)


_V0 = _Gain(
    1,
    lambda p, n: n * (1 - p) * (1 - (1 - p) ** (n - 1)),
    lambda p, n: (1 - p) * (1 - (1 - p) ** n) + n * p * (1 - p) ** n,
)
_GAINS: dict[str, _Gain] = {
    "uniform": _Gain(1, lambda p, n: 0 * p - n**2, lambda p, n: 0 * p - (2 * n + 1)),
    "vip_mean": _Gain(
        3,
        lambda p, n: -4 * p * (1 - p) * ((n - 1) / n**2),
        lambda p, n: 4 * p * (1 - p) * ((n**2 - n - 1) / (n * (n + 1)) ** 2),
    ),
    "vip_loo": _Gain(
        2,
        lambda p, n: -4 * p * (1 - p) / (n - 1),
        lambda p, n: 4 * p * (1 - p) / (n * (n - 1)),
    ),
    "v0_utility": _V0,
    "v0_greedy": _V0,
    "knapsack": _Gain(
        1,
        lambda p, n: (1 - p**n - (1 - p) ** n) * (p * (1 - p) ** 2),
        lambda p, n: (p**n * (1 - p) + (1 - p) ** n * p) * (p * (1 - p) ** 2),
    ),
    "gvm": _Gain(1, lambda p, n: -_gvm_weight(p) / n, lambda p, n: _gvm_weight(p) / (n * (n + 1))),
}


def allocate(method: Method, success_rate: ArrayLike, total: int, lower: ArrayLike, upper: ArrayLike) -> np.ndarray:
    """Rollouts of each prompt: the method's best sum of gains with Σ n = total and lower <= n <= upper.

    Equal gains go to the prompt with fewer rollouts first, then to the lower index, so rollouts that nobody gains by
    (p = 0 or 1, all others at ``upper``) are spread evenly; ``v0_greedy`` knows the index alone, as the paper's
    heap. Nothing is random and no unknown success rate is guessed: 0 and 1 are legal and gain nothing.

    O(P (upper - lower)) time and memory; no loop over prompts, but for the few that ``core.gap`` cannot fix.

    Args:
        method: one of the table above.
        success_rate: (P,) predicted success rates in [0, 1].
        total: rollouts of all prompts together, a whole number.
        lower, upper: whole numbers, one or (P,); lower at least the method's least.

    Returns:
        int64 (P,); empty for no prompt and a total of 0.

    Raises:
        ValueError: unknown method; success_rate not one-dimensional, or one of it not in [0, 1]; total, lower or upper
            not whole or of another length; lower above upper or below the method's least; total below Σ lower or above
            Σ upper; a total without a prompt.
    """
    rate = _checked_rates(method, success_rate)
    total, lower, upper = _checked_bounds(method, len(rate), total, lower, upper)
    room = total - int(lower.sum())
    if room == 0:
        return lower
    step = steps(method, rate, lower, upper, most=room)
    if method == "v0_greedy":
        return lower + spend_greedily(step, room)
    return lower + spend(step, lower, room)


def steps(
    method: Method, success_rate: ArrayLike, lower: ArrayLike, upper: ArrayLike, *, most: int | None = None
) -> np.ndarray:
    """Gains of each prompt's next rollouts, the matrix that :func:`v05_verl.core.spending.spend` takes.

    (P, M), [i, m] = G(lower_i + m + 1, p_i) - G(lower_i + m, p_i), -inf beyond upper_i; M = the largest upper - lower,
    at most ``most``. Concave methods' rows never rise, not even by rounding. Other arguments: as :func:`allocate`.
    """
    rate = _checked_rates(method, success_rate)
    lower, upper = (_one_each(name, bound, len(rate)) for name, bound in (("lower", lower), ("upper", upper)))
    width = int((upper - lower).max(initial=0))
    n = lower[:, None] + np.arange(width if most is None else min(width, most), dtype=np.float64)
    step = _GAINS[method].step(rate[:, None], n)
    if _GAINS[method] is not _V0:
        np.minimum.accumulate(step, axis=1, out=step)
    step[n >= upper[:, None]] = -np.inf
    return step


def gain(method: Method, success_rate: ArrayLike, n: ArrayLike) -> np.ndarray:
    """G(n, p) of the method's table, which :func:`allocate` maximises in sum; n broadcasts against ``success_rate``.

    Raises:
        ValueError: as :func:`allocate`, and n not whole or below the method's least.
    """
    rate = _checked_rates(method, success_rate)
    n = checks.whole("n", n)
    checks.broadcastable(success_rate=rate, n=n)
    _check_least(method, "n", np.atleast_1d(n))
    return _GAINS[method].gain(rate, n.astype(np.float64))


def least_lower(method: Method) -> int:
    """Fewest rollouts per prompt from which on the method's gain is defined."""
    return _GAINS[method].least


def equivalent_rate(
    prior: ArrayLike, model: PriorModel, *, reward_range: tuple[float, float] = (-1.0, 1.0)
) -> np.ndarray:
    """p' = (1 - sqrt(1 - a)) / 2 in (0, 1/2), where 4 p' (1 - p') = a = E[4pq] under the fitted prior model. Ours.

    VIP's gains know p by 4pq alone, and its expectation under what is known about the priors is lower than 4pq at
    their mean, most so where they are little known. :func:`allocate` at p' maximises VIP's expected gain.

    Args:
        prior: (P,) V inside the reward range.
        model: what is known about the priors.
        reward_range: (lo, hi).

    Raises:
        ValueError: NaN, a value outside the range, parameters of the model out of range.
    """
    prior = checks.in_range("prior", prior, reward_range)
    expected: np.ndarray = 4 * expected_outcome_variance(0.0 * prior, 0, prior, model, reward_range=reward_range)
    return (1 - np.sqrt(1 - np.minimum(expected, 1.0))) / 2


def _checked_rates(method: str, success_rate: ArrayLike) -> np.ndarray:
    if method not in get_args(Method):
        raise ValueError(f"method must be one of {', '.join(get_args(Method))}, got {method!r}")
    rate = checks.unit_interval("success_rate", success_rate)
    if rate.ndim != 1:
        raise ValueError(f"success_rate must be one-dimensional, one per prompt, got shape {rate.shape}")
    return rate


def _checked_bounds(
    method: str, prompts: int, total: int, lower: ArrayLike, upper: ArrayLike
) -> tuple[int, np.ndarray, np.ndarray]:
    whole = checks.whole("total", total)
    if whole.ndim:
        raise ValueError(f"total must be one whole number, got shape {whole.shape}")
    total = int(whole)
    lower, upper = _one_each("lower", lower, prompts), _one_each("upper", upper, prompts)
    _check_least(method, "lower", lower)
    above = np.flatnonzero(lower > upper)
    if above.size:
        raise ValueError(f"lower[{above[0]}] = {lower[above[0]]} is above upper[{above[0]}] = {upper[above[0]]}")
    if prompts == 0 and total != 0:
        raise ValueError(f"a total of {total} rollouts, but no prompt to give them to")
    least, most = int(lower.sum()), int(upper.sum())
    if not least <= total <= most:
        raise ValueError(
            f"a total of {total} rollouts is infeasible: the {prompts} prompts need at least {least} (sum of "
            f"lower) and take at most {most} (sum of upper)"
        )
    return total, lower, upper


def _one_each(name: str, bound: ArrayLike, prompts: int) -> np.ndarray:
    """The bound of every prompt, (P,), in memory of its own."""
    bound = checks.whole(name, bound)
    if bound.ndim and bound.shape != (prompts,):
        raise ValueError(f"{name} must be one number or one per prompt, ({prompts},), got shape {bound.shape}")
    return np.broadcast_to(bound, (prompts,)).copy()


def _check_least(method: str, name: str, n: np.ndarray) -> None:
    least = _GAINS[method].least
    below = np.argwhere(n < least)
    if below.size:
        where = tuple(below[0])
        index = ", ".join(str(int(i)) for i in where)
        raise ValueError(f"{name}[{index}] = {n[where]}: {method} needs at least {least} rollouts of each prompt")

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import heapq
from functools import partial
from itertools import product
from typing import get_args

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from v05_verl.core.allocation import Method, allocate, equivalent_rate, gain, steps
from v05_verl.core.posterior import PriorModel, expected_outcome_variance

METHODS = get_args(Method)
EXACT = [name for name in METHODS if name != "v0_greedy"]
CONCAVE = [name for name in METHODS if not name.startswith("v0")]
LEAST = {"vip_mean": 3, "vip_loo": 2}
FOUR = [0.5, 0.1, 0.9, 0.0]


def value(method, success_rate, n):
    return float(gain(method, success_rate, n).sum())


def oracle_gain(method, p, n, total_per_prompt):
    """Each paper's formula, written down apart from the code under test."""
    q = 1 - p
    return {
        "uniform": lambda: -((n - total_per_prompt) ** 2),
        "vip_mean": lambda: -4 * p * q * (n - 1) / n**2,
        "vip_loo": lambda: -4 * p * q / (n - 1),
        "v0_utility": lambda: n * q * (1 - q ** (n - 1)),
        "knapsack": lambda: (1 - p**n - q**n) * p * q**2,
        "gvm": lambda: -1 / (n * (p + 0.001 / p)) if p else 0.0,
    }[method]()


def brute_force(method, success_rate, total, lower, upper):
    """The best sum of gains over all counts, by enumeration."""
    each = [range(low, high + 1) for low, high in zip(lower, upper, strict=True)]
    share = total / len(success_rate)
    return max(
        sum(oracle_gain(method, p, n, share) for p, n in zip(success_rate, counts, strict=True))
        for counts in product(*each)
        if sum(counts) == total
    )


def heap(success_rate, total, lower, upper):
    """V0's greedy as the paper has it: the best next step, of equal ones the lowest index's, until all is spent."""
    n = list(lower)

    def entry(i):
        step = steps("v0_greedy", [success_rate[i]], n[i], n[i] + 1)[0, 0]
        return -step, i

    queue = [entry(i) for i in range(len(n)) if n[i] < upper[i]]
    heapq.heapify(queue)
    for _ in range(total - sum(n)):
        _, i = heapq.heappop(queue)
        n[i] += 1
        if n[i] < upper[i]:
            heapq.heappush(queue, entry(i))
    return n


@st.composite
def problems(draw, most_prompts=4, widest=5, rates=None):
    """Few prompts with bounds of their own; success rates tie often, totals stand at their limits often."""
    rates = rates or st.one_of(st.sampled_from([0.0, 1.0, 0.5, 0.1, 0.9]), st.floats(0, 1))
    prompts = draw(st.integers(1, most_prompts))
    success_rate = draw(st.lists(rates, min_size=prompts, max_size=prompts))
    lower = draw(st.lists(st.integers(3, 6), min_size=prompts, max_size=prompts))
    upper = [low + draw(st.integers(0, widest)) for low in lower]
    limits = sum(lower), sum(upper)
    total = draw(st.one_of(st.integers(*limits), st.sampled_from(limits)))
    return success_rate, total, lower, upper


@pytest.mark.parametrize(
    ("method", "success_rate", "total", "lower", "upper", "best", "counts"),
    [
        ("vip_mean", FOUR, 28, 3, 12, -0.1704705215, None),
        ("vip_loo", FOUR, 28, 2, 12, -0.2109090909, None),
        ("knapsack", FOUR, 28, 2, 12, 0.186363667, [8, 12, 6, 2]),
        ("gvm", FOUR, 28, 2, 12, -1.191536585, [8, 12, 6, 2]),
        ("v0_utility", FOUR, 28, 2, 16, 15.5839177, [8, 16, 2, 2]),
        ("v0_utility", [0.05, 0.4], 24, 2, 22, 14.26226201, [22, 2]),
        ("uniform", FOUR, 25, 2, 12, -157.0, [7, 6, 6, 6]),
        # a of 1, 0, 0, 1 at 8 and 6 rollouts: 1/7 is the price of one, nobody's gain that of the rest.
        ("vip_loo", [0.5, 0.0, 0.0, 1.0], 24, 2, 8, -1 / 7, [8, 6, 5, 5]),
        # Steps of p = .5 are .25 at n = 1, .5 from then on; of p = .1 they are .18 at first.
        ("v0_greedy", [0.1, 0.5], 10, 1, 8, None, [2, 8]),
    ],
)
def test_values(method, success_rate, total, lower, upper, best, counts):
    n = allocate(method, success_rate, total, lower, upper)
    assert n.dtype == np.int64 and n.sum() == total
    if best is not None:
        assert value(method, success_rate, n) == pytest.approx(best, rel=1e-8)
    if counts is not None:
        assert n.tolist() == counts


@pytest.mark.parametrize("method", EXACT)
@settings(max_examples=150)
@given(problem=problems())
def test_no_other_counts_gain_more(method, problem):
    success_rate, total, lower, upper = problem
    n = allocate(method, *problem)
    assert n.sum() == total and np.all(n >= lower) and np.all(n <= upper)
    share = total / len(n)
    reached = sum(oracle_gain(method, p, k, share) for p, k in zip(success_rate, n.tolist(), strict=True))
    assert reached == pytest.approx(brute_force(method, *problem), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("method", ["v0_utility", "knapsack", "gvm", "uniform"])
def test_no_other_counts_gain_more_from_one_rollout_on(method):
    rng = np.random.default_rng(7)
    for _ in range(30):
        success_rate = rng.choice([0, 0.02, 0.05, 0.1, 0.3, 1], 3)
        problem = success_rate, int(rng.integers(3, 31)), [1, 1, 1], [10, 10, 10]
        n = allocate(method, *problem)
        reached = sum(oracle_gain(method, p, k, problem[1] / 3) for p, k in zip(success_rate, n.tolist(), strict=True))
        assert reached == pytest.approx(brute_force(method, *problem), rel=1e-12, abs=1e-12)


@settings(max_examples=200)
@given(problem=problems(most_prompts=6, widest=12))
def test_the_greedy_is_the_papers_heap(problem):
    assert allocate("v0_greedy", *problem).tolist() == heap(*problem)


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=50)
@given(problem=problems(), n=st.integers(3, 40))
def test_steps_are_differences_of_the_gain(method, problem, n):
    success_rate = problem[0]
    step = steps(method, success_rate, n, n + 3)
    expected = np.stack([gain(method, success_rate, n + m + 1) - gain(method, success_rate, n + m) for m in range(3)])
    np.testing.assert_allclose(step, expected.T, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("method", CONCAVE)
@settings(max_examples=50)
@given(success_rate=st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_rows_of_concave_methods_never_rise(method, success_rate):
    least = LEAST.get(method, 1)
    step = steps(method, success_rate, least, 128)
    assert np.all(np.diff(step, axis=1) <= 0)
    raw = np.diff([gain(method, success_rate, n) for n in range(least, 129)], axis=0)
    np.testing.assert_allclose(step.T, raw, rtol=0, atol=1e-12)  # so the running minimum took away rounding alone


@pytest.mark.parametrize("method", EXACT)  # V0's greedy may end elsewhere by another tie
@settings(max_examples=30)
@given(
    problem=problems(rates=st.sampled_from([0.03, 0.07, 0.2, 0.41, 0.62, 0.88]), most_prompts=8),
    seed=st.integers(0, 99),
)
def test_order_does_not_matter_up_to_ties(method, problem, seed):
    success_rate, total, lower, upper = (np.array(part) for part in problem)
    order = np.random.default_rng(seed).permutation(len(success_rate))
    moved = allocate(method, success_rate[order], int(total), lower[order], upper[order])
    stayed = allocate(method, success_rate, int(total), lower, upper)
    assert value(method, success_rate[order], moved) == pytest.approx(value(method, success_rate, stayed), rel=1e-12)


@pytest.mark.parametrize("method", CONCAVE)
@settings(max_examples=50)
@given(problem=problems(most_prompts=8))
def test_a_larger_total_takes_nothing_away(method, problem):
    success_rate, total, lower, upper = problem
    assume(total < sum(upper))
    more = allocate(method, success_rate, total + 1, lower, upper)
    assert np.all(more >= allocate(method, success_rate, total, lower, upper))


@pytest.mark.parametrize("method", METHODS)
def test_arguments_stay_untouched_and_the_answer_is_the_same_again(method):
    arguments = [np.array([0.3, 0.0, 1.0, 0.8]), 30, np.array([3, 4, 3, 5]), np.array([20, 9, 9, 20])]
    before = [np.copy(argument) for argument in arguments]
    first = allocate(method, *arguments)
    first_again = first.copy()
    first += 1  # the answer shares no memory with the arguments either
    assert allocate(method, *arguments).tolist() == first_again.tolist()
    for argument, copy in zip(arguments, before, strict=True):
        np.testing.assert_array_equal(argument, copy)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dead", [0.0, 1.0])
def test_rollouts_that_nobody_gains_by(method, dead):
    n = allocate(method, [dead] * 4, 22, 3, 12)
    assert n.tolist() == ([12, 4, 3, 3] if method == "v0_greedy" else [6, 6, 5, 5])
    # gvm's weight is 0 at p = 0 only.


@pytest.mark.parametrize("method", METHODS)
def test_no_prompt(method):
    assert allocate(method, [], 0, 3, 5).tolist() == []
    assert allocate(method, [], 0, 3, 5).dtype == np.int64


def test_at_both_limits_of_the_total():
    lower, upper = [3, 5, 4], [3, 9, 30]
    for method in METHODS:
        assert allocate(method, [0.1, 0.2, 0.3], 12, lower, upper).tolist() == lower
        assert allocate(method, [0.1, 0.2, 0.3], 42, lower, upper).tolist() == upper


def test_mean_counts_by_success_rate():
    # 512 prompts of Beta(.5, .5), a mean of 8, from 2 (vip_mean 3) to 32: all or nothing is V0's optimum.
    success_rate = np.random.default_rng(0).beta(0.5, 0.5, 512)
    n = allocate("v0_utility", success_rate, 4096, 2, 32)
    assert np.mean((n == 2) | (n == 32)) > 0.9
    greedy = value("v0_greedy", success_rate, allocate("v0_greedy", success_rate, 4096, 2, 32))
    assert 0.6 < greedy / value("v0_utility", success_rate, n) < 0.95


@pytest.mark.parametrize("method", EXACT)
def test_at_scale_the_answer_meets_the_lagrangian_bound(method):
    # For every price, max Σ G <= Σ max_n (G - price n) + price total. At the price of the last rollout a concave sum
    # reaches that exactly; V0's may miss it by less than one prompt's gain, here by nothing that can be seen.
    success_rate = np.random.default_rng(3).beta(0.5, 0.5, 65_536)
    total, lower, upper = 1_048_576, LEAST.get(method, 2), 128
    n = allocate(method, success_rate, total, lower, upper)
    assert n.sum() == total and n.min() >= lower and n.max() <= upper
    # A concave method's price is its least step, V0's the least mean gain of a jump from ``lower``.
    bought = n > lower
    rates, counts = success_rate[bought], n[bought]
    before = np.full(len(counts), lower) if method == "v0_utility" else counts - 1
    price = float(((gain(method, rates, counts) - gain(method, rates, before)) / (counts - before)).min())
    best = np.full(len(success_rate), -np.inf)
    for k in range(lower, upper + 1):
        np.maximum(best, gain(method, success_rate, k) - price * k, out=best)
    bound, reached = best.sum() + price * total, value(method, success_rate, n)
    tolerance = 1e-12 if method != "v0_utility" else 1e-7
    assert bound - tolerance * abs(bound) <= reached <= bound + 1e-12 * abs(bound)


def test_expected_coefficient():
    # One component worth 8 rollouts at m = 1/2: E[4pq] = 4 * 4 * 4 / (8 * 9) = 8/9, p' = (1 - sqrt(1/9)) / 2 = 1/3.
    model = PriorModel(strength=8.0, outlier_share=1e-12)
    assert equivalent_rate([0.0], model) == pytest.approx([1 / 3])
    assert expected_outcome_variance([0.0], 0, [0.0], model) == pytest.approx([2 / 9])
    prior = np.linspace(-1, 1, 21)
    rate = equivalent_rate(prior, PriorModel())
    np.testing.assert_allclose(4 * rate * (1 - rate), 4 * expected_outcome_variance(prior, 0, prior, PriorModel()))
    assert np.all((rate > 0) & (rate < 0.5))


OK = {"method": "vip_loo", "success_rate": [0.5, 0.2], "total": 10, "lower": 2, "upper": 8}
ERRORS = {
    "unknown method": ({"method": "vip"}, "uniform, vip_mean, vip_loo, v0_utility, v0_greedy, knapsack, gvm"),
    "no method": ({"method": None}, "method must be one of"),
    "one number": ({"success_rate": 0.5}, "one-dimensional"),
    "a matrix": ({"success_rate": [[0.5, 0.2]]}, r"one-dimensional.*\(1, 2\)"),
    "nan": ({"success_rate": [0.5, np.nan]}, r"success_rate\[1\] = nan"),
    "infinite": ({"success_rate": [np.inf, 0.5]}, r"success_rate\[0\] = inf"),
    "negative": ({"success_rate": [0.5, -0.1]}, r"success_rate\[1\] = -0.1 is outside \[0, 1\]"),
    "above one": ({"success_rate": [0.5, 1.5]}, r"success_rate\[1\] = 1.5"),
    "above one, uniform": ({"method": "uniform", "success_rate": [0.5, 1.5]}, r"success_rate\[1\] = 1.5"),
    "nan, uniform": ({"method": "uniform", "success_rate": [np.nan, 0.5]}, r"success_rate\[0\] = nan"),
    "half a total": ({"total": 10.5}, "total = 10.5 is not a whole number"),
    "total nan": ({"total": np.nan}, "total = nan"),
    "two totals": ({"total": [5, 5]}, "total must be one whole number"),
    "half a lower": ({"lower": 2.5}, "lower = 2.5 is not a whole number"),
    "half an upper": ({"upper": [8, 8.5]}, r"upper\[1\] = 8.5 is not a whole number"),
    "upper infinite": ({"upper": np.inf}, "upper = inf"),
    "three lowers": ({"lower": [2, 2, 2]}, r"lower must be one number or one per prompt, \(2,\), got shape \(3,\)"),
    "one upper in a list": ({"upper": [8]}, "upper must be one number or one per prompt"),
    "lower above upper": ({"lower": [2, 9]}, r"lower\[1\] = 9 is above upper\[1\] = 8"),
    "below vip_loo's least": ({"lower": [2, 1]}, r"lower\[1\] = 1: vip_loo needs at least 2"),
    "below vip_mean's least": ({"method": "vip_mean"}, r"lower\[0\] = 2: vip_mean needs at least 3"),
    "below knapsack's least": ({"method": "knapsack", "lower": 0}, "knapsack needs at least 1"),
    "below v0_greedy's least": ({"method": "v0_greedy", "lower": -1}, "v0_greedy needs at least 1"),
    "total too small": ({"total": 3}, r"total of 3 .*at least 4 \(sum of lower\).*at most 16 \(sum of upper\)"),
    "total too large": ({"total": 17}, r"total of 17 .*at least 4 \(sum of lower\).*at most 16 \(sum of upper\)"),
    "negative total": ({"total": -1}, "total of -1"),
    "no prompt": ({"success_rate": []}, "total of 10 rollouts, but no prompt"),
    "far too large": ({"upper": 2**40}, "upper = 1.09951e[+]12 is not a whole number"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_errors(case):
    change, message = ERRORS[case]
    allocate(**OK)
    with pytest.raises(ValueError, match=message):
        allocate(**{**OK, **change})


def test_errors_of_the_gain():
    for call, message in [
        (partial(gain, "vip_loo", [0.5], 1), "vip_loo needs at least 2"),
        (partial(gain, "gvm", [0.5], 1.5), "n = 1.5 is not a whole number"),
        (partial(gain, "gvm", [0.5, 0.1], [1, 2, 3]), "do not fit"),
        (partial(equivalent_rate, [np.nan], PriorModel()), r"prior\[0\] = nan"),
        (partial(equivalent_rate, [1.5], PriorModel()), r"prior\[0\] = 1.5"),
    ]:
        with pytest.raises(ValueError, match=message):
            call()

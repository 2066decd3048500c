# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from v05_verl.report.statistics import Curve, band, first_reach, interval, mean_up_to, moving_mean, smooth, value_at


def curve(*points):
    x, y = zip(*points, strict=True)
    return Curve(np.array(x, float), np.array(y, float))


curves = st.lists(st.tuples(st.integers(1, 50), st.floats(0, 1)), min_size=2, max_size=12).map(
    lambda steps: Curve(np.cumsum([0, *(gap for gap, _ in steps[1:])]).astype(float), np.array([y for _, y in steps]))
)


def test_interval_is_students():
    # s = 1 and t = 4.302653 with two degrees of freedom: 4.302653 / sqrt(3).
    assert interval([1, 2, 3]) == pytest.approx((2.0, 2.484138), abs=1e-6)
    # s = sqrt(2) and t = 12.706205 with one: 12.706205 sqrt(2) / sqrt(2).
    assert interval([0, 2]) == pytest.approx((1.0, 12.706205), abs=1e-6)


def test_interval_of_one_value_and_of_none():
    assert interval([0.7]) == (0.7, None)
    assert interval([]) == (None, None)


def test_smoothing_weights():
    # 2/3 0 + 1/3 4; 1/4 0 + 1/2 4 + 1/4 8; 1/4 4 + 1/2 8 + 1/4 0; 2/3 0 + 1/3 8
    assert smooth([0, 4, 8, 0]) == pytest.approx([4 / 3, 4, 5, 8 / 3])
    assert smooth([3]) == pytest.approx([3])
    assert smooth([0, 3]) == pytest.approx([1, 2])


def test_first_reach_lies_on_the_line_between_two_validations():
    rising = curve((0, 0.5), (1000, 0.6), (2000, 0.8))
    assert first_reach(rising, 0.7) == pytest.approx(1500)
    assert first_reach(rising, 0.6) == 1000
    assert first_reach(rising, 0.5) == 0
    assert first_reach(rising, 0.81) is None
    # It counts from the first time on, also where the curve falls again.
    assert first_reach(curve((0, 0), (10, 1), (20, 0)), 0.5) == pytest.approx(5)


def test_value_at_is_the_mean_over_the_last_tenth():
    assert value_at(curve((0, 0), (10, 10)), 10) == pytest.approx(9.5)
    # From 90 to 95 the line lies at 4, then rises to 8 at 100: (5 * 4 + 5 * 6) / 10.
    assert value_at(curve((0, 4), (95, 4), (100, 8)), 100) == pytest.approx(5)


def test_value_at_does_not_extrapolate():
    assert value_at(curve((0, 1), (10, 1)), 11) is None
    assert value_at(curve((95, 1), (100, 1)), 100) is None
    assert value_at(curve((0, 0.3)), 0) == pytest.approx(0.3)


def test_mean_up_to_is_the_area_over_the_rollouts():
    # 0 to 4 over 10, then 4: (10 * 2 + 10 * 4) / 20, and to 15: (10 * 2 + 5 * 4) / 15.
    line = curve((0, 0), (10, 4), (20, 4))
    assert mean_up_to(line, 20) == pytest.approx(3) and mean_up_to(line, 15) == pytest.approx(40 / 15)
    assert mean_up_to(line, 21) is None
    assert mean_up_to(curve((5, 0.3)), 5) == pytest.approx(0.3)
    assert mean_up_to(Curve(np.array([]), np.array([])), 1) is None


def test_band_covers_what_all_seeds_cover():
    mean = band([curve((0, 0), (10, 10)), curve((0, 2), (5, 7), (20, 22))])
    assert mean.x.tolist() == [0, 5, 10]
    assert mean.mean == pytest.approx([1, 6, 11])
    assert mean.ci95 == pytest.approx([12.706205] * 3)
    assert mean.seeds == 2
    assert band([curve((0, 1), (3, 2))]).ci95 is None
    assert band([]) is None
    assert band([curve((0, 1), (1, 1)), curve((2, 1), (3, 1))]) is None


def test_moving_mean_shrinks_at_the_ends():
    assert moving_mean(np.array([0.0, 3.0, 6.0, 9.0]), 3) == pytest.approx([1.5, 3, 6, 7.5])
    assert moving_mean(np.array([2.0]), 5) == pytest.approx([2.0])


@given(curves)
def test_smoothing_stays_in_range_and_keeps_a_constant(any_curve):
    smoothed = smooth(any_curve.y)
    assert len(smoothed) == len(any_curve.y)
    assert smoothed.min() >= any_curve.y.min() - 1e-12 and smoothed.max() <= any_curve.y.max() + 1e-12
    assert smooth(np.full(len(any_curve.y), 0.3)) == pytest.approx(0.3)


@given(curves, st.floats(0, 1), st.floats(0, 1))
def test_a_higher_target_is_never_reached_earlier(any_curve, one, other):
    low, high = (first_reach(any_curve, target) for target in sorted((one, other)))
    assert high is None or low <= high + 1e-9


@given(curves)
def test_the_curve_is_at_the_target_where_it_is_first_reached(any_curve):
    # The mean may be rounded above the largest value.
    target = min(float(any_curve.y.mean()), any_curve.y.max())
    reached = np.interp(first_reach(any_curve, target), *any_curve)
    assert reached == pytest.approx(max(target, any_curve.y[0]), abs=1e-9)


@given(curves, st.floats(-3, 3), st.floats(-3, 3))
def test_value_at_is_linear_in_the_accuracy(any_curve, a, b):
    x = any_curve.x[-1]
    moved = Curve(any_curve.x, a + b * any_curve.y)
    assert value_at(moved, x) == pytest.approx(a + b * value_at(any_curve, x), abs=1e-9)

# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
from typing import get_args

import numpy as np
import pytest

from v05_verl.core.allocation import Method, allocate, gain
from v05_verl.lab.bench_allocation import heap, main, peak_bytes, upper_bound

METHODS = get_args(Method)


@pytest.mark.parametrize("method", METHODS)
def test_the_heap_and_the_bound_agree_with_allocate(method):
    success_rate = np.random.default_rng(1).beta(0.5, 0.5, 60)
    arguments = method, success_rate, 500, 3, 40
    exact, plain = (gain(method, success_rate, n).sum() for n in (allocate(*arguments), heap(*arguments)))
    bound = upper_bound(*arguments)
    assert exact <= bound + 1e-6 * abs(bound)
    if method == "v0_utility":
        assert plain < exact
    else:
        assert plain == pytest.approx(exact, rel=1e-12)
    if not method.startswith("v0"):
        assert exact == pytest.approx(bound, rel=1e-6)


def test_peak_memory_of_a_call():
    assert 8e6 <= peak_bytes(lambda: np.zeros(1_000_000)) < 9e6


def test_prints_a_row_per_method_and_size(capsys):
    main(["--size", "20:160", "--size", "30:300", "--repeats", "1"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + 2 * len(METHODS)
    assert [line.split("|")[3].strip(" `") for line in lines[2:9]] == list(METHODS)

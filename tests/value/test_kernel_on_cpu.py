# Copyright 2026 The v05_verl Authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from scipy import optimize, sparse

from v05_verl.value.factor import GrowingCholesky
from v05_verl.value.kernel import (
    LEVEL_VAR,
    SCALARS,
    Evidence,
    Hyperparameters,
    Points,
    bounds,
    concatenated,
    covariance,
    default_hyperparameters,
)

from . import autograd


def points(n, seed=0, dense=5):
    rng = np.random.default_rng(seed)

    def unit_rows(columns):
        rows = rng.uniform(size=(n, columns)) * (rng.uniform(size=(n, columns)) < 0.5)
        return sparse.csr_matrix(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12))

    return Points(
        rng.normal(size=(n, 3)),
        unit_rows(8),
        unit_rows(6),
        unit_rows(5).toarray()[:, :dense],
        rng.integers(0, n // 2, n),
        rng.integers(0, 2, n),
        rng.uniform(0, 2, n),
    )


def test_covariance_of_one_pair_by_hand():
    # Hand features one apart, of weight 1; no n-grams or words in common; dense vectors at right angles; dt = 1; other
    # prompt, other policy.
    ones, others = [sparse.csr_matrix([[1.0, 0]])] * 2, [sparse.csr_matrix([[0, 1.0]])] * 2
    a = Points(np.array([[0.0]]), *ones, np.array([[1.0, 0]]), *np.array([[1], [0], [0.0]]))
    b = Points(np.array([[1.0]]), *others, np.array([[0, 1.0]]), *np.array([[2], [1], [1.0]]))
    h = Hyperparameters(*np.zeros(len(SCALARS)), hand_weights=(0.0,))  # every sd, scale and time 1; share 1/2
    expected = LEVEL_VAR + (np.exp(-0.5) + 3 * np.exp(-1)) * 0.5 * np.exp(-1)
    assert covariance(a, b, h)[0, 0] == pytest.approx(expected)
    # At the same point every term is at its full variance: the mean's, four of texts, the prompt's own.
    assert covariance(a, a, h)[0, 0] == pytest.approx(LEVEL_VAR + 6)
    # Without dense vectors there is no such term.
    bare = a._replace(dense=np.empty((1, 0)))
    assert covariance(bare, bare, h)[0, 0] == pytest.approx(LEVEL_VAR + 5)


def test_the_gradient_is_what_autograd_makes_of_the_same_formula():
    evidence, at = autograd.case(40)
    (value, gradient), (expected, expected_gradient) = evidence.negative(at), autograd.negative(evidence, at)
    assert value == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("dense", [0, 5])
def test_gradient_of_the_evidence_is_the_numerical_one(dense):
    p, rng = points(24, dense=dense), np.random.default_rng(1)
    center = default_hyperparameters(3)
    evidence = Evidence(p, rng.normal(size=24), np.full(24, 0.05), center)
    x = center.vector() + 0.3 * rng.normal(size=len(center.vector()))
    numerical = optimize.approx_fprime(x, lambda v: evidence.negative(v)[0], 1e-6)
    np.testing.assert_allclose(evidence.negative(x)[1], numerical, rtol=1e-3, atol=1e-4)


def test_the_evidence_is_finite_at_every_corner_of_its_bounds():
    p, center, rng = points(150), default_hyperparameters(3), np.random.default_rng(3)
    evidence = Evidence(p, rng.normal(size=150), np.full(150, 1e-4), center)  # gp's smallest noise
    low, high = bounds(center)
    np.testing.assert_allclose((low + high) / 2, center.vector())
    for corner in [low, high, *(np.where(rng.uniform(size=len(low)) < 0.5, low, high) for _ in range(30))]:
        value, gradient = evidence.negative(corner)
        assert np.isfinite(value) and np.isfinite(gradient).all()


def test_vector_and_back():
    h = default_hyperparameters(3)
    assert h.with_vector(h.vector()) == h


def test_growing_factor_solves_what_the_whole_matrix_solves():
    p, h, rng = points(150), default_hyperparameters(3), np.random.default_rng(2)
    K, y = covariance(p, p, h) + 0.1 * np.eye(150), rng.normal(size=150)
    factor = GrowingCholesky()
    for start, stop in ((0, 1), (1, 40), (40, 130), (130, 150)):
        factor.append(K[:start, start:stop], K[start:stop, start:stop], y[start:stop])
    np.testing.assert_allclose(factor.alpha, np.linalg.solve(K, y), atol=1e-9)


def test_points_concatenate_row_by_row():
    p = points(10)
    again = concatenated(p.rows(slice(0, 4)), p.rows(np.arange(4, 10)))
    h = default_hyperparameters(3)
    np.testing.assert_allclose(covariance(again, p, h), covariance(p, p, h))

"""Layer normalization: accuracy, rows of every length, NaN."""

from __future__ import annotations

import numpy as np
import pytest

from pyneural import _core
from tests.reference.layer_norm import layer_normalization


def test_rows_of_every_length() -> None:
    rng = np.random.default_rng(0)
    for length in range(1, 140):
        x = rng.normal(size=(5, length)).astype("float32")
        gamma, beta = rng.normal(size=(2, length)).astype("float32")
        wanted = layer_normalization(*(a.astype("float64") for a in (x, gamma, beta)))
        actual = np.asarray(_core.layer_normalization(x, gamma, beta))
        np.testing.assert_allclose(actual, wanted, rtol=1e-5, atol=1e-5)


def test_a_large_mean_does_not_spoil_the_variance() -> None:
    x = (np.random.default_rng(1).normal(size=(20, 768)) + 1000).astype("float32")
    actual = np.asarray(_core.layer_normalization(x))
    # The last digit of a float32 near 1000 is 6e-5; E[x^2] - E[x]^2 would be off by 0.1.
    np.testing.assert_allclose(actual, layer_normalization(x.astype("float64")), atol=3e-4)


def test_a_constant_row_gives_beta() -> None:
    beta = np.arange(50, dtype="float32")
    actual = np.asarray(_core.layer_normalization(np.full((3, 50), 7.0, "float32"), None, beta))
    np.testing.assert_array_equal(actual, np.broadcast_to(beta, (3, 50)))


def test_nan_spoils_its_row_only() -> None:
    x = np.random.default_rng(2).normal(size=(6, 20)).astype("float32")
    x[3, 5] = np.nan
    bad = np.isnan(np.asarray(_core.layer_normalization(x)))
    assert bad[3].all()
    assert not np.delete(bad, 3, axis=0).any()


def test_gradients_of_many_and_long_rows() -> None:
    """Around the lengths from which on more threads, or several passes, are needed for a row."""
    rng = np.random.default_rng(3)
    shapes = [(3, length) for length in (255, 256, 257, 512, 1025, 2048, 2049, 8192, 8196)]
    for rows, length in [*shapes, (100, 1), (100, 4), (40, 20), (40, 33), (17, 300)]:
        x, dy = rng.normal(size=(2, rows, length)).astype("float32")
        gamma, beta = rng.normal(size=(2, length)).astype("float32")
        operands = [_core.tensor(a) for a in (x, gamma, beta)]
        for operand in operands:
            _core.watch(operand)
        _core.start_recording()
        try:
            y = _core.layer_normalization(*operands)
        finally:
            _core.stop_recording()
        dx, dgamma, dbeta = (np.asarray(g) for g in _core.gradients([y], operands, [_core.tensor(dy)]))
        wide, seed = x.astype("float64"), dy.astype("float64")
        rstd = 1 / np.sqrt(wide.var(1, keepdims=True) + 1e-3)
        xhat, g = (wide - wide.mean(1, keepdims=True)) * rstd, seed * gamma
        wanted = rstd * (g - g.mean(1, keepdims=True) - xhat * (g * xhat).mean(1, keepdims=True))
        np.testing.assert_allclose(np.asarray(y), xhat * gamma + beta, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(dx, wanted, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(dgamma, (seed * xhat).sum(0), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(dbeta, seed.sum(0), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("rows", "length"), [(35, 3), (35, 33), (40, 256), (19, 700), (300, 700), (5, 4000)])
def test_a_row_does_not_depend_on_its_neighbours(dtype: str, rows: int, length: int) -> None:
    """However many rows are worked on together, near or far."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(rows, length)).astype(dtype)
    gamma, beta = rng.normal(size=(2, length)).astype(dtype)
    together = np.asarray(_core.layer_normalization(x, gamma, beta))
    alone = [np.asarray(_core.layer_normalization(row[None], gamma, beta))[0] for row in x]
    np.testing.assert_array_equal(together, alone)

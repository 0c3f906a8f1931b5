"""Batch normalization: accuracy of the statistics, and what must hold exactly."""

from __future__ import annotations

import numpy as np
import pytest

from pyneural import _core

SHAPES = [((5000, 3), -1), ((64, 8, 8, 20), -1), ((4, 6, 50, 50), 1), ((300, 270), -1)]


@pytest.mark.parametrize(("shape", "axis"), SHAPES)
def test_statistics_survive_a_large_mean(shape: tuple[int, ...], axis: int) -> None:
    x = (np.random.default_rng(0).normal(size=shape) + 1000).astype("float32")
    channels = shape[axis]
    _, mean, variance = _core.batch_norm_train(x, None, None, axis)
    rows = np.moveaxis(x.astype("float64"), axis, 0).reshape(channels, -1)
    np.testing.assert_allclose(np.asarray(mean), rows.mean(1), rtol=1.2e-7)
    # E[x^2] - E[x]^2 would be off by 0.1 here.
    np.testing.assert_allclose(np.asarray(variance), rows.var(1), rtol=2e-6)


@pytest.mark.parametrize(("shape", "axis"), SHAPES)
def test_statistics_of_integers_are_exact(shape: tuple[int, ...], axis: int) -> None:
    count = int(np.prod(shape)) // shape[axis]
    flat = np.arange(count) % 2 * 2 - 1  # -1 and 1 in turn: mean 0, variance 1 for an even count
    x = np.moveaxis(np.broadcast_to(flat.reshape(-1, 1), (count, shape[axis])), 0, 1)
    x = np.moveaxis(x.reshape(shape[axis], *np.delete(shape, axis)), 0, axis).astype("float32")
    _, mean, variance = _core.batch_norm_train(np.ascontiguousarray(x), None, None, axis)
    np.testing.assert_array_equal(np.asarray(mean), np.zeros(shape[axis]))
    np.testing.assert_array_equal(np.asarray(variance), np.ones(shape[axis]))


def test_a_constant_channel_gives_beta() -> None:
    x = np.full((40, 7), 1234.5, "float32")
    beta = np.arange(7, dtype="float32")
    y, mean, variance = (np.asarray(r) for r in _core.batch_norm_train(x, None, beta))
    np.testing.assert_array_equal(y, np.broadcast_to(beta, x.shape))
    np.testing.assert_array_equal(mean, x[0])
    np.testing.assert_array_equal(variance, np.zeros(7))


def test_nan_stays_in_its_channel() -> None:
    x = np.random.default_rng(1).normal(size=(100, 5)).astype("float32")
    x[50, 2] = np.nan
    for result in _core.batch_norm_train(x, None, None):
        bad = np.isnan(np.asarray(result))
        assert bad[..., 2].all()
        assert not np.delete(bad, 2, axis=-1).any()


def test_every_row_count_and_channel_count() -> None:
    """Around the edges of vectors, of repeated rows and of blocks."""
    rng = np.random.default_rng(2)
    for channels in [*range(1, 20), 31, 33, 63, 65, 130, 257]:
        for rows in (1, 2, 33, 70):
            x = rng.integers(-8, 9, (rows, channels)).astype("float32")
            _, mean, variance = (np.asarray(r) for r in _core.batch_norm_train(x, None, None))
            wide = x.astype("float64")
            np.testing.assert_allclose(mean, wide.mean(0), rtol=1e-6, atol=1e-6)
            np.testing.assert_allclose(variance, wide.var(0), rtol=1e-6, atol=1e-6)


def test_an_empty_batch_has_no_statistics() -> None:
    y, mean, variance = (np.asarray(r) for r in _core.batch_norm_train(np.ones((0, 3), "float32"), None, None))
    assert y.shape == (0, 3)
    assert np.isnan(mean).all()
    assert np.isnan(variance).all()

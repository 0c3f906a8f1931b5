"""Pooling: ties, NaN, every window shape, exact values."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from pyneural import _core
from tests.reference import pool2d as reference

RNG = np.random.default_rng(6)


def value_and_gradient(op, x, seed, *args):
    x = _core.tensor(x)
    _core.watch(x)
    _core.start_recording()
    try:
        y = op(x, *args)
    finally:
        _core.stop_recording()
    (grad,) = _core.gradients([y], [x], [_core.tensor(seed)])
    return np.asarray(y), np.asarray(grad)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("channels", [1, 3, 7, 16, 33])
def test_windows(channels, dtype):
    """Few distinct integers: many ties, whose gradient belongs to the first."""
    pools = [(1, 1), (2, 2), (3, 3), (2, 3), (4, 1)]
    strides = [(1, 1), (2, 2), (3, 3), (2, 1), (4, 5)]
    for pool_size, stride, padding in itertools.product(pools, strides, ["valid", "same"]):
        x = RNG.integers(-2, 3, (2, 7, 5, channels)).astype(dtype)
        args = (pool_size, stride, padding)
        wanted = reference.max_pool2d(x, *args)
        seed = RNG.integers(-4, 5, wanted.shape).astype(dtype)
        y, grad = value_and_gradient(_core.max_pool2d, x, seed, *args)
        np.testing.assert_array_equal(y, wanted)
        np.testing.assert_array_equal(grad, reference.max_pool2d_grad(seed, x, *args))
        y, grad = value_and_gradient(_core.average_pool2d, x, seed, *args)
        tolerance = 16 * np.finfo(dtype).eps
        np.testing.assert_allclose(y, reference.average_pool2d(x, *args), atol=tolerance)
        wanted = reference.average_pool2d_grad(seed, x.shape, *args)
        np.testing.assert_allclose(grad, wanted, atol=16 * tolerance)


@pytest.mark.parametrize("channels", [1, 2, 5, 15, 16, 31, 64, 65, 130])
def test_long_rows(channels):
    """Rows that are longer than a vector, and several of them in a chunk."""
    for pool_size, stride, padding in [((2, 2), (2, 2), "same"), ((3, 3), (2, 2), "same"), ((2, 2), (3, 3), "valid")]:
        x = RNG.integers(-9, 9, (3, 21, 19, channels)).astype("float32")
        args = (pool_size, stride, padding)
        wanted = reference.max_pool2d(x, *args)
        seed = RNG.integers(-4, 5, wanted.shape).astype("float32")
        y, grad = value_and_gradient(_core.max_pool2d, x, seed, *args)
        np.testing.assert_array_equal(y, wanted)
        np.testing.assert_array_equal(grad, reference.max_pool2d_grad(seed, x, *args))
        seed *= 36  # a multiple of every number of positions
        _, grad = value_and_gradient(_core.average_pool2d, x, seed, *args)
        np.testing.assert_array_equal(grad, reference.average_pool2d_grad(seed, x.shape, *args))


@pytest.mark.parametrize("channels", [1, 3, 20, 70])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite(value, channels):
    """A row with one of them is computed in another way: the others must not notice."""
    x = RNG.integers(-9, 9, (2, 9, 12, channels)).astype("float32")
    x[0, 3, 5, channels // 2] = value
    x[1, 8, 11, 0] = value
    for args in [((2, 2), (2, 2), "same"), ((3, 3), (2, 2), "same"), ((3, 2), (1, 1), "valid")]:
        wanted = reference.max_pool2d(x, *args)
        seed = RNG.integers(-4, 5, wanted.shape).astype("float32")
        y, grad = value_and_gradient(_core.max_pool2d, x, seed, *args)
        np.testing.assert_array_equal(y, wanted)
        np.testing.assert_array_equal(grad, reference.max_pool2d_grad(seed, x, *args))


@pytest.mark.parametrize("channels", [1, 20])
def test_nan_wins_and_takes_the_gradient(channels):
    x = np.zeros((1, 4, 4, channels), "float32")
    x[0, 1, 0] = np.nan
    x[0, 3, 3] = np.nan
    x[0, 2, 3] = np.inf
    seed = np.ones((1, 2, 2, channels), "float32")
    y, grad = value_and_gradient(_core.max_pool2d, x, seed, 2)
    assert np.isnan(y[0, 0, 0]).all()
    assert np.isnan(y[0, 1, 1]).all()
    assert (y[0, 0, 1] == 0).all()
    np.testing.assert_array_equal(grad, reference.max_pool2d_grad(seed, x, (2, 2)))
    assert (grad[0, 1, 0] == 1).all()
    assert (grad[0, 3, 3] == 1).all()


@pytest.mark.parametrize("channels", [1, 5, 16, 20, 70])
def test_a_gradient_that_takes_over_the_images(channels):
    x = RNG.integers(-9, 9, (3, 8, 20, channels)).astype("float32")
    seed = RNG.integers(-4, 5, (3, 4, 10, channels)).astype("float32")
    with _core.Trace() as trace:
        images, grad = (trace.input(a.shape, "float32") for a in (x, seed))
        pooled = _core.max_pool2d(images * 2.0, (2, 2))
        plan = trace.compile(_core.gradients([pooled], [images], [grad]))
    actual = np.asarray(plan.run([x, seed])[0])
    np.testing.assert_array_equal(actual, 2 * reference.max_pool2d_grad(seed, x, (2, 2)))


def test_strides_are_the_pool_size_by_default():
    x = RNG.normal(size=(1, 7, 9, 2)).astype("float32")
    for op in (_core.max_pool2d, _core.average_pool2d):
        np.testing.assert_array_equal(np.asarray(op(x, (2, 3))), np.asarray(op(x, (2, 3), (2, 3))))


@pytest.mark.parametrize("channels", [3, 4])
def test_windows_with_gaps_and_overlaps_of_large_images(channels: int) -> None:
    for pool_size, stride in [((2, 2), (3, 2)), ((3, 3), (2, 2)), ((3, 3), (3, 3)), ((5, 5), (1, 1))]:
        for padding in ("valid", "same"):
            x = RNG.integers(-2, 3, (2, 20, 17, channels)).astype("float32")
            args = (pool_size, stride, padding)
            wanted = reference.max_pool2d(x, *args)
            seed = RNG.integers(-4, 5, wanted.shape).astype("float32")
            y, grad = value_and_gradient(_core.max_pool2d, x, seed, *args)
            np.testing.assert_array_equal(y, wanted)
            assert grad.sum() == seed.sum()
            _, shares = value_and_gradient(_core.average_pool2d, x, seed, *args)
            np.testing.assert_allclose(shares.sum(), seed.sum(), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("channels", [*range(1, 10), 12])
def test_few_channels(channels: int) -> None:
    """Windows that tile the images: vectors of several pixels, and rows that do not fill them."""
    for width, padding in itertools.product([2, 3, 4, 6, 7, 10, 12, 33], ["valid", "same"]):
        x = RNG.integers(-9, 9, (3, 7, width, channels)).astype("float32")
        args = ((2, 2), (2, 2), padding)
        wanted = reference.max_pool2d(x, *args)
        seed = 4 * RNG.integers(-4, 5, wanted.shape).astype("float32")
        y, grad = value_and_gradient(_core.max_pool2d, x, seed, *args)
        np.testing.assert_array_equal(y, wanted)
        np.testing.assert_array_equal(grad, reference.max_pool2d_grad(seed, x, *args))
        y, grad = value_and_gradient(_core.average_pool2d, x, seed, *args)
        np.testing.assert_array_equal(y, reference.average_pool2d(x, *args))
        np.testing.assert_array_equal(grad, reference.average_pool2d_grad(seed, x.shape, *args))


@pytest.mark.parametrize("channels", [1, 6, 8])
def test_few_channels_that_are_not_finite(channels: int) -> None:
    x = RNG.integers(-9, 9, (2, 28, 28, channels)).astype("float32")
    for image, row, column, value in [(0, 3, 5, np.nan), (0, 4, 6, np.inf), (1, 27, 27, np.nan), (1, 0, 1, -np.inf)]:
        x[image, row, column, channels // 2] = value
    np.testing.assert_array_equal(np.asarray(_core.max_pool2d(x, 2)), reference.max_pool2d(x, (2, 2)))

"""3 x 3 convolutions by Winograd's algorithm: exact on small integers, and no less accurate than direct ones."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from pyneural import _core
from tests.ops.test_conv2d import check_conv2d, integers, value_and_gradients
from tests.reference import conv2d as reference

RNG = np.random.default_rng(8)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("rows", range(4, 11))
def test_every_last_tile(rows, padding):
    """Images that tiles of 2 x 2 outputs divide, and others."""
    for columns in range(4, 11):
        check_conv2d((2, rows, columns, 36), (3, 3), 40, padding=padding)


@pytest.mark.parametrize("channels", [20, 31, 32, 33, 64, 65, 130])
def test_every_last_vector_and_panel(channels):
    for filters in (20, 32, 48, 49, 63, 64, 65, 80, 128, 130, 200):
        check_conv2d((2, 8, 7, channels), (3, 3), filters, padding="same")


@pytest.mark.parametrize(
    ("images", "filters"),
    [
        ((1, 40, 41, 32), 32),  # several blocks of tiles of an image
        ((40, 5, 6, 64), 64),  # several images in a block
        ((3, 90, 8, 24), 130),
        ((1, 8, 8, 256), 256),  # threads share the panels of a block
        ((2, 6, 6, 300), 70),
        ((32, 16, 16, 32), 16),  # sums over tiles in several splits
        ((9, 24, 24, 20), 20),
        ((5, 15, 16, 16), 16),  # one vector of filters
        ((5, 14, 15, 48), 9),
        ((5, 14, 15, 48), 16),
        ((5, 14, 15, 40), 16),
        ((1, 3, 200, 48), 48),
    ],
)
def test_blocks(images, filters):
    for padding in ("valid", "same"):
        check_conv2d(images, (3, 3), filters, padding=padding)


@pytest.mark.parametrize("activation", ["linear", "relu", "tanh"])
@pytest.mark.parametrize("window", [(2, 2), (3, 3), (2, 3)])
@pytest.mark.parametrize("size", [(12, 12), (13, 9)])
def test_plan_joins_activation_and_pooling(size, window, activation):
    """The maxima of 2 x 2 windows are those of the tiles; other windows are a step of their own."""
    x = RNG.normal(size=(3, *size, 32)).astype("float32")
    kernel = RNG.normal(size=(3, 3, 32, 70)).astype("float32")
    bias = RNG.normal(size=70).astype("float32")
    act = {"linear": lambda value: value, "relu": _core.relu, "tanh": _core.tanh}[activation]

    def network(images):
        y = act(_core.conv2d(images, kernel, bias, padding="same"))
        return _core.max_pool2d(y, window, window, padding="valid")

    trace = _core.Trace()
    with trace:
        plan = trace.compile([network(trace.input(x.shape, "float32"))])
    np.testing.assert_array_equal(np.asarray(plan.run([x])[0]), np.asarray(network(_core.tensor(x))))
    y = reference.conv2d(x, kernel, bias, padding="same")
    y = {"linear": y, "relu": np.maximum(y, 0), "tanh": np.tanh(y)}[activation]
    rows, columns = size[0] // window[0], size[1] // window[1]
    windows = y[:, : window[0] * rows, : window[1] * columns].reshape(3, rows, window[0], columns, window[1], 70)
    np.testing.assert_allclose(np.asarray(plan.run([x])[0]), windows.max((2, 4)), rtol=1e-4, atol=1e-4)


def test_pooled_maxima_of_nan_are_nan():
    x = np.zeros((1, 8, 8, 32), "float32")
    x[0, 3, 3] = np.nan
    kernel = np.ones((3, 3, 32, 32), "float32")
    trace = _core.Trace()
    with trace:
        images = trace.input(x.shape, "float32")
        y = _core.relu(_core.conv2d(images, kernel, padding="same"))
        plan = trace.compile([_core.max_pool2d(y, (2, 2), (2, 2), padding="valid")])
    y = np.asarray(plan.run([x])[0])
    assert np.isnan(y[0, 1:3, 1:3]).all()
    assert not np.isnan(y[0, 3]).any()


@pytest.mark.parametrize(
    ("images", "filters"),
    [((16, 16, 16, 32), 32), ((4, 16, 16, 64), 96), ((16, 8, 8, 160), 128), ((64, 16, 16, 20), 20)],
)
@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.cpu  # both ways are the same on a GPU
def test_no_less_accurate_than_a_direct_convolution(images, filters, positive):
    """A fourth column of zeros in the kernel makes it a direct convolution with the same results."""
    x = RNG.normal(size=images).astype("float32")
    if positive:
        x = np.maximum(x, 0)
    kernel = (RNG.normal(size=(3, 3, images[3], filters)) / 10).astype("float32")
    bias = np.zeros(filters, "float32")
    wide_x = np.concatenate([x, np.zeros_like(x[:, :, :1])], axis=2)
    wide_kernel = np.concatenate([kernel, np.zeros_like(kernel[:, :1])], axis=1)
    wanted = reference.conv2d(x, kernel)
    seed = RNG.normal(size=wanted.shape).astype("float32")
    wanted = [wanted, *reference.conv2d_gradients(seed, x, kernel)]
    y, grads = value_and_gradients(_core.conv2d, x, kernel, bias, seed)
    wide_y, wide_grads = value_and_gradients(_core.conv2d, wide_x, wide_kernel, bias, seed)
    direct = [wide_y, wide_grads[0][:, :, :-1], wide_grads[1][:, :3]]
    for name, ours, theirs, exact in zip(
        ["output", "gradient of the input", "gradient of the kernel"], [y, *grads[:2]], direct, wanted, strict=True
    ):
        error, direct_error = (np.sqrt(np.mean((a - exact) ** 2)) for a in (ours, theirs))
        assert error < 1.5 * direct_error, name
        assert np.abs(ours - exact).max() < 2 * np.abs(theirs - exact).max(), name


def test_bits_do_not_depend_on_threads():
    x = RNG.normal(size=(8, 14, 14, 48)).astype("float32")
    kernel = RNG.normal(size=(3, 3, 48, 80)).astype("float32")
    bias = RNG.normal(size=80).astype("float32")
    seed = RNG.normal(size=(8, 14, 14, 80)).astype("float32")
    before = _core.num_threads()
    results = []
    try:
        for threads in (1, 2, 3, 7):
            _core.set_num_threads(threads)
            y, grads = value_and_gradients(_core.conv2d, x, kernel, bias, seed, padding="same")
            results.append([y, *grads])
    finally:
        _core.set_num_threads(before)
    for result in results[1:]:
        for a, b in zip(result, results[0], strict=True):
            np.testing.assert_array_equal(a, b)


def test_infinity_stays_within_the_tiles_that_see_it():
    x = np.zeros((2, 10, 12, 32), "float32")
    x[1, 5, 6, -1] = np.inf
    kernel = np.ones((3, 3, 32, 32), "float32")
    y = np.asarray(_core.conv2d(x, kernel, padding="same"))
    sees = np.zeros(y.shape, bool)
    sees[1, 4:7, 5:8] = True
    assert not np.isfinite(y[sees]).any()
    near = np.zeros(y.shape, bool)
    near[1, 4:8, 4:8] = True
    np.testing.assert_array_equal(y[~near], 0)


def test_operands_borrowed_at_odd_addresses():
    images, taps = (2, 9, 8, 40), (3, 3, 40, 33)
    wanted = None
    for offset in range(0, 12, 4):
        arrays = []
        for shape in (images, taps):
            memory = np.zeros(4 * int(np.prod(shape)) + 64, "uint8")
            array = memory[offset : offset + 4 * int(np.prod(shape))].view("float32").reshape(shape)
            array[...] = np.arange(array.size).reshape(shape) % 7 - 3
            arrays.append(array)
        y = np.asarray(_core.conv2d(*arrays, padding="same"))
        wanted = y if wanted is None else wanted
        np.testing.assert_array_equal(y, wanted)
    np.testing.assert_array_equal(wanted, reference.conv2d(*arrays, padding="same"))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_both_precisions(dtype):
    for images, filters in itertools.product([(3, 9, 9, 32), (2, 12, 7, 50)], [32, 70]):
        check_conv2d(images, (3, 3), filters, dtype, padding="same")


def test_empty_batch():
    x, kernel = np.zeros((0, 9, 9, 32), "float32"), integers((3, 3, 32, 32), "float32")
    y, grads = value_and_gradients(_core.conv2d, x, kernel, np.zeros(32, "float32"), np.zeros((0, 7, 7, 32), "float32"))
    assert y.shape == (0, 7, 7, 32)
    np.testing.assert_array_equal(grads[1], np.zeros_like(kernel))

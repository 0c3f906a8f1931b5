"""Convolutions on small integers: every result is exact in float32, in any order of summation."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from pyneural import _core
from tests.reference import conv2d as reference

RNG = np.random.default_rng(5)


def integers(shape, dtype):
    return RNG.integers(-4, 5, shape).astype(dtype)


def value_and_gradients(op, x, kernel, bias, seed, **kwargs):
    """The op's result and the gradients of sum(result * seed)."""
    tensors = [_core.tensor(a) for a in (x, kernel, bias)]
    for tensor in tensors:
        _core.watch(tensor)
    _core.start_recording()
    try:
        y = op(*tensors, **kwargs)
    finally:
        _core.stop_recording()
    grads = _core.gradients([y], tensors, [_core.tensor(seed)])
    return np.asarray(y), [np.asarray(g) for g in grads]


def check_conv2d(images, kernel_size, filters, dtype="float32", groups=1, **window):
    channels = images[3]
    x = integers(images, dtype)
    kernel = integers((*kernel_size, channels // groups, filters), dtype)
    bias = integers(filters, dtype)
    wanted = reference.conv2d(x, kernel, bias, groups=groups, **window)
    seed = integers(wanted.shape, dtype)
    y, grads = value_and_gradients(_core.conv2d, x, kernel, bias, seed, groups=groups, **window)
    np.testing.assert_array_equal(y, wanted)
    wanted_x, wanted_kernel = reference.conv2d_gradients(seed, x, kernel, groups=groups, **window)
    np.testing.assert_array_equal(grads[0], wanted_x)
    np.testing.assert_array_equal(grads[1], wanted_kernel)
    np.testing.assert_array_equal(grads[2], seed.sum((0, 1, 2)))


def check_depthwise(images, kernel_size, multiplier=1, dtype="float32", **window):
    x = integers(images, dtype)
    kernel = integers((*kernel_size, images[3], multiplier), dtype)
    bias = integers(images[3] * multiplier, dtype)
    wanted = reference.depthwise_conv2d(x, kernel, bias, **window)
    seed = integers(wanted.shape, dtype)
    y, grads = value_and_gradients(_core.depthwise_conv2d, x, kernel, bias, seed, **window)
    np.testing.assert_array_equal(y, wanted)
    wanted_x, wanted_kernel = reference.depthwise_conv2d_gradients(seed, x, kernel, **window)
    np.testing.assert_array_equal(grads[0], wanted_x)
    np.testing.assert_array_equal(grads[1], wanted_kernel)
    np.testing.assert_array_equal(grads[2], seed.sum((0, 1, 2)))


def fits(size, kernel_size, dilation_rate, padding):
    return padding == "same" or all(s > (k - 1) * d for s, k, d in zip(size, kernel_size, dilation_rate, strict=True))


WINDOWS = [
    {"strides": strides, "dilation_rate": dilation_rate, "padding": padding}
    for strides, dilation_rate, padding in itertools.product(
        [(1, 1), (2, 2), (3, 1), (2, 3)], [(1, 1), (2, 2), (1, 3)], ["valid", "same"]
    )
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kernel_size", [(1, 1), (2, 2), (3, 3), (4, 2), (1, 5)])
def test_conv2d_windows(kernel_size, dtype):
    shapes = [
        ((2, 7, 6, 3), 5, 1),
        ((1, 4, 9, 4), 6, 2),
        ((3, 2, 2, 1), 17, 1),
        ((4, 7, 6, 17), 9, 1),
        ((3, 5, 9, 32), 18, 2),
    ]
    for window, (images, filters, groups) in itertools.product(WINDOWS, shapes):
        if fits(images[1:3], kernel_size, window["dilation_rate"], window["padding"]):
            check_conv2d(images, kernel_size, filters, dtype, groups, **window)


# Most 3 x 3 kernels of many channels are Winograd's, 3 x 4 ones are not.
@pytest.mark.parametrize("kernel_size", [(3, 3), (3, 4)])
@pytest.mark.parametrize("channels", [1, 2, 3, 15, 16, 17, 33, 64, 65])
def test_conv2d_channels_and_filters(channels, kernel_size):
    for filters in (1, 6, 15, 16, 17, 31, 32, 33, 48, 49, 64, 65, 130):
        check_conv2d((2, 6, 5, channels), kernel_size, filters, padding="same")


@pytest.mark.parametrize("channels", [8, 16, 17, 31, 40])
def test_conv2d_few_filters(channels):
    for filters in (1, 2, 3, 4, 5):
        check_conv2d((2, 6, 5, channels), (3, 3), filters, padding="same")
        check_conv2d((2, 6, 5, filters), (3, 3), channels, strides=(2, 2))
        check_conv2d((2, 6, 5, 2 * channels), (3, 2), 2 * filters, groups=2, dilation_rate=(1, 2))
        check_conv2d((2, 6, 5, 2 * filters), (3, 2), 2 * channels, groups=2)
    check_conv2d((8, 30, 31, channels), (3, 3), 3, padding="same")


@pytest.mark.parametrize("pixels", range(1, 28))
def test_conv2d_pixels(pixels):
    """Every number of rows in the last register tile."""
    for filters in (10, 32, 48, 64):
        check_conv2d((1, 1, pixels, 3), (1, 3), filters, padding="same")


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("columns", [*range(11, 22), 28, 32, 47])
def test_conv2d_few_channels_and_filters(columns, padding):
    """The rows of outputs fall into tiles of 12, 14 or 16, the last of which begins earlier."""
    for size, channels, filters, dtype in (
        (3, 3, 16, "float32"),
        (3, 3, 8, "float64"),
        (5, 3, 5, "float32"),
        (5, 1, 6, "float32"),
    ):
        check_conv2d((3, 7, columns, channels), (size, size), filters, dtype, padding=padding)


@pytest.mark.parametrize("columns", [15, 16, 17, 32, 37])
def test_conv2d_kernel_gradient_of_one_channel(columns):
    """Vectors along the rows of the images, in several blocks."""
    for filters in (1, 3, 4, 5, 6, 9, 15, 16):
        check_conv2d((3, 9, columns, 1), (5, 3), filters, padding="same")
        check_conv2d((9, 12, columns, 1), (3, 2), filters, strides=(2, 1), dilation_rate=(1, 2))


@pytest.mark.parametrize("kernel_size", [(3, 3), (3, 4)])
@pytest.mark.parametrize("channels", [12, 16, 24, 25, 32, 49, 64])
def test_conv2d_kernel_gradient_of_many_pixels(channels, kernel_size):
    """Sums in several chunks of pixels; blocks of several images, the last of them smaller."""
    for filters in (5, 16, 17, 32, 70):
        check_conv2d((5, 12, 11, channels), kernel_size, filters, padding="same")
        check_conv2d((3, 13, 12, channels), (2, 3), filters, padding="same", strides=(2, 2))
    check_conv2d((7, 9, 9, channels), (3, 3), 33, padding="same", dilation_rate=(2, 1))
    check_conv2d((7, 9, 9, 2 * channels), (3, 3), 48, padding="same", groups=2)
    check_conv2d((2, 30, 31, channels), kernel_size, 20, padding="same")


@pytest.mark.parametrize(
    ("images", "kernel_size", "filters", "options"),
    [
        ((9, 7, 7, 160), (3, 3), 140, {}),  # a gradient that does not fit in L2
        ((2, 40, 41, 130), (3, 3), 80, {}),  # depth in several steps, several panels
        ((2, 40, 41, 32), (3, 3), 80, {"strides": (2, 2), "groups": 4}),
        ((1, 70, 70, 32), (1, 1), 80, {}),  # packed weights
        ((3, 1, 300, 5), (1, 7), 80, {"strides": (1, 2)}),  # a signal
        ((3, 300, 1, 5), (7, 1), 20, {"strides": (3, 1)}),
        ((40, 3, 3, 64), (3, 3), 70, {}),  # several images in a block
        ((7, 9, 8, 32), (5, 3), 64, {}),  # three images in a block, fewer in the last
        ((1, 61, 33, 16), (3, 3), 32, {}),  # blocks of rows: at the top, inside, at the bottom
        ((1, 61, 33, 16), (4, 3), 16, {"strides": (2, 1), "dilation_rate": (1, 2)}),
        ((71, 5, 6, 16), (3, 4), 16, {}),  # whole images, fewer in the last block
        ((1, 66, 65, 16), (3, 3), 16, {}),  # too large for that
        ((2, 9, 40, 48), (5, 5), 30, {"strides": (2, 1), "dilation_rate": (2, 1)}),  # chunks of pixels
        ((6, 2, 2, 16), (5, 5), 16, {}),  # taps that no pixel sees
        ((6, 4, 4, 16), (3, 3), 32, {"dilation_rate": (5, 5)}),
        ((1, 5, 5, 200), (3, 3), 64, {}),  # slices of channels of weights in place
        ((4, 10, 10, 200), (3, 3), 72, {}),  # and of packed ones
        ((1, 20, 20, 150), (3, 3), 140, {"groups": 2}),
        ((2, 9, 9, 151), (3, 3), 9, {}),  # and of pairs of channels
        ((700, 1, 1, 6), (3, 3), 7, {}),
        ((1, 3, 2000, 2), (3, 3), 8, {}),  # wide rows
        ((2, 9, 9, 6), (3, 3), 6, {"strides": (4, 5), "groups": 6}),  # inputs that no window touches
        ((1, 5, 5, 600), (3, 3), 3, {}),
        ((0, 3, 3, 6), (3, 3), 7, {}),
    ],
)
def test_conv2d_shapes(images, kernel_size, filters, options):
    check_conv2d(images, kernel_size, filters, **{"padding": "same"} | options)
    if kernel_size == (3, 3) and not options:
        check_conv2d(images, (3, 4), filters, padding="same")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kernel_size", [(1, 1), (2, 2), (3, 3), (4, 2), (1, 5)])
def test_depthwise_windows(kernel_size, dtype):
    for window, images in itertools.product(WINDOWS, [(2, 7, 6, 3), (1, 4, 9, 33), (3, 2, 2, 17)]):
        if fits(images[1:3], kernel_size, window["dilation_rate"], window["padding"]):
            check_depthwise(images, kernel_size, 1, dtype, **window)


@pytest.mark.parametrize("columns", range(1, 31))
def test_depthwise_columns(columns):
    """Every number of outputs in the last tile of a row."""
    for kernel_size, stride in itertools.product([(3, 3), (5, 5), (2, 4)], [1, 2]):
        check_depthwise((1, 5, columns, 20), kernel_size, strides=(stride, stride), padding="same")


@pytest.mark.parametrize("channels", [5, 63, 64, 80, 255, 257, 271, 530])
def test_depthwise_channels(channels):
    """Every kind of last vector and last block of channels."""
    for stride in (1, 2):
        check_depthwise((1, 4, 17, channels), (3, 3), strides=(stride, stride), padding="same")
    check_depthwise((1, 5, 10, channels), (5, 5))


def test_depthwise_multiplier_and_large_images():
    check_depthwise((2, 5, 6, 3), (3, 3), 2, padding="same")
    check_depthwise((2, 5, 6, 2), (3, 3), 17, strides=(2, 2))
    check_depthwise((4, 20, 20, 96), (5, 5), strides=(2, 2), padding="same")
    check_depthwise((2, 40, 40, 40), (3, 3), padding="same")


@pytest.mark.parametrize("filters", [10, 20])
@pytest.mark.parametrize("activation", [_core.relu, _core.tanh, _core.silu])
def test_plan_applies_the_activation_in_the_convolution(activation, filters):
    x = RNG.normal(size=(2, 5, 15, 3)).astype("float32")
    kernel = RNG.normal(size=(3, 3, 3, filters)).astype("float32")
    depthwise_kernel = RNG.normal(size=(3, 3, filters, 1)).astype("float32")
    bias = RNG.normal(size=filters).astype("float32")

    def network(images):
        y = activation(_core.conv2d(images, kernel, bias))
        return activation(_core.depthwise_conv2d(y, depthwise_kernel, bias))

    trace = _core.Trace()
    with trace:
        plan = trace.compile([network(trace.input(x.shape, "float32"))])
    assert activation.__name__ not in plan.describe()
    np.testing.assert_array_equal(np.asarray(plan.run([x])[0]), np.asarray(network(_core.tensor(x))))


def test_relu_keeps_nan_and_drops_negative_numbers():
    x = np.array([np.nan, -1.0, 2.0], "float32").reshape(3, 1, 1, 1)
    one = np.ones((1, 1, 1, 20), "float32")
    y = np.asarray(_core.conv2d(x, one, activation="relu"))[:, 0, 0]
    assert np.isnan(y[0]).all()
    assert (y[1] == 0).all()
    assert (y[2] == 2).all()


@pytest.mark.parametrize("channels", [1, 3, 17])
@pytest.mark.parametrize("filters", [7, 16, 20])
def test_infinity_reaches_only_the_pixels_that_see_it(channels, filters):
    x = np.zeros((2, 9, 11, channels), "float32")
    x[1, 4, 5, -1] = x[0, 8, 10, 0] = np.inf
    kernel = np.ones((5, 5, channels, filters), "float32")
    y = np.asarray(_core.conv2d(x, kernel, padding="same"))
    wanted = np.zeros_like(y)
    wanted[1, 2:7, 3:8] = wanted[0, 6:, 8:] = np.inf
    np.testing.assert_array_equal(y, wanted)


def test_second_derivative():
    """The gradient ops are differentiable: d/dx of |d(|y|^2 / 2)/dx|^2 against finite differences."""
    x, kernel = RNG.normal(size=(1, 5, 4, 2)), RNG.normal(size=(3, 2, 2, 3))
    window = {"strides": (2, 1), "padding": "same"}

    trace = _core.Trace()
    with trace:
        images = trace.input(x.shape, "float64")
        weights = _core.tensor(kernel)
        y = _core.conv2d(images, weights, **window)
        half = _core.sum(y * y) * 0.5
        grads = _core.gradients([half], [images])
        total = _core.sum(grads[0] * grads[0])
        plan = trace.compile(_core.gradients([total], [images]))
    actual = np.asarray(plan.run([x])[0])

    def input_penalty(x_values):
        y = reference.conv2d(x_values, kernel, **window)
        return (reference.conv2d_gradients(y, x_values, kernel, **window)[0] ** 2).sum()

    for _ in range(4):
        direction = RNG.normal(size=x.shape)
        step = 1e-5
        difference = (input_penalty(x + step * direction) - input_penalty(x - step * direction)) / (2 * step)
        np.testing.assert_allclose((actual * direction).sum(), difference, rtol=1e-6)


@pytest.mark.parametrize("precision", ["float32", "tf32", "bf16"])
@pytest.mark.parametrize(
    ("images", "kernel_size", "filters", "options"),
    [
        ((2, 9, 10, 1), (5, 3), 32, {}),
        ((2, 9, 10, 3), (3, 3), 64, {"strides": (2, 2)}),
        ((2, 9, 10, 4), (3, 3), 36, {"dilation_rate": (2, 1)}),
        ((2, 9, 10, 5), (2, 3), 9, {"strides": (3, 2)}),
        ((2, 9, 10, 8), (3, 3), 68, {"strides": (2, 2)}),
        ((2, 9, 10, 8), (4, 3), 24, {"groups": 2, "dilation_rate": (1, 2)}),
        ((2, 9, 10, 6), (3, 3), 10, {"groups": 2, "strides": (3, 3)}),
        ((7, 21, 20, 4), (3, 3), 128, {}),  # tiles of 128 pixels, their sums over pixels split
        ((9, 25, 24, 4), (3, 3), 64, {}),
        ((9, 25, 24, 8), (2, 2), 32, {"strides": (2, 2)}),
        ((36, 25, 25, 4), (1, 2), 96, {}),
    ],
)
def test_conv2d_in_gpu_tiles(images, kernel_size, filters, options, precision):
    """Every way to load operands; small integers are exact in every precision."""
    _core.set_matmul_precision(precision)
    try:
        check_conv2d(images, kernel_size, filters, **{"padding": "same"} | options)
    finally:
        _core.set_matmul_precision("float32")

"""Rewrites that a plan makes: fewer steps, the values of the steps they replace."""

import numpy as np
import pytest

from pyneural import _core


def compiled(build, *shapes):
    """A plan of `build` and its plain, step by step twin on the same random inputs: (plan, planned, eager)."""
    rng = np.random.default_rng(7)
    arrays = [rng.standard_normal(shape).astype("float32") for shape in shapes]
    with _core.Trace() as trace:
        outputs = build(*(trace.input(array.shape, "float32") for array in arrays))
        plan = trace.compile(list(outputs))
    eager = build_eagerly(build, arrays)
    return plan, [np.asarray(y) for y in plan.run(arrays)], eager


def build_eagerly(build, arrays):
    _core.start_recording()
    try:
        inputs = [_core.tensor(array) for array in arrays]
        for x in inputs:
            _core.watch(x)
        return [np.asarray(y) for y in build(*inputs)]
    finally:
        _core.stop_recording()


@pytest.mark.parametrize("strides", [(2, 2), (1, 1)])
def test_the_slope_of_relu_moves_in_front_of_the_gradient_of_max_pooling(strides):
    def build(x, kernel, grad):
        y = _core.max_pool2d(_core.conv2d(x, kernel, activation="relu"), (2, 2), strides)
        return _core.gradients([y], [kernel], [grad])

    outputs = 4 if strides == (2, 2) else 7
    plan, planned, eager = compiled(build, (2, 9, 9, 3), (2, 2, 3, 5), (2, outputs, outputs, 5))
    steps = [line.split(":")[0] for line in plan.describe().splitlines()]
    assert steps.index("relu_grad") < steps.index("max_pool2d_grad")
    relu_grad = next(line for line in plan.describe().splitlines() if line.startswith("relu_grad"))
    assert f"(2, {outputs}, {outputs}, 5)" in relu_grad
    np.testing.assert_array_equal(planned[0], eager[0])


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_the_gradient_of_a_bias_is_summed_before_pooling_spreads_it(padding):
    def build(x, kernel, bias, grad):
        y = _core.max_pool2d(_core.conv2d(x, kernel, bias), (2, 2), (2, 2), padding)
        return _core.gradients([y], [kernel, bias], [grad])

    outputs = 3 if padding == "valid" else 4
    plan, planned, eager = compiled(build, (2, 9, 9, 3), (3, 3, 3, 5), (5,), (2, outputs, outputs, 5))
    summed = next(line for line in plan.describe().splitlines() if line.startswith("sum"))
    assert f"(2, {outputs}, {outputs}, 5)" in summed
    np.testing.assert_array_equal(planned[0], eager[0])
    np.testing.assert_allclose(planned[1], eager[1], rtol=1e-5, atol=1e-6)


def normalized(layer, channels):
    def build(x, kernel, bias, mean, variance, offset, scale):
        y = layer(x, kernel, bias)
        return [_core.relu(_core.batch_normalization(y, mean, _core.square(variance), -1, offset, scale, 1e-3))]

    return build, [(channels,)] * 5


@pytest.mark.parametrize(
    ("name", "layer", "x", "kernel", "channels"),
    [
        ("conv2d", lambda *a: _core.conv2d(*a, padding="same"), (4, 9, 9, 3), (3, 3, 3, 8), 8),
        ("conv2d", lambda *a: _core.conv2d(*a, groups=2), (4, 9, 9, 4), (3, 3, 2, 8), 8),
        ("depthwise_conv2d", lambda *a: _core.depthwise_conv2d(*a, padding="same"), (4, 9, 9, 6), (3, 3, 6, 1), 6),
        ("linear", lambda *a: _core.linear(*a), (70, 6), (6, 8), 8),
    ],
)
def test_normalization_with_known_statistics_goes_into_the_kernel(name, layer, x, kernel, channels):
    build, vectors = normalized(layer, channels)
    plan, planned, eager = compiled(build, x, kernel, *vectors)
    steps = [line.split(":")[0] for line in plan.describe().splitlines()]
    assert name in steps
    assert "batch_normalization" not in steps
    assert "relu" not in steps
    # Each of the depth + 2 terms is rounded once more or less, and then scaled.
    depth = np.prod(kernel[:2] if name == "depthwise_conv2d" else kernel[:-1])
    tolerance = (depth + 2) * np.finfo("float32").eps * np.abs(eager[0]).max()
    np.testing.assert_allclose(planned[0], eager[0], rtol=0, atol=tolerance)


def test_normalization_stays_where_the_kernel_is_larger_than_what_it_makes():
    build, vectors = normalized(_core.linear, 64)
    plan, planned, eager = compiled(build, (2, 128), (128, 64), *vectors)
    assert "batch_normalization" in plan.describe()
    np.testing.assert_allclose(planned[0], eager[0], rtol=1e-5, atol=1e-5)


def test_normalization_stays_where_its_input_is_read_elsewhere():
    def build(x, kernel, mean, variance):
        y = _core.conv2d(x, kernel)
        return [_core.batch_normalization(y, mean, _core.square(variance), -1), _core.exp(y)]

    plan, planned, eager = compiled(build, (4, 9, 9, 3), (3, 3, 3, 8), (8,), (8,))
    assert "batch_normalization" in plan.describe()
    for ours, theirs in zip(planned, eager):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("first", ["sigmoid", "tanh", "relu"])
@pytest.mark.parametrize("layer", [_core.linear, lambda x, kernel, **k: _core.conv2d(x, kernel, **k)])
def test_an_activation_behind_an_activation_stays(first, layer):
    conv = layer is not _core.linear
    x, kernel = ((2, 5, 5, 3), (3, 3, 3, 4)) if conv else ((7, 3), (3, 4))
    _, planned, eager = compiled(lambda x, k: [_core.softplus(layer(x, k, activation=first))], x, kernel)
    np.testing.assert_allclose(planned[0], eager[0], rtol=1e-6)
    _, planned, eager = compiled(lambda x, k: [_core.tanh(layer(x, k, activation=first))], x, kernel)
    np.testing.assert_allclose(planned[0], eager[0], rtol=1e-6)


@pytest.mark.parametrize(("size", "strides", "shared"), [(8, (2, 2), True), (9, (2, 2), False), (8, (1, 1), False)])
def test_the_gradient_of_max_pooling_takes_over_the_images_where_windows_tile_them(size, strides, shared):
    def build(x, kernel, grad):
        y = _core.max_pool2d(_core.conv2d(x, kernel, activation="relu"), (2, 2), strides)
        return _core.gradients([y], [kernel], [grad])

    outputs = (size - 2) // strides[0] + 1
    plan, planned, eager = compiled(build, (2, size, size, 3), (1, 1, 3, 5), (2, outputs, outputs, 5))
    step = next(line for line in plan.describe().splitlines() if line.startswith("max_pool2d_grad"))
    places = [word.split("float32")[0] for word in step.replace("->", "").split()[1:] if "float32" in word]
    assert (places[1] == places[-1]) is shared
    np.testing.assert_array_equal(planned[0], eager[0])


def relu_of_batch_norm(x, gamma, beta, grad):
    y, mean, variance = _core.batch_norm_train(x, gamma, beta)
    y = _core.relu(y)
    return [y, mean, variance, *_core.gradients([y], [x, gamma, beta], [grad])]


@pytest.mark.parametrize("shape", [(5, 3), (2, 5, 5, 16), (9, 70), (40, 7, 7, 33)])
def test_relu_goes_into_batch_normalization_and_its_gradient(shape):
    channels = shape[-1:]
    plan, planned, eager = compiled(relu_of_batch_norm, shape, channels, channels, shape)
    steps = [line.split(":")[0] for line in plan.describe().splitlines()]
    assert steps[:-1] == ["batch_norm_statistics", "batch_normalization", "batch_norm_train_grad"]
    for ours, theirs in zip(planned, eager):
        np.testing.assert_array_equal(ours, theirs)


def test_the_slope_of_relu_stays_where_its_gradient_is_read_elsewhere():
    def build(x, gamma, beta, grad):
        before = _core.batch_norm_train(x, gamma, beta)[0]
        y = _core.relu(before)
        return _core.gradients([y], [x, before], [grad])

    plan, planned, eager = compiled(build, (6, 4), (4,), (4,), (6, 4))
    assert "relu_grad" in plan.describe()
    for ours, theirs in zip(planned, eager):
        np.testing.assert_array_equal(ours, theirs)


def test_the_slope_of_another_relu_stays():
    def build(x, gamma, beta, other, grad):
        y = _core.batch_norm_train(x, gamma, beta)[0]
        return [_core.relu(y), *_core.gradients([_core.multiply(y, _core.relu(other))], [x, other], [grad])]

    _, planned, eager = compiled(build, (6, 4), (4,), (4,), (6, 4), (6, 4))
    for ours, theirs in zip(planned, eager):
        np.testing.assert_array_equal(ours, theirs)


POOLED_CONVOLUTIONS = [
    # images, kernel, strides, padding, groups, pool
    ((3, 9, 9, 3), (3, 3, 3, 5), (1, 1), "valid", 1, (2, 2)),
    ((2, 28, 28, 1), (3, 3, 1, 32), (1, 1), "valid", 1, (2, 2)),
    ((2, 26, 26, 32), (3, 3, 32, 64), (1, 1), "valid", 1, (2, 2)),  # blocks of some rows of an image
    ((41, 6, 7, 16), (3, 3, 16, 70), (1, 1), "same", 1, (2, 2)),  # blocks of several images, panels of filters
    ((2, 40, 33, 8), (5, 4, 8, 33), (1, 1), "same", 1, (3, 2)),
    ((2, 31, 31, 6), (3, 3, 3, 4), (2, 1), "same", 2, (2, 4)),
    ((1, 64, 64, 2), (2, 2, 2, 3), (1, 1), "same", 1, (5, 1)),
    ((3, 12, 12, 64), (3, 3, 64, 2), (1, 1), "valid", 1, (2, 2)),  # dots
    ((2, 9, 9, 40), (3, 3, 40, 16), (1, 1), "same", 1, (2, 2)),  # pairs of channels
    ((2, 8, 8, 300), (3, 3, 300, 20), (1, 1), "same", 1, (2, 2)),  # slices of the depth
    ((2, 1, 30, 4), (1, 3, 4, 6), (1, 1), "valid", 1, (1, 2)),
    ((2, 10, 10, 4), (1, 1, 4, 6), (1, 1), "valid", 1, (2, 2)),
    ((0, 8, 8, 3), (3, 3, 3, 4), (1, 1), "same", 1, (2, 2)),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("images", "kernel", "strides", "padding", "groups", "pool"), POOLED_CONVOLUTIONS)
def test_max_pooling_goes_into_a_convolution(images, kernel, strides, padding, groups, pool, dtype, many_threads):
    rng = np.random.default_rng(3)
    x, weights, bias = (rng.normal(size=shape).astype(dtype) for shape in (images, kernel, kernel[-1:]))
    if x.size:
        x[-1, -1, -1, -1] = np.nan

    def build(x, weights, bias):
        y = _core.conv2d(x, weights, bias, strides, padding, (1, 1), groups, "relu")
        return _core.max_pool2d(y, pool, pool, "valid")

    wanted = np.asarray(build(*map(_core.tensor, (x, weights, bias))))
    with _core.Trace() as trace:
        plan = trace.compile([build(*(trace.input(a.shape, dtype) for a in (x, weights, bias)))])
    pointwise = kernel[0] * kernel[1] == 1 or images[1] == 1
    assert ("conv2d_max_pool" in plan.describe()) is not pointwise
    for threads in (1, 2, 3, 7):
        many_threads(threads)
        np.testing.assert_array_equal(np.asarray(plan.run([x, weights, bias])[0]), wanted)


@pytest.mark.parametrize(
    ("strides", "padding", "twice"), [((1, 1), "valid", False), ((2, 2), "same", False), ((2, 2), "valid", True)]
)
def test_max_pooling_stays_where_its_windows_do_not_tile_or_others_read_the_images(strides, padding, twice):
    def build(x, kernel):
        y = _core.conv2d(x, kernel)
        return [_core.max_pool2d(y, (2, 2), strides, padding), *([y] if twice else [])]

    plan, planned, eager = compiled(build, (2, 9, 9, 3), (3, 3, 3, 5))
    assert [line.split(":")[0] for line in plan.describe().splitlines()][:2] == ["conv2d", "max_pool2d"]
    np.testing.assert_array_equal(planned[0], eager[0])


def test_average_pooling_stays_behind_a_convolution():
    plan, planned, eager = compiled(
        lambda x, kernel: [_core.average_pool2d(_core.conv2d(x, kernel), (2, 2), (2, 2), "valid")],
        (2, 9, 9, 3),
        (2, 2, 3, 5),
    )
    assert [line.split(":")[0] for line in plan.describe().splitlines()][:2] == ["conv2d", "average_pool2d"]
    np.testing.assert_array_equal(planned[0], eager[0])

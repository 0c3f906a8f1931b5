"""Activations, normalisations, convolutions and pooling."""

from __future__ import annotations

from typing import Any

from pyneural import _core
from pyneural.config import standardize_data_format
from pyneural.dtypes import standardize_dtype
from pyneural.keras_tensor import KerasTensor
from pyneural.ops.shape import arange, convert_to_tensor
from pyneural.ops.wrap import op, public_names, record, unary_ops

_UNARY = {
    "relu6": "min(max(x, 0), 6)",
    "selu": "scaled exponential linear unit",
    "sigmoid": "logistic function 1 / (1 + exp(-x))",
    "softplus": "log(1 + exp(x))",
    "softsign": "x / (1 + |x|)",
    "silu": "x * sigmoid(x)",
    "mish": "x * tanh(softplus(x))",
    "hard_sigmoid": "piecewise linear sigmoid, clip(x / 6 + 1/2, 0, 1)",
    "hard_silu": "x * hard_sigmoid(x)",
    "log_sigmoid": "log(sigmoid(x))",
}
globals().update(unary_ops(_UNARY))
swish = globals()["silu"]
hard_swish = globals()["hard_silu"]


def relu(x: Any) -> Any:
    """Element-wise max(x, 0)."""
    if isinstance(x, KerasTensor):
        return record(relu, x)
    return _core.relu(x)


@op
def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    """x where positive, negative_slope * x elsewhere."""
    return _core.leaky_relu(x, negative_slope)


@op
def elu(x: Any, alpha: float = 1.0) -> Any:
    """x where positive, alpha * (exp(x) - 1) elsewhere."""
    return _core.elu(x, alpha)


@op
def celu(x: Any, alpha: float = 1.0) -> Any:
    """max(x, 0) + min(alpha * (exp(x / alpha) - 1), 0)."""
    negative = _core.expm1(_core.divide(_core.minimum(x, 0.0), alpha))
    return _core.add(_core.relu(x), _core.multiply(negative, alpha))


@op
def gelu(x: Any, approximate: bool = True) -> Any:
    """Gaussian error linear unit; by the tanh formula if `approximate`."""
    return _core.gelu(x, approximate)


@op
def glu(x: Any, axis: int = -1) -> Any:
    """First half of `x` along `axis` times the sigmoid of its second half."""
    first, second = _core.split(x, 2, axis)
    return _core.multiply(first, _core.sigmoid(second))


@op
def hard_tanh(x: Any) -> Any:
    """`x` clipped to [-1, 1]."""
    return _core.clip(x, -1.0, 1.0)


@op
def hard_shrink(x: Any, threshold: float = 0.5) -> Any:
    """`x` where |x| > threshold, 0 elsewhere."""
    return _core.where(_core.greater(_core.absolute(x), threshold), x, 0.0)


@op
def soft_shrink(x: Any, threshold: float = 0.5) -> Any:
    """`x` moved towards 0 by `threshold`, 0 where |x| <= threshold."""
    return _core.subtract(x, _core.clip(x, -threshold, threshold))


@op
def tanh_shrink(x: Any) -> Any:
    """x - tanh(x)."""
    return _core.subtract(x, _core.tanh(x))


@op
def threshold(x: Any, threshold: float, default_value: float) -> Any:
    """`x` where x > threshold, `default_value` elsewhere."""
    return _core.where(_core.greater(x, threshold), x, default_value)


@op
def squareplus(x: Any, b: float = 4) -> Any:
    """(x + sqrt(x^2 + b)) / 2."""
    return _core.multiply(_core.add(x, _core.sqrt(_core.add(_core.square(x), b))), 0.5)


@op
def sparse_plus(x: Any) -> Any:
    """0 for x <= -1, (x + 1)^2 / 4 between -1 and 1, x for x >= 1."""
    ramp = _core.multiply(_core.square(_core.add(_core.clip(x, -1.0, 1.0), 1.0)), 0.25)
    return _core.where(_core.greater(x, 1.0), x, ramp)


@op
def sparse_sigmoid(x: Any) -> Any:
    """(clip(x, -1, 1) + 1) / 2."""
    return _core.multiply(_core.add(_core.clip(x, -1.0, 1.0), 1.0), 0.5)


@op
def sparsemax(x: Any, axis: int = -1) -> Any:
    """The point of the probability simplex that is nearest to `x` (Martins and Astudillo, 2016)."""
    x = convert_to_tensor(x)
    axis = axis % x.ndim
    size = x.shape[axis]
    counts = _core.reshape(arange(1, size + 1, dtype=x.dtype), [size if a == axis else 1 for a in range(x.ndim)])
    descending = _core.flip(_core.sort(x, axis), axis)
    sums = _core.cumsum(descending, axis)
    inside = _core.cast(_core.greater(_core.add(_core.multiply(descending, counts), 1.0), sums), x.dtype)
    count = _core.sum(inside, axis, True)
    threshold = _core.divide(_core.subtract(_core.sum(_core.multiply(descending, inside), axis, True), 1.0), count)
    return _core.maximum(_core.subtract(x, threshold), 0.0)


@op
def softmax(x: Any, axis: Any = -1) -> Any:
    """exp(x) divided by its sum over `axis` (an int, a tuple of axes, or None for all)."""
    return _over_axes(_core.softmax, x, axis)


@op
def log_softmax(x: Any, axis: Any = -1) -> Any:
    """Logarithm of `softmax`, without overflow."""
    return _over_axes(_core.log_softmax, x, axis)


def _over_axes(function: Any, x: Any, axis: Any) -> Any:
    """Applies a function of one axis over several axes, by moving them to the end and merging them."""
    if isinstance(axis, int):
        return function(x, axis)
    x = convert_to_tensor(x)
    shape = list(x.shape)
    axes = list(range(len(shape))) if axis is None else [a % len(shape) for a in axis]
    if len(axes) == 1:
        return function(x, axes[0])
    order = [a for a in range(len(shape)) if a not in axes] + axes
    moved = _core.transpose(x, order)
    flat = _core.reshape(moved, [*moved.shape[: len(shape) - len(axes)], -1])
    inverse = sorted(range(len(order)), key=order.__getitem__)
    return _core.transpose(_core.reshape(function(flat, -1), list(moved.shape)), inverse)


@op
def one_hot(x: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False) -> Any:
    """Ones at the positions that `x` (integers) names along a new axis, zeros elsewhere."""
    if sparse:
        raise ValueError("Sparse tensors are not supported.")
    return _core.one_hot(x, num_classes, axis, standardize_dtype(dtype))


@op
def multi_hot(inputs: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False) -> Any:
    """Ones at all positions that the indices in the last axis of `inputs` name, zeros elsewhere."""
    if sparse:
        raise ValueError("Sparse tensors are not supported.")
    reduced = 1 if len(inputs.shape) >= 2 else 0
    return _core.max(_core.one_hot(inputs, num_classes, axis, standardize_dtype(dtype)), reduced)


@op
def normalize(x: Any, axis: int = -1, order: int = 2, epsilon: float | None = None) -> Any:
    """`x` divided by its norm of the given order along `axis`."""
    epsilon = 1e-7 if epsilon is None else epsilon
    if order == 2:
        squares = _core.sum(_core.square(x), axis, True)
        return _core.multiply(x, _core.rsqrt(_core.maximum(squares, epsilon * epsilon)))
    total = _core.sum(_core.power(_core.absolute(x), order), axis, True)
    return _core.divide(x, _core.maximum(_core.power(total, 1.0 / order), epsilon))


@op
def batch_normalization(
    x: Any, mean: Any, variance: Any, axis: int, offset: Any = None, scale: Any = None, epsilon: float = 1e-3
) -> Any:
    """(x - mean) / sqrt(variance + epsilon) * scale + offset, where all but `x` have the size of `axis`."""
    return _core.batch_normalization(x, mean, variance, axis, offset, scale, epsilon)


@op
def layer_normalization(
    x: Any, gamma: Any = None, beta: Any = None, axis: Any = -1, epsilon: float | None = None, rms_scaling: bool = False
) -> Any:
    """`x` normalised to mean 0 and variance 1 over `axis`, times `gamma` plus `beta`."""
    if rms_scaling:
        raise ValueError("Argument `rms_scaling=True` is not supported. Use `rms_normalization`.")
    return _core.layer_normalization(x, gamma, beta, axis, 1e-3 if epsilon is None else epsilon)


@op
def rms_normalization(x: Any, scale: Any = None, axis: Any = -1, epsilon: float | None = None) -> Any:
    """`x` divided by the root of its mean square over `axis`, times `scale`."""
    power = _core.mean(_core.square(x), axis, True)
    y = _core.multiply(x, _core.rsqrt(_core.add(power, 1e-7 if epsilon is None else epsilon)))
    return y if scale is None else _core.multiply(y, scale)


def to_channels_last(x: Any, data_format: str) -> Any:
    """Images [batch, channels, height, width] as [batch, height, width, channels]; as they are if they already are."""
    return _core.transpose(x, [0, 2, 3, 1]) if data_format == "channels_first" else x


def from_channels_last(x: Any, data_format: str) -> Any:
    """The inverse of `to_channels_last`."""
    return _core.transpose(x, [0, 3, 1, 2]) if data_format == "channels_first" else x


def _pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else tuple(value)


def _check_images(name: str, x: Any) -> None:
    if len(x.shape) != 4:
        raise ValueError(f"`{name}` expects images: a tensor of rank 4. Received an input of shape {tuple(x.shape)}.")


@op
def conv(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """Two-dimensional convolution.

    Args:
        inputs: Images, [batch, height, width, channels].
        kernel: [height, width, channels / groups, filters]; the number of groups follows from the shapes.
        strides: Step of the window: one number or (vertical, horizontal).
        padding: `"valid"` or `"same"`.
        data_format: `"channels_last"` or `"channels_first"`.
        dilation_rate: Distance of the taps of the kernel.

    Returns:
        Images with `filters` channels.
    """
    data_format = standardize_data_format(data_format)
    _check_images("conv", inputs)
    x = to_channels_last(inputs, data_format)
    if kernel.shape[2] == 0 or x.shape[3] % kernel.shape[2]:
        raise ValueError(
            f"The number of input channels must be evenly divisible by kernel's in_channels. Received input channels "
            f"{x.shape[3]} and kernel in_channels {kernel.shape[2]}."
        )
    groups = x.shape[3] // kernel.shape[2]
    y = _core.conv2d(x, kernel, None, _pair(strides), padding, _pair(dilation_rate), groups)
    return from_channels_last(y, data_format)


@op
def depthwise_conv(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """Convolution of each channel by itself; `kernel` is [height, width, channels, multiplier]."""
    data_format = standardize_data_format(data_format)
    _check_images("depthwise_conv", inputs)
    x = to_channels_last(inputs, data_format)
    y = _core.depthwise_conv2d(x, kernel, None, _pair(strides), padding, _pair(dilation_rate))
    return from_channels_last(y, data_format)


@op
def separable_conv(
    inputs: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """A depthwise convolution, then a 1x1 convolution."""
    y = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(y, pointwise_kernel, 1, "valid", data_format)


@op
def max_pool(
    inputs: Any, pool_size: Any, strides: Any = None, padding: str = "valid", data_format: str | None = None
) -> Any:
    """Largest value in each window of images."""
    return _pool(_core.max_pool2d, "max_pool", inputs, pool_size, strides, padding, data_format)


@op
def average_pool(
    inputs: Any, pool_size: Any, strides: Any = None, padding: str = "valid", data_format: str | None = None
) -> Any:
    """Mean of each window of images; padding does not count."""
    return _pool(_core.average_pool2d, "average_pool", inputs, pool_size, strides, padding, data_format)


def _pool(
    function: Any, name: str, inputs: Any, pool_size: Any, strides: Any, padding: str, data_format: str | None
) -> Any:
    data_format = standardize_data_format(data_format)
    _check_images(name, inputs)
    strides = pool_size if strides is None else strides
    y = function(to_channels_last(inputs, data_format), _pair(pool_size), _pair(strides), padding)
    return from_channels_last(y, data_format)


__all__ = public_names(globals())

"""Sample inputs of the convolutions."""

import numpy as np

from tests.ops.sample import Sample
from tests.reference import conv2d as reference

RNG = np.random.default_rng(3)

ACTIVATIONS = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "tanh": np.tanh,
    "silu": lambda x: x / (1 + np.exp(-x)),
}


def with_activation(function):
    def activated(*args, activation="linear", **kwargs):
        for name in ("strides", "dilation_rate"):
            if isinstance(kwargs.get(name), int):
                kwargs[name] = (kwargs[name],) * 2
        return ACTIVATIONS[activation](function(*args, **kwargs))

    return activated


CONV2D = with_activation(reference.conv2d)
DEPTHWISE = with_activation(reference.depthwise_conv2d)


def conv2d(images, kernel, bias=True, **kwargs):
    """images: (batch, rows, columns, channels); kernel: (rows, columns, channels / groups, filters)."""
    args = (RNG.normal(size=images), RNG.normal(size=kernel) / 3)
    if bias:
        args += (RNG.normal(size=kernel[-1:]),)
    depth = int(np.prod(kernel[:3])) + images[0] * images[1] * images[2]
    return Sample("conv2d", args, kwargs, CONV2D, tuple(range(len(args))), depth=depth)


def depthwise(images, kernel, **kwargs):
    args = (RNG.normal(size=images), RNG.normal(size=kernel), RNG.normal(size=kernel[2] * kernel[3]))
    depth = int(np.prod(kernel[:2])) + images[0] * images[1] * images[2]
    return Sample("depthwise_conv2d", args, kwargs, DEPTHWISE, (0, 1, 2), depth=depth)


def fails(pattern, op="conv2d", images=(2, 6, 6, 4), kernel=(3, 3, 4, 5), bias=None, error=ValueError, **kwargs):
    args = (np.zeros(images, "float32"), np.zeros(kernel, "float32"))
    if bias is not None:
        args += (np.zeros(bias, "float32"),)
    return Sample(op, args, kwargs, error=(error, pattern))


SAME = {"padding": "same"}

SAMPLES = [
    conv2d((2, 6, 5, 3), (3, 3, 3, 4)),
    conv2d((2, 6, 5, 3), (3, 3, 3, 4), bias=False, **SAME),
    conv2d((2, 7, 8, 4), (2, 3, 4, 6), strides=(2, 1), **SAME),
    conv2d((2, 7, 8, 4), (3, 3, 4, 6), strides=2, activation="relu"),
    conv2d((1, 9, 8, 2), (3, 2, 2, 5), dilation_rate=(2, 3), **SAME),
    conv2d((2, 9, 9, 2), (3, 3, 2, 5), strides=(2, 3), dilation_rate=2, **SAME),
    conv2d((2, 5, 5, 6), (3, 3, 2, 9), groups=3, **SAME),
    conv2d((2, 2, 3, 3), (4, 5, 3, 2), **SAME),
    conv2d((3, 4, 4, 5), (1, 1, 5, 7), activation="tanh"),
    conv2d((3, 4, 5, 5), (1, 1, 5, 7), strides=2),
    conv2d((2, 1, 40, 3), (1, 5, 3, 4), strides=(1, 2), **SAME),
    conv2d((2, 5, 5, 3), (3, 3, 3, 4), activation="silu"),
    conv2d((4, 14, 14, 16), (3, 3, 16, 65), activation="relu", **SAME),
    conv2d((24, 12, 12, 8), (3, 3, 8, 32), **SAME),
    conv2d((2, 30, 33, 1), (5, 5, 1, 6), activation="relu"),
    conv2d((1, 9, 9, 150), (3, 3, 150, 17), **SAME),
    conv2d((2, 6, 5, 33), (3, 3, 33, 3), activation="tanh"),
    conv2d((3, 6, 6, 2), (3, 3, 2, 40), strides=2),
    conv2d((0, 6, 5, 3), (3, 3, 3, 4)),
    depthwise((2, 6, 5, 3), (3, 3, 3, 1)),
    depthwise((2, 7, 6, 35), (3, 2, 35, 1), strides=(2, 1), activation="relu", **SAME),
    depthwise((2, 7, 6, 3), (3, 3, 3, 2), **SAME),
    depthwise((1, 9, 9, 4), (3, 3, 4, 1), dilation_rate=2, activation="tanh"),
    depthwise((6, 20, 20, 24), (4, 4, 24, 1), **SAME),
    depthwise((2, 5, 5, 3), (3, 3, 3, 1), strides=2, activation="silu", **SAME),
    depthwise((0, 6, 5, 3), (3, 3, 3, 1)),
    fails("rank 4", images=(6, 6, 4)),
    fails("Kernel shape must have the same length as input", kernel=(3, 4, 5)),
    fails("number of input channels must be", kernel=(3, 3, 3, 5)),
    fails("evenly divisible by the number of groups", kernel=(3, 3, 2, 5), groups=2),
    fails("evenly divisible by the number of groups", groups=0),
    fails("zero or negative", kernel=(7, 3, 4, 5)),
    fails("zero or negative", kernel=(3, 3, 4, 5), dilation_rate=(1, 3)),
    fails("`padding` must be either", padding="full"),
    fails("`strides` argument must be", strides=(0, 1)),
    fails("`dilation_rate` argument must be", dilation_rate=(1, -1)),
    fails("empty axis", kernel=(0, 3, 4, 5)),
    fails("bias must have shape", bias=(4,)),
    fails("must have as many channels", op="depthwise_conv2d", kernel=(3, 3, 3, 1)),
    fails("rank 4", op="depthwise_conv2d", images=(6, 6, 4)),
    Sample(
        "conv2d",
        (np.zeros((1, 4, 4, 1), "uint8"), np.zeros((3, 3, 1, 1), "uint8")),
        error=(TypeError, "cast to float32 first"),
    ),
    Sample(
        "conv2d",
        (np.zeros((1, 4, 4, 1), "float32"), np.zeros((3, 3, 1, 1), "float64")),
        error=(TypeError, "same dtype"),
    ),
]

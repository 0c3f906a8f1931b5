"""Convolution layers."""

from __future__ import annotations

import numpy as np
import pytest

import pyneural as keras
from pyneural import layers
from tests.layers.run_layer_test import run_layer_test
from tests.reference import images


@pytest.mark.parametrize(
    ("options", "output"),
    [
        ({}, (None, 5, 6, 4)),
        ({"padding": "same"}, (None, 7, 8, 4)),
        ({"strides": 2}, (None, 3, 3, 4)),
        ({"strides": (2, 3), "padding": "same"}, (None, 4, 3, 4)),
        ({"dilation_rate": 2}, (None, 3, 4, 4)),
        ({"groups": 2}, (None, 5, 6, 4)),
        ({"use_bias": False}, (None, 5, 6, 4)),
    ],
)
def test_conv2d(options, output):
    def reference(x, kernel, bias=0.0):
        strides = options.get("strides", 1)
        dilation = options.get("dilation_rate", 1)
        return images.conv2d(
            x,
            kernel,
            bias,
            strides if isinstance(strides, tuple) else (strides,) * 2,
            options.get("padding", "valid"),
            (dilation,) * 2,
            options.get("groups", 1),
        )

    count = 1 if options.get("use_bias") is False else 2
    layer = run_layer_test(
        layers.Conv2D,
        {"filters": 4, "kernel_size": 3, **options},
        (None, 7, 8, 2),
        output,
        count,
        reference=reference,
        tolerance=1e-4,
    )
    assert layer.kernel.name == "kernel"
    assert layer.kernel.path == f"{layer.name}/kernel"


def test_unknown_sizes():
    assert layers.Conv2D(4, 3)(keras.Input((None, None, 2))).shape == (None, None, None, 4)
    assert layers.Conv2D(4, 3, strides=2)(keras.Input((9, None, 2))).shape == (None, 4, None, 4)


@pytest.mark.parametrize("multiplier", [1, 2])
def test_depthwise(multiplier):
    run_layer_test(
        layers.DepthwiseConv2D,
        {"kernel_size": (3, 2), "depth_multiplier": multiplier, "padding": "same"},
        (None, 5, 6, 3),
        (None, 5, 6, 3 * multiplier),
        2,
        reference=lambda x, k, b: images.depthwise_conv2d(x, k, b, padding="same"),
        tolerance=1e-4,
    )


def test_separable():
    def reference(x, depthwise, pointwise, bias):
        return images.conv2d(images.depthwise_conv2d(x, depthwise, strides=(2, 2)), pointwise, bias)

    run_layer_test(
        layers.SeparableConv2D,
        {"filters": 5, "kernel_size": 3, "depth_multiplier": 2, "strides": 2},
        (None, 7, 7, 3),
        (None, 3, 3, 5),
        3,
        reference=reference,
        tolerance=1e-4,
    )


@pytest.mark.parametrize(
    "make",
    [
        lambda f: layers.Conv2D(4, 3, activation="softmax", data_format=f, name="a"),
        lambda f: layers.DepthwiseConv2D(3, activation="relu", data_format=f, name="a"),
        lambda f: layers.SeparableConv2D(4, 3, data_format=f, name="a"),
    ],
)
def test_channels_first(make):
    x = np.random.default_rng(0).normal(size=(2, 5, 6, 3)).astype("float32")
    last, first = make("channels_last"), make("channels_first")
    if last.get_config().get("activation") == "softmax":  # which would run over the last axis, whatever it is
        last.activation = first.activation = keras.activations.linear
    expected = last(x).numpy()
    first(x.transpose(0, 3, 1, 2))
    first.set_weights(last.get_weights())
    np.testing.assert_allclose(first(x.transpose(0, 3, 1, 2)).numpy(), expected.transpose(0, 3, 1, 2), rtol=1e-6)
    assert first(keras.Input((3, 5, 6))).shape == (None, *expected.shape[3:], *expected.shape[1:3])
    with pytest.raises(ValueError, match=r"axis 1 .*value 3"):
        first(np.zeros((1, 4, 5, 6), "float32"))


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"filters": 0}, "`filters`.*filters=0"),
        ({"kernel_size": 0}, r"`kernel_size`.*tuple of 2 integers.*kernel_size=0, including values \{0\}"),
        ({"kernel_size": "a"}, "`kernel_size`"),
        ({"kernel_size": None}, "`kernel_size`"),
        ({"kernel_size": (3, 3, 3)}, r"`kernel_size`.*\(3, 3, 3\)"),
        ({"strides": 0}, "`strides`"),
        ({"strides": True}, "`strides`"),
        ({"strides": 2, "dilation_rate": 2}, "`strides > 1` not supported in conjunction with `dilation_rate > 1`"),
        ({"padding": "foo"}, "`padding`.*foo"),
        ({"padding": "causal"}, "`padding`.*causal"),
        ({"data_format": "foo"}, "`data_format`.*foo"),
        ({"groups": 2}, "groups=2, filters=3"),
        ({"groups": 0}, "groups=0"),
        ({"foo": 1}, "Unrecognized keyword arguments passed to Conv2D"),
    ],
)
def test_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        layers.Conv2D(**{"filters": 3, "kernel_size": 3, **kwargs})


def test_depth_multiplier_argument():
    with pytest.raises(ValueError, match="`depth_multiplier`"):
        layers.DepthwiseConv2D(3, depth_multiplier=0)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((8, 8), "layer 'c'.*expected min_ndim=4, found ndim=3.*\\(None, 8, 8\\)"),
        ((8, 8, 8, 8), "layer 'c'.*max_ndim=4, found ndim=5"),
        ((8, 8, None), "channel dimension of .* layer 'c'"),
        ((8, 8, 3), "groups=2, but the input has 3 channels"),
        ((2, 8, 2), "'c': computed output size would be zero or negative"),
    ],
)
def test_inputs(shape, message):
    with pytest.raises(ValueError, match=message):
        layers.Conv2D(4, 3, groups=2, name="c")(keras.Input(shape))


def test_wrong_channels():
    layer = layers.Conv2D(4, 3, name="c")
    layer(np.zeros((1, 8, 8, 3), "float32"))
    with pytest.raises(ValueError, match=r"layer 'c'.*axis -1.*value 3.*\(2, 8, 8, 4\)"):
        layer(np.zeros((2, 8, 8, 4), "float32"))

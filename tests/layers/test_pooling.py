"""Pooling layers."""

from __future__ import annotations

import numpy as np
import pytest

import pyneural as keras
from pyneural import layers
from tests.layers.run_layer_test import run_layer_test
from tests.reference import images


@pytest.mark.parametrize(("cls", "reduce"), [(layers.MaxPooling2D, np.nanmax), (layers.AveragePooling2D, np.nanmean)])
@pytest.mark.parametrize(
    ("options", "output"),
    [
        ({"pool_size": 2}, (None, 3, 4, 2)),
        ({"pool_size": (3, 2), "strides": 1}, (None, 5, 7, 2)),
        ({"pool_size": 3, "strides": 2, "padding": "same"}, (None, 4, 4, 2)),
        ({"pool_size": 2, "padding": "same"}, (None, 4, 4, 2)),
    ],
)
def test_pooling(cls, reduce, options, output):
    def reference(x):
        size = options["pool_size"]
        size = size if isinstance(size, tuple) else (size, size)
        strides = options.get("strides", size)
        strides = strides if isinstance(strides, tuple) else (strides, strides)
        return images.pool2d(x, reduce, size, strides, options.get("padding", "valid"))

    layer = run_layer_test(cls, options, (None, 7, 8, 2), output, reference=reference)
    assert layer.get_config()["pool_size"] == layer.pool_size
    first = cls(**options, data_format="channels_first")
    x = np.random.default_rng(0).normal(size=(2, 7, 8, 2)).astype("float32")
    y = first(x.transpose(0, 3, 1, 2)).numpy()
    np.testing.assert_allclose(y, layer(x).numpy().transpose(0, 3, 1, 2))


@pytest.mark.parametrize(
    ("cls", "reduce"), [(layers.GlobalMaxPooling2D, np.max), (layers.GlobalAveragePooling2D, np.mean)]
)
@pytest.mark.parametrize("keepdims", [False, True])
def test_global_pooling(cls, reduce, keepdims):
    kwargs = {"keepdims": keepdims}
    last, first = ((None, 1, 1, 3), (None, 3, 1, 1)) if keepdims else ((None, 3), (None, 3))
    shape = (None, 4, 5, 3)
    run_layer_test(cls, kwargs, shape, last, reference=lambda x: reduce(x, axis=(1, 2), keepdims=keepdims))
    kwargs["data_format"] = "channels_first"
    run_layer_test(cls, kwargs, (None, 3, 4, 5), first, reference=lambda x: reduce(x, axis=(2, 3), keepdims=keepdims))


def test_aliases():
    assert layers.MaxPool2D is layers.MaxPooling2D
    assert layers.AvgPool2D is layers.AveragePooling2D
    assert layers.GlobalMaxPool2D is layers.GlobalMaxPooling2D
    assert layers.GlobalAvgPool2D is layers.GlobalAveragePooling2D
    assert layers.MaxPooling2D().pool_size == (2, 2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.MaxPooling2D(0), "`pool_size`.*pool_size=0"),
        (lambda: layers.MaxPooling2D((2, 2, 2)), "`pool_size`"),
        (lambda: layers.MaxPooling2D(padding="x"), "`padding`.*x"),
        (lambda: layers.MaxPooling2D()(keras.Input((8, 3))), "expected ndim=4, found ndim=3"),
        (lambda: layers.MaxPooling2D(4, name="p")(keras.Input((2, 2, 3))), "layer 'p'(.|\n)*zero or negative"),
        (lambda: layers.GlobalMaxPooling2D()(keras.Input((8, 3))), "expected ndim=4, found ndim=3"),
        (lambda: layers.GlobalMaxPooling2D(data_format="x"), "`data_format`"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()

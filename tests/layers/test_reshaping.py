"""Flatten, Reshape, Permute, RepeatVector, padding, cropping, upsampling, Rescaling."""

from __future__ import annotations

import numpy as np
import pytest

import pyneural as keras
from pyneural import layers
from tests.layers.run_layer_test import run_layer_test


@pytest.mark.parametrize(
    ("cls", "kwargs", "shape", "output", "reference"),
    [
        (layers.Flatten, {}, (None, 3, 4), (None, 12), lambda x: x.reshape(2, 12)),
        (layers.Flatten, {}, (None,), (None, 1), lambda x: x.reshape(2, 1)),
        (layers.Flatten, {}, (None, 3, None), (None, None), lambda x: x.reshape(2, 6)),
        (
            layers.Flatten,
            {"data_format": "channels_first"},
            (None, 3, 4, 5),
            (None, 60),
            lambda x: x.transpose(0, 2, 3, 1).reshape(2, 60),
        ),
        (layers.Reshape, {"target_shape": (4, 3)}, (None, 12), (None, 4, 3), lambda x: x.reshape(2, 4, 3)),
        (layers.Reshape, {"target_shape": (-1, 3)}, (None, 2, 6), (None, 4, 3), lambda x: x.reshape(2, 4, 3)),
        (layers.Reshape, {"target_shape": 12}, (None, 2, 6), (None, 12), lambda x: x.reshape(2, 12)),
        (layers.Permute, {"dims": (2, 1)}, (None, 3, 4), (None, 4, 3), lambda x: x.transpose(0, 2, 1)),
        (layers.RepeatVector, {"n": 3}, (None, 4), (None, 3, 4), lambda x: np.repeat(x[:, None], 3, 1)),
        (
            layers.ZeroPadding2D,
            {},
            (None, 3, 4, 2),
            (None, 5, 6, 2),
            lambda x: np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)]),
        ),
        (
            layers.ZeroPadding2D,
            {"padding": ((1, 2), (0, 3)), "data_format": "channels_first"},
            (None, 2, 3, 4),
            (None, 2, 6, 7),
            lambda x: np.pad(x, [(0, 0), (0, 0), (1, 2), (0, 3)]),
        ),
        (layers.Cropping2D, {"cropping": 1}, (None, 4, 5, 2), (None, 2, 3, 2), lambda x: x[:, 1:-1, 1:-1]),
        (
            layers.Cropping2D,
            {"cropping": ((1, 0), (0, 2)), "data_format": "channels_first"},
            (None, 2, 4, 5),
            (None, 2, 3, 3),
            lambda x: x[:, :, 1:, :-2],
        ),
        (
            layers.UpSampling2D,
            {"size": (2, 3)},
            (None, 2, 3, 4),
            (None, 4, 9, 4),
            lambda x: x.repeat(2, 1).repeat(3, 2),
        ),
        (
            layers.UpSampling2D,
            {"data_format": "channels_first"},
            (None, 2, 3, 4),
            (None, 2, 6, 8),
            lambda x: x.repeat(2, 2).repeat(2, 3),
        ),
        (layers.Rescaling, {"scale": 2.0, "offset": 1.0}, (None, 3), (None, 3), lambda x: 2 * x + 1),
        (layers.Rescaling, {"scale": [1.0, 2.0, 3.0]}, (None, 3), (None, 3), lambda x: x * np.array([1, 2, 3])),
    ],
)
def test_layers(cls, kwargs, shape, output, reference):
    run_layer_test(cls, kwargs, shape, output, reference=reference)


def test_rescaling_of_integers():
    y = layers.Rescaling(1 / 255.0)(np.array([[0, 255]], "uint8"))
    assert y.dtype == "float32"
    np.testing.assert_allclose(y.numpy(), [[0, 1]])


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: layers.Reshape((3, 3))(keras.Input((8,))), ValueError, r"total size.*\(8,\).*\(3, 3\)"),
        (lambda: layers.Reshape((-1, 3))(keras.Input((8,))), ValueError, "total size"),
        (lambda: layers.Reshape((-1, -1)), ValueError, "at most one unknown dimension"),
        (lambda: layers.Permute((1, 3)), ValueError, "`dims`"),
        (lambda: layers.Permute((1, 2))(keras.Input((8,))), ValueError, "expected ndim=3, found ndim=2"),
        (lambda: layers.RepeatVector(2.5), TypeError, "`n`"),
        (lambda: layers.ZeroPadding2D((1, 2, 3)), ValueError, "`padding` should have two elements"),
        (lambda: layers.ZeroPadding2D("a"), ValueError, "`padding`"),
        (lambda: layers.ZeroPadding2D(-1), ValueError, "`padding`"),
        (lambda: layers.Cropping2D(3)(keras.Input((4, 4, 1))), ValueError, "`cropping`"),
        (lambda: layers.UpSampling2D((1, 2, 3)), ValueError, "`size`"),
        (lambda: layers.UpSampling2D(interpolation="cubic"), ValueError, "`interpolation`.*cubic"),
    ],
)
def test_errors(make, error, message):
    with pytest.raises(error, match=message):
        make()

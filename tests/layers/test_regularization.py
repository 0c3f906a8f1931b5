"""Dropout, noise, penalties."""

from __future__ import annotations

import numpy as np
import pytest

import pyneural as keras
from pyneural import layers
from tests.layers.run_layer_test import run_layer_test


@pytest.mark.parametrize(
    ("cls", "kwargs"),
    [
        (layers.Dropout, {"rate": 0.3}),
        (layers.Dropout, {"rate": 0}),
        (layers.Dropout, {"rate": 0.3, "noise_shape": (None, 1, 1, 3), "seed": 3}),
        (layers.SpatialDropout2D, {"rate": 0.3}),
        (layers.GaussianNoise, {"stddev": 0.3, "seed": 1}),
        (layers.ActivityRegularization, {"l1": 0.1}),
    ],
)
def test_inference(cls, kwargs):
    shape = (None, 4, 5, 3)
    run_layer_test(cls, kwargs, shape, shape, reference=lambda x: x)
    run_layer_test(cls, kwargs, shape, shape, training=True, differentiable=False)


def test_dropout():
    x = np.ones((100, 100), "float32")
    layer = layers.Dropout(0.25, seed=1)
    y = layer(x, training=True).numpy()
    assert set(np.unique(y)) == {np.float32(0), np.float32(1 / 0.75)}
    assert abs((y == 0).mean() - 0.25) < 0.02
    assert (layer(x, training=True).numpy() != y).any(), "each call draws anew"
    np.testing.assert_array_equal(layers.Dropout(0.25, seed=1)(x, training=True).numpy(), y)
    assert len(layer.variables) == 1
    assert not layer.weights
    np.testing.assert_array_equal(layers.Dropout(1.0)(x, training=True).numpy(), np.zeros_like(x))


def test_noise_shape():
    y = layers.Dropout(0.5, noise_shape=(None, 1), seed=0)(np.ones((50, 7), "float32"), training=True).numpy()
    assert (y == y[:, :1]).all()
    assert 0 < (y[:, 0] == 0).sum() < 50


@pytest.mark.parametrize(("data_format", "axes"), [("channels_last", (1, 2)), ("channels_first", (2, 3))])
def test_spatial_dropout(data_format, axes):
    layer = layers.SpatialDropout2D(0.5, data_format=data_format, seed=0)
    y = layer(np.ones((6, 8, 8, 8), "float32"), training=True).numpy()
    assert (y.min(axes) == y.max(axes)).all()
    assert 0 < (y.max(axes) == 0).mean() < 1
    assert layer.get_config()["data_format"] == data_format


def test_gaussian_noise():
    y = layers.GaussianNoise(0.5, seed=0)(np.ones((100, 100), "float32"), training=True).numpy()
    assert abs(y.mean() - 1) < 0.02
    assert abs(y.std() - 0.5) < 0.02


def test_activity_regularization():
    layer = layers.ActivityRegularization(l1=0.1, l2=0.01)
    layer(np.full((4, 5), 2.0, "float32"))
    np.testing.assert_allclose(float(layer.losses[0]), 0.1 * 10 + 0.01 * 20, rtol=1e-6)


def test_training_reaches_inner_layers():
    class Outer(layers.Layer):
        def __init__(self):
            super().__init__()
            self.dropout = layers.Dropout(0.5)

        def call(self, x):
            return self.dropout(x)

    x = np.ones((50, 50), "float32")
    model = keras.Sequential([keras.Input((50,)), Outer()])
    assert (model(x, training=True).numpy() == 0).any()
    assert (model(x).numpy() == 1).all()
    assert (model(x, training=False).numpy() == 1).all()


@pytest.mark.parametrize("rate", [1.5, -0.1, "a", None])
def test_arguments(rate):
    with pytest.raises(ValueError, match=r"`rate`.*between 0 and 1"):
        layers.Dropout(rate)
    if isinstance(rate, float):
        with pytest.raises(ValueError, match="`stddev`"):
            layers.GaussianNoise(rate)

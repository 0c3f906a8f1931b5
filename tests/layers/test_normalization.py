"""Batch and layer normalization."""

from __future__ import annotations

import numpy as np
import pytest

import pyneural as keras
from pyneural import layers
from tests.layers.run_layer_test import run_layer_test


def along(vector, rank, axis):
    return vector.reshape([-1 if a == axis % rank else 1 for a in range(rank)])


@pytest.mark.parametrize(("shape", "axis"), [((None, 4), -1), ((None, 3, 5, 4), -1), ((None, 4, 3, 5), 1)])
def test_batch_normalization_inference(shape, axis):
    def reference(x, gamma, beta, mean, variance):
        g, b, m, v = (along(p.astype("float64"), x.ndim, axis) for p in (gamma, beta, mean, variance))
        return (x - m) / np.sqrt(v + 1e-3) * g + b

    run_layer_test(layers.BatchNormalization, {"axis": axis}, shape, shape, 2, 2, reference=reference)


@pytest.mark.parametrize(("center", "scale"), [(True, False), (False, True), (False, False)])
def test_batch_normalization_parts(center, scale):
    layer = run_layer_test(
        layers.BatchNormalization, {"center": center, "scale": scale}, (None, 4), (None, 4), center + scale, 2
    )
    assert [w.name for w in layer.weights[-2:]] == ["moving_mean", "moving_variance"]


@pytest.mark.parametrize("axis", [-1, 1])
def test_batch_normalization_training(axis):
    layer = layers.BatchNormalization(axis=axis, momentum=0.9)
    x = np.random.default_rng(0).normal(3.0, 2.0, size=(8, 4, 4)).astype("float32")
    y = layer(x, training=True).numpy()
    other = tuple(a for a in range(3) if a != axis % 3)
    np.testing.assert_allclose(y.mean(other), 0, atol=1e-5)
    np.testing.assert_allclose(y.var(other), x.var(other) / (x.var(other) + layer.epsilon), rtol=1e-5)
    np.testing.assert_allclose(layer.moving_mean.numpy(), 0.1 * x.mean(other), rtol=1e-4)
    np.testing.assert_allclose(layer.moving_variance.numpy(), 0.9 + 0.1 * x.var(other), rtol=1e-4)
    before = layer.moving_mean.numpy().copy()
    layer(x)
    np.testing.assert_array_equal(layer.moving_mean.numpy(), before)


def test_batch_normalization_frozen():
    layer = layers.BatchNormalization()
    layer.build((None, 4))
    layer.trainable = False
    assert not layer.trainable_weights
    assert len(layer.non_trainable_weights) == 4
    x = np.random.default_rng(0).normal(3.0, size=(8, 4)).astype("float32")
    np.testing.assert_allclose(layer(x, training=True).numpy(), x / np.sqrt(1.001), rtol=1e-5)
    np.testing.assert_array_equal(layer.moving_mean.numpy(), np.zeros(4))
    layer.trainable = True
    assert [v.trainable for v in layer.weights] == [True, True, False, False]


@pytest.mark.parametrize(
    ("shape", "axis"), [((None, 4), -1), ((None, 3, 4), [1, 2]), ((None, 3, 4), 1), ((None, 3, 4, 5), [1, 3])]
)
def test_layer_normalization(shape, axis):
    axes = tuple(axis) if isinstance(axis, list) else (axis % len(shape),)

    def reference(x, gamma, beta):
        x = x.astype("float64")
        form = [x.shape[a] if a in axes else 1 for a in range(x.ndim)]
        y = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + 1e-3)
        return y * gamma.reshape(form) + beta.reshape(form)

    run_layer_test(layers.LayerNormalization, {"axis": axis}, shape, shape, 2, reference=reference)


@pytest.mark.parametrize(("center", "scale"), [(True, False), (False, True), (False, False)])
def test_layer_normalization_parts(center, scale):
    run_layer_test(layers.LayerNormalization, {"center": center, "scale": scale}, (None, 4), (None, 4), center + scale)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: layers.BatchNormalization(axis="a"), ValueError, "`axis`"),
        (
            lambda: layers.BatchNormalization(axis=5, name="b")(keras.Input((8,))),
            ValueError,
            "layer 'b' is out of range",
        ),
        (lambda: layers.BatchNormalization(name="b")(keras.Input((None,))), ValueError, "layer 'b'.*defined size"),
        (lambda: layers.BatchNormalization(renorm=True), ValueError, "`renorm`.*not supported"),
        (lambda: layers.LayerNormalization(axis="a"), TypeError, "'axis'.*'a'"),
        (lambda: layers.LayerNormalization(axis=5)(keras.Input((8,))), ValueError, "out of range"),
        (lambda: layers.LayerNormalization(rms_scaling=True), ValueError, "`rms_scaling`.*not supported"),
    ],
)
def test_errors(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_wrong_channels():
    layer = layers.BatchNormalization(name="b")
    layer.build((None, 4))
    with pytest.raises(ValueError, match=r"layer 'b'.*value 4"):
        layer(np.zeros((2, 5), "float32"))
    assert layers.BatchNormalization(axis=[3]).axis == 3

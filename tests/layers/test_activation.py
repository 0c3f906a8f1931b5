"""Activation layers and functions."""

from __future__ import annotations

from math import erf

import numpy as np
import pytest

import pyneural as keras
from pyneural import activations, layers
from tests.layers.run_layer_test import run_layer_test


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


@pytest.mark.parametrize(
    ("cls", "kwargs", "reference"),
    [
        (layers.Activation, {"activation": "tanh"}, np.tanh),
        (layers.Activation, {"activation": None}, lambda x: x),
        (layers.ReLU, {}, lambda x: np.maximum(x, 0)),
        (
            layers.ReLU,
            {"max_value": 0.5, "negative_slope": 0.1},
            lambda x: np.where(x < 0, 0.1 * x, np.minimum(x, 0.5)),
        ),
        (layers.ReLU, {"threshold": 0.5}, lambda x: np.where(x >= 0.5, x, 0)),
        (layers.LeakyReLU, {}, lambda x: np.where(x < 0, 0.3 * x, x)),
        (layers.LeakyReLU, {"negative_slope": 0.1}, lambda x: np.where(x < 0, 0.1 * x, x)),
        (layers.ELU, {"alpha": 2.0}, lambda x: np.where(x < 0, 2 * np.expm1(x), x)),
        (layers.Softmax, {}, softmax),
        (layers.Softmax, {"axis": 1}, lambda x: softmax(x, 1)),
        (layers.Softmax, {"axis": [1, 2]}, lambda x: softmax(x.reshape(2, -1)).reshape(x.shape)),
        (layers.Softmax, {"axis": (0, 2)}, lambda x: np.exp(x) / np.exp(x).sum((0, 2), keepdims=True)),
    ],
)
def test_layers(cls, kwargs, reference):
    run_layer_test(cls, kwargs, (None, 3, 4), (None, 3, 4), reference=reference)


def test_prelu():
    def reference(x, alpha):
        return np.where(x < 0, alpha * x, x)

    run_layer_test(layers.PReLU, {}, (None, 3, 4), (None, 3, 4), 1, reference=reference)
    layer = run_layer_test(layers.PReLU, {"shared_axes": [1]}, (None, 3, 4), (None, 3, 4), 1, reference=reference)
    assert tuple(layer.alpha.shape) == (1, 4)
    assert layers.PReLU(shared_axes=1).shared_axes == [1]


def test_softmax_mask():
    y = layers.Softmax()(np.zeros((1, 4), "float32"), mask=np.array([[True, True, False, False]]))
    np.testing.assert_allclose(y.numpy(), [[0.5, 0.5, 0, 0]])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.Activation("foo"), "Could not interpret activation function identifier: foo"),
        (lambda: layers.ReLU(max_value=-1), "max_value of a ReLU layer"),
        (lambda: layers.ReLU(negative_slope=-1), "negative_slope of a ReLU layer"),
        (lambda: layers.ReLU(threshold=None), "threshold of a ReLU layer"),
        (lambda: layers.LeakyReLU(negative_slope=None), "Leaky ReLU"),
        (lambda: layers.ELU(alpha=None), "ELU"),
    ],
)
def test_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


FUNCTIONS = {
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x: np.where(x < 0, 0.2 * x, x),
    "relu6": lambda x: np.clip(x, 0, 6),
    "elu": lambda x: np.where(x < 0, np.expm1(x), x),
    "celu": lambda x: np.maximum(x, 0) + np.minimum(np.expm1(x), 0),
    "selu": lambda x: 1.05070098 * np.where(x < 0, 1.67326324 * np.expm1(x), x),
    "gelu": lambda x: 0.5 * x * (1 + np.vectorize(erf)(x / 2**0.5)),
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "softmax": softmax,
    "log_softmax": lambda x: np.log(softmax(x)),
    "softplus": lambda x: np.log1p(np.exp(x)),
    "softsign": lambda x: x / (1 + abs(x)),
    "silu": lambda x: x * sigmoid(x),
    "swish": lambda x: x * sigmoid(x),
    "hard_sigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "hard_silu": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "hard_tanh": lambda x: np.clip(x, -1, 1),
    "hard_shrink": lambda x: np.where(abs(x) > 0.5, x, 0),
    "soft_shrink": lambda x: np.sign(x) * np.maximum(abs(x) - 0.5, 0),
    "tanh_shrink": lambda x: x - np.tanh(x),
    "log_sigmoid": lambda x: np.log(sigmoid(x)),
    "mish": lambda x: x * np.tanh(np.log1p(np.exp(x))),
    "exponential": np.exp,
    "linear": lambda x: x,
    "squareplus": lambda x: (x + np.sqrt(x**2 + 4)) / 2,
    "sparse_plus": lambda x: np.where(x <= -1, 0, np.where(x >= 1, x, (x + 1) ** 2 / 4)),
    "sparse_sigmoid": lambda x: np.clip((x + 1) / 2, 0, 1),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name):
    function = activations.get(name)
    x = np.random.default_rng(0).normal(size=(5, 8)).astype("float32") * 3
    np.testing.assert_allclose(function(x).numpy() if name != "linear" else x, FUNCTIONS[name](x), rtol=2e-5, atol=2e-6)
    assert activations.get(activations.serialize(function)) is function
    assert activations.deserialize(activations.serialize(function)) is function
    symbol = keras.Input((8,))
    assert function(symbol).shape == (None, 8)


def test_functions_with_arguments():
    x = np.array([-2.0, -0.1, 0.1, 2.0], "float32")
    np.testing.assert_allclose(activations.threshold(x, 0.5, 7.0).numpy(), [7, 7, 7, 2])
    np.testing.assert_allclose(activations.glu(x).numpy(), x[:2] * sigmoid(x[2:]), rtol=1e-6)
    np.testing.assert_allclose(activations.relu(x, 0.5, 1.0).numpy(), [-1, -0.05, 0.1, 1], rtol=1e-6)
    tanh = np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))
    np.testing.assert_allclose(activations.gelu(x, approximate=True).numpy(), 0.5 * x * (1 + tanh), rtol=1e-5)
    np.testing.assert_allclose(activations.celu(x, 2.0).numpy(), np.where(x < 0, 2 * np.expm1(x / 2), x), rtol=1e-6)


def test_sparsemax():
    x = np.array([[0.1, 0.9, 0.8], [3.0, 0.0, 0.0], [1.0, 1.0, 1.0]], "float32")
    expected = [[0, 0.55, 0.45], [1, 0, 0], [1 / 3] * 3]
    np.testing.assert_allclose(activations.sparsemax(x).numpy(), expected, atol=1e-6)
    np.testing.assert_allclose(activations.sparsemax(x.T, axis=0).numpy().T, expected, atol=1e-6)
    assert activations.sparsemax(keras.Input((3,))).shape == (None, 3)


def test_lookup():
    assert activations.get(None) is activations.linear
    assert activations.get(np.tanh) is np.tanh
    with pytest.raises(ValueError, match=r"activation function identifier: foo.*'relu'"):
        activations.get("foo")
    with pytest.raises(ValueError, match="identifier: 3"):
        activations.get(3)

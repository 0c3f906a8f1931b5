"""Dense, Embedding, Identity, Lambda, Input."""

from __future__ import annotations

import numpy as np
import pytest

import pyneural as keras
from pyneural import layers, ops
from pyneural.serialization import register_keras_serializable
from tests.layers.run_layer_test import run_layer_test


@register_keras_serializable("tests")
def double(x):
    return x * 2.0


def dense(x, kernel, bias=0.0):
    return x.astype("float64") @ kernel + bias


@pytest.mark.parametrize("shape", [(None, 4), (3, 4), (None, 5, 4), (2, 3, 5, 4)])
@pytest.mark.parametrize("use_bias", [True, False])
def test_dense(shape, use_bias):
    kwargs = {"units": 3, "use_bias": use_bias}
    run_layer_test(layers.Dense, kwargs, shape, (*shape[:-1], 3), 2 if use_bias else 1, reference=dense)


def test_dense_options():
    layer = run_layer_test(
        layers.Dense,
        {
            "units": 3,
            "activation": "relu",
            "kernel_initializer": "he_normal",
            "bias_initializer": keras.initializers.Constant(0.5),
            "kernel_regularizer": "l2",
            "bias_regularizer": keras.regularizers.L1(0.1),
            "activity_regularizer": "l1",
            "kernel_constraint": "max_norm",
            "bias_constraint": "non_neg",
            "name": "hidden",
        },
        (None, 4),
        (None, 3),
        2,
        reference=lambda x, kernel, bias: np.maximum(dense(x, kernel, bias), 0),
        differentiable=False,
    )
    assert isinstance(layer.kernel.constraint, keras.constraints.MaxNorm)
    assert isinstance(layer.bias.regularizer, keras.regularizers.L1)
    assert layer.get_config()["activation"] == "relu"


def test_dense_losses():
    layer = layers.Dense(2, kernel_regularizer="l2", activity_regularizer="l1", kernel_initializer="ones")
    layer(np.ones((5, 3), "float32"))
    activity, weights = (float(x) for x in layer.losses)
    np.testing.assert_allclose([activity, weights], [0.01 * 5 * 2 * 3 / 5, 0.01 * 6], rtol=1e-6)
    layer(np.ones((5, 3), "float32"))
    assert len(layer.losses) == 2


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"units": -1}, ValueError, "`units`.*positive integer.*units=-1"),
        ({"units": 2.5}, ValueError, "`units`"),
        ({"units": "a"}, ValueError, "`units`"),
        ({"units": 2, "foo": 1}, ValueError, r"Unrecognized keyword arguments passed to Dense: \{'foo': 1\}"),
        ({"units": 2, "activation": "foo"}, ValueError, "Could not interpret activation function identifier: foo"),
        ({"units": 2, "kernel_initializer": "foo"}, ValueError, "Could not interpret initializer identifier: foo"),
        ({"units": 2, "kernel_regularizer": "foo"}, ValueError, "Could not interpret regularizer identifier: foo"),
        ({"units": 2, "kernel_constraint": 3}, ValueError, "Could not interpret constraint identifier: 3"),
        ({"units": 2, "lora_rank": 4}, ValueError, "`lora_rank`.*not supported"),
        ({"units": 2, "name": "a/b"}, ValueError, "cannot contain character `/`"),
        ({"units": 2, "dtype": "foo"}, ValueError, "foo"),
        ({"units": 2, "dtype": "mixed_float16"}, ValueError, "not supported"),
        ({}, TypeError, "units"),
    ],
)
def test_dense_arguments(kwargs, error, message):
    with pytest.raises(error, match=message):
        layers.Dense(**kwargs)


def test_dense_inputs():
    layer = layers.Dense(2, name="d")
    with pytest.raises(ValueError, match=r"layer 'd'.*expected min_ndim=2, found ndim=1.*\(4,\)"):
        layer(np.zeros(4, "float32"))
    layer(np.zeros((1, 4), "float32"))
    with pytest.raises(ValueError, match=r"layer 'd'.*expected axis -1 .*value 4, but received .*\(2, 5\)"):
        layer(np.zeros((2, 5), "float32"))
    with pytest.raises(ValueError, match="Only input tensors may be passed as positional arguments"):
        layer("text")
    with pytest.raises(TypeError, match="missing a required argument: 'inputs'"):
        layer()
    with pytest.raises(TypeError, match="foo"):
        layer(np.zeros((2, 4), "float32"), foo=3)
    with pytest.raises(ValueError, match="fully-defined"):
        layers.Dense(2)(keras.Input((None,)))


def test_dense_float64():
    layer = layers.Dense(2, dtype="float64")
    assert layer(np.ones((2, 3), "float32")).dtype == "float64"
    assert layer.kernel.dtype == layer.compute_dtype == "float64"
    assert layers.Dense(2)(np.ones((2, 3))).dtype == "float32"


def test_embedding():
    run_layer_test(
        layers.Embedding,
        {"input_dim": 4, "output_dim": 3},
        (None, 5),
        (None, 5, 3),
        1,
        reference=lambda x, table: table[x],
        input_dtype="int32",
    )
    table = np.arange(6, dtype="float32").reshape(3, 2)
    layer = layers.Embedding(3, 2, weights=[table])
    np.testing.assert_array_equal(layer(np.array([2, 0])).numpy(), table[[2, 0]])
    np.testing.assert_array_equal(layer(np.array([2.0, 0.0])).numpy(), table[[2, 0]])
    with pytest.raises(IndexError):
        layer(np.array([3]))
    with pytest.raises(ValueError, match="`input_dim` must be a positive integer"):
        layers.Embedding(0, 2)
    with pytest.raises(ValueError, match=r"`mask_zero`.*not supported"):
        layers.Embedding(3, 2, mask_zero=True)


def test_identity():
    run_layer_test(layers.Identity, {}, (None, 4), (None, 4), reference=lambda x: x)


def test_lambda():
    run_layer_test(layers.Lambda, {"function": double}, (None, 4), (None, 4), reference=lambda x: 2 * x)
    layer = layers.Lambda(lambda x, n, training: x * n if training else x, arguments={"n": 3.0})
    assert float(layer(np.ones(1, "float32"), training=True)[0]) == 3.0
    assert float(layer(np.ones(1, "float32"))[0]) == 1.0
    assert layers.Lambda(double, output_shape=(7,)).compute_output_shape((None, 2)) == (None, 7)
    assert layers.Lambda(double, output_shape=lambda s: s).compute_output_shape((None, 2)) == (None, 2)
    with pytest.raises(ValueError, match="lambda"):
        layers.serialize(layer)
    with pytest.raises(TypeError, match="callable"):
        layers.Lambda(3)


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"shape": 3}, ValueError, "Cannot convert '3' to a shape"),
        ({}, ValueError, "You must pass a `shape` argument"),
        ({"shape": (3,), "batch_shape": (2, 3)}, ValueError, "both `shape` and `batch_shape`"),
        ({"batch_size": 3, "batch_shape": (2, 3)}, ValueError, "both `batch_size` and `batch_shape`"),
        ({"shape": (-3,)}, ValueError, "Negative dimensions"),
        ({"shape": ("a",)}, ValueError, "invalid dimension 'a'"),
        ({"shape": (3,), "foo": 1}, TypeError, "foo"),
        ({"shape": (3,), "sparse": True}, ValueError, "`sparse`.*not supported"),
        ({"shape": (3,), "dtype": "foo"}, ValueError, "foo"),
    ],
)
def test_input_arguments(kwargs, error, message):
    with pytest.raises(error, match=message):
        keras.Input(**kwargs)


def test_input():
    x = keras.Input((4, None), batch_size=3, dtype="int32", name="tokens")
    assert (x.shape, x.dtype, x.name, x.ndim) == ((3, 4, None), "int32", "tokens", 3)
    layer = x._keras_history[0]
    assert layer.name == "tokens"
    assert layers.InputLayer.from_config(layer.get_config()).batch_shape == (3, 4, None)
    with pytest.raises(NotImplementedError, match="tokens"):
        layer.call()
    again = keras.Input(tensor=ops.cast(x, "float32"))
    assert again.dtype == "float32"

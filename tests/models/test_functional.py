"""Functional models: graphs with branches, shared layers, several inputs and outputs, nested models."""

from __future__ import annotations

import json
import pathlib

import numpy as np
import pytest

import pyneural as keras
from pyneural import layers, ops


def array(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def two_branches():
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    shared = layers.Dense(3, name="shared")
    total = layers.add([shared(a), shared(b)])
    both = layers.Concatenate(name="both")([total, a])
    return keras.Model([a, b], [total, both * 2 + ops.relu(both)], name="two")


def test_structure():
    model = two_branches()
    assert type(model).__name__ == "Functional"
    assert isinstance(model, keras.Model)
    assert [layer.name for layer in model.layers[:3]] == ["a", "b", "shared"]
    assert (model.input_names, model.output_names[0]) == (["a", "b"], model.layers[3].name)
    assert [x.shape for x in model.inputs] == [(None, 4), (None, 4)]
    assert [x.shape for x in model.outputs] == [(None, 3), (None, 7)]
    assert model.input_shape == [(None, 4), (None, 4)]
    assert model.output_shape == [(None, 3), (None, 7)]
    assert model.input == model.inputs
    assert model.output == model.outputs
    assert model.count_params() == 15
    assert [w.path for w in model.weights] == ["shared/kernel", "shared/bias"]
    assert repr(model) == "<Functional name=two, built=True>"
    assert len(model.operations) == len(model.layers) + 3


def test_values():
    model = two_branches()
    x, y = array(2, 4), array(2, 4, seed=1)
    kernel, bias = model.get_weights()
    total = x @ kernel + y @ kernel + 2 * bias
    both = np.concatenate([total, x], -1)
    for inputs in ([x, y], (x, y), {"a": x, "b": y}):
        first, second = model(inputs)
        np.testing.assert_allclose(first.numpy(), total, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(second.numpy(), both * 2 + np.maximum(both, 0), rtol=1e-5, atol=1e-5)


def test_config():
    model = two_branches()
    text = model.to_json()
    copy = keras.models.model_from_json(text)
    assert copy.to_json() == text
    copy.set_weights(model.get_weights())
    inputs = [array(2, 4), array(2, 4, seed=1)]
    for expected, found in zip(model(inputs), copy(inputs)):
        np.testing.assert_array_equal(found.numpy(), expected.numpy())
    assert type(copy) is type(model)


@pytest.mark.parametrize("recursive", [False, True])
def test_clone(recursive):
    inner = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
    x = keras.Input((4,), name="x")
    model = keras.Model(x, inner(layers.Dense(3)(x))[:, :1], name="m")
    copy = keras.models.clone_model(model, recursive=recursive)
    assert copy.name == "m"
    assert [layer.name for layer in copy.layers] == [layer.name for layer in model.layers]
    assert not {id(w) for w in copy.weights} & {id(w) for w in model.weights}
    copy.set_weights(model.get_weights())
    np.testing.assert_array_equal(copy(array(2, 4)).numpy(), model(array(2, 4)).numpy())


def test_clone_with_functions():
    x = keras.Input((4,))
    model = keras.Model(x, layers.Dense(3, name="d")(layers.Dense(4)(x)))
    new_input = keras.Input((4,), name="new")
    called = []

    def call(layer, *args, **kwargs):
        called.append(layer.name)
        return layer(*args, **kwargs)

    copy = keras.models.clone_model(
        model,
        input_tensors=new_input,
        clone_function=lambda layer: layers.Dense(layer.units, activation="relu", name=layer.name),
        call_function=call,
    )
    assert copy.input_names == ["new"]
    assert copy.get_layer("d").activation is keras.activations.relu
    assert called == [layer.name for layer in model.layers[1:]]
    with pytest.raises(ValueError, match="must return a layer"):
        keras.models.clone_model(model, clone_function=lambda layer: 3)
    with pytest.raises(ValueError, match="`input_tensors`"):
        keras.models.clone_model(model, input_tensors=[new_input, new_input])
    with pytest.raises(ValueError, match="Unexpected keyword"):
        keras.models.clone_model(model, foo=1)


def test_nested_models():
    inner_input = keras.Input((4,))
    inner = keras.Model(inner_input, layers.Dense(3)(inner_input), name="inner")
    x = keras.Input((4,))
    outer = keras.Model(x, inner(inner(layers.Dense(4)(x))[:, :1] * np.ones(4, "float32")))
    assert len(outer.weights) == 4
    kernel, bias, k2, b2 = outer.get_weights()
    h = array(2, 4) @ kernel + bias
    h = (h @ k2 + b2)[:, :1] * np.ones(4)
    np.testing.assert_allclose(outer(array(2, 4)).numpy(), h @ k2 + b2, rtol=1e-5, atol=1e-5)
    copy = keras.models.model_from_json(outer.to_json())
    copy.set_weights(outer.get_weights())
    np.testing.assert_array_equal(copy(array(2, 4)).numpy(), outer(array(2, 4)).numpy())


def test_dict_inputs_and_outputs():
    a, b = keras.Input((2,), name="a"), keras.Input((2,), name="b")
    model = keras.Model({"a": a, "b": b}, {"sum": a + b, "difference": a - b})
    x = np.ones((3, 2), "float32")
    y = model({"a": x, "b": 2 * x, "unused": x})
    np.testing.assert_array_equal(y["sum"].numpy(), 3 * x)
    np.testing.assert_array_equal(y["difference"].numpy(), -x)
    copy = keras.models.model_from_json(model.to_json())
    np.testing.assert_array_equal(copy({"a": x, "b": x})["sum"].numpy(), 2 * x)
    assert model.output_shape == {"sum": (None, 2), "difference": (None, 2)}


def test_intermediate_model():
    x = keras.Input((4,))
    h = layers.Dense(3, name="h")(x)
    y = layers.Dense(2)(h)
    model = keras.Model(x, y)
    features = keras.Model(model.input, model.get_layer("h").output)
    assert features(array(2, 4)).shape == (2, 3)
    head = keras.Model(h, y)
    np.testing.assert_allclose(head(features(array(2, 4))).numpy(), model(array(2, 4)).numpy(), rtol=1e-6)
    assert head.input_shape == (None, 3)


def test_subclass_of_functional():
    class Net(keras.Model):
        def __init__(self, units):
            x = keras.Input((4,))
            super().__init__(inputs=x, outputs=layers.Dense(units)(x), name="net")
            self.units = units

    net = Net(3)
    assert net(array(2, 4)).shape == (2, 3)
    assert len(net.layers) == 2
    assert net.output_shape == (None, 3)


def test_deep_graph():
    x = y = keras.Input((2,))
    for _ in range(1500):
        y = y + 1.0
    np.testing.assert_allclose(keras.Model(x, y)(np.zeros((1, 2), "float32")).numpy(), np.full((1, 2), 1500.0))


def test_rank_is_adjusted():
    x = keras.Input((1,))
    model = keras.Model(x, x * 2)
    assert model(np.ones(3, "float32")).shape == (3, 1)
    assert model(np.ones((3, 1, 1), "float32")).shape == (3, 1)
    assert model(np.ones((3, 1), "int64")).dtype == "float32"


def test_input_errors():
    model = two_branches()
    x = array(2, 4)
    with pytest.raises(ValueError, match=r'"two" expects 2 input\(s\).*\[\'a\', \'b\'\].*received 1'):
        model([x])
    with pytest.raises(ValueError, match=r"Input 1 with name 'b' of layer 'two'.*\(None, 4\), found shape=\(2, 5\)"):
        model([x, array(2, 5)])
    with pytest.raises(ValueError, match=r'Missing data for input "b".*\[\'a\', \'c\'\]'):
        model({"a": x, "c": x})
    with pytest.raises(ValueError, match=r"input 'a' of model 'two'.*\(None, 4\).*\(4,\)"):
        model([x[0], x])
    with pytest.raises(ValueError, match="'b' of model 'two' is missing"):
        model([x, None])


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: keras.Model(3, 4), ValueError, "All `inputs` values must be KerasTensors.*3"),
        (lambda: keras.Model(keras.Input((2,)), 4), ValueError, "All `outputs` values must be KerasTensors.*4"),
        (lambda: keras.Model([], keras.Input((2,))), ValueError, "`inputs` argument cannot be empty"),
        (lambda: keras.Model(inputs=keras.Input((2,))), ValueError, "Unrecognized keyword arguments.*inputs"),
        (lambda: keras.Model(3), TypeError, "inputs"),
        (
            lambda: keras.Model(keras.Input((3,)), layers.Dense(2)(keras.Input((3,), name="other"))),
            ValueError,
            "'other'.*not connected to `inputs`",
        ),
    ],
)
def test_construction_errors(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_duplicate_names():
    x = keras.Input((3,))
    with pytest.raises(ValueError, match='The name "d" is used more than once'):
        keras.Model(x, layers.Dense(3, name="d")(layers.Dense(3, name="d")(x)))


def test_get_layer():
    model = two_branches()
    assert model.get_layer("shared") is model.get_layer(index=2)
    with pytest.raises(ValueError, match=r"No such layer: foo. Existing layers are: .*'shared'"):
        model.get_layer("foo")
    with pytest.raises(ValueError, match="index 77 but model only has 5 layers"):
        model.get_layer(index=77)
    with pytest.raises(ValueError, match="either a layer name or layer index"):
        model.get_layer()
    with pytest.raises(ValueError, match="only a layer name or a layer index"):
        model.get_layer("shared", 2)


def test_malformed_configs():
    model = two_branches()
    config = json.loads(json.dumps(model.get_config()))
    functional = type(model)
    for change, message in (
        (lambda c: c["layers"][2]["inbound_nodes"][0]["args"][0]["config"].update(keras_history=["x", 0, 0]), "'x'"),
        (
            lambda c: c["layers"][2]["inbound_nodes"][0]["args"][0]["config"].update(keras_history=["both", 0, 0]),
            "circular",
        ),
        (lambda c: c.update(output_layers=[["shared", 7, 0]]), "does not exist"),
        (lambda c: c["layers"].append(c["layers"][0]), "more than once"),
    ):
        bad = json.loads(json.dumps(config))
        change(bad)
        with pytest.raises(ValueError, match=message):
            functional.from_config(bad)


def test_config_written_by_keras():
    """Two inputs, a shared layer, ops with settings: what Keras 3.15 writes for such a model."""
    path = pathlib.Path(__file__).with_name("keras_functional.json")
    model = keras.models.model_from_json(path.read_text())
    assert model.input_names == ["a", "b"]
    assert model.output_shape == [(None, 3), (None, 9)]
    kernel, bias = model.get_weights()
    x, y = array(2, 4), array(2, 4, seed=1)
    total = (x + y) @ kernel + 2 * bias
    both = np.concatenate([total, x], -1)
    expected = np.concatenate([both * 2, total.sum(-1, keepdims=True), both[:, :1]], -1)
    np.testing.assert_allclose(model([x, y])[1].numpy(), expected, rtol=1e-5, atol=1e-5)
    written = json.loads(model.to_json())["config"]["layers"]
    read = json.loads(path.read_text())["config"]["layers"]
    assert [entry["class_name"] for entry in written] == [entry["class_name"] for entry in read]
    for ours, theirs in zip(written, read):
        assert ours["inbound_nodes"] == theirs["inbound_nodes"]
        assert ours["config"].items() <= theirs["config"].items()


def test_keras_tensor():
    x = keras.Input((3, 4), name="x")
    for y, shape, dtype in (
        (x + 1, (None, 3, 4), "float32"),
        (1 - x, (None, 3, 4), "float32"),
        (np.ones(4, "float32") * x, (None, 3, 4), "float32"),
        (keras.Variable(np.ones(4)) / x, (None, 3, 4), "float32"),
        (ops.ones((4,)) + x, (None, 3, 4), "float32"),
        (x**2 // 3 % 2, (None, 3, 4), "float32"),
        (x @ np.ones((4, 5), "float32"), (None, 3, 5), "float32"),
        (x > 0, (None, 3, 4), "bool"),
        (x == x, (None, 3, 4), "bool"),
        (-abs(x), (None, 3, 4), "float32"),
        (x[:, 1:, 0], (None, 2), "float32"),
        (x[..., None], (None, 3, 4, 1), "float32"),
        (x[[0, 1, 0]], (3, 3, 4), "float32"),
        (ops.cast(x, "int32"), (None, 3, 4), "int32"),
        (ops.mean(x, axis=0), (3, 4), "float32"),
        (ops.sum(x, axis=1, keepdims=True), (None, 1, 4), "float32"),
        (ops.reshape(x, (-1, 12)), (None, 12), "float32"),
        (ops.concatenate([x, x], axis=1), (None, 6, 4), "float32"),
        (ops.zeros_like(x), (None, 3, 4), "float32"),
        (ops.argmax(x, axis=-1), (None, 3), "int32"),
    ):
        assert isinstance(y, keras.KerasTensor)
        assert (y.shape, y.dtype) == (shape, dtype)
    first, second = ops.split(x, 2, axis=2)
    assert first.shape == second.shape == (None, 3, 2)
    assert ops.shape(x) == (None, 3, 4)
    assert ops.size(x) is None
    assert repr(x) == "<KerasTensor shape=(None, 3, 4), dtype=float32, name=x>"
    with pytest.raises(TypeError, match="cannot be used as a boolean"):
        bool(x > 0)
    with pytest.raises(ValueError, match="cannot be converted to a NumPy array"):
        np.asarray(x)
    with pytest.raises(TypeError):
        np.add(x, 1)
    with pytest.raises(NotImplementedError, match="Iterating"):
        list(x)
    with pytest.raises(TypeError, match="length"):
        len(x)

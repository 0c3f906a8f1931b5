"""Configurations of objects: what they may name, and what they may not."""

from __future__ import annotations

import json

import numpy as np
import pytest

import pyneural as keras
from pyneural import layers
from pyneural.serialization import (
    CustomObjectScope,
    deserialize_keras_object,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize_keras_object,
)


class Plain(layers.Layer):
    def call(self, x):
        return x


@register_keras_serializable("pack", "Fancy")
class Registered(Plain):
    pass


@register_keras_serializable()
def identity(x):
    return x


def test_values():
    value = [1, (2.5, None), {"a": np.float32(3), "b": slice(1, 2), "c": b"x", "d": Ellipsis}, True, "s"]
    data = serialize_keras_object(value)
    json.dumps(data)
    assert deserialize_keras_object(data) == value
    array = deserialize_keras_object(serialize_keras_object(np.arange(3.0)))
    np.testing.assert_array_equal(array, np.arange(3.0))
    tensor = deserialize_keras_object(serialize_keras_object(keras.ops.ones(2)))
    assert keras.ops.is_tensor(tensor)
    with pytest.raises(ValueError, match="Cannot serialize"):
        serialize_keras_object(object())


def test_built_in_classes():
    data = serialize_keras_object(layers.Dense(3, name="d"))
    assert (data["module"], data["class_name"], data["registered_name"]) == ("keras.layers", "Dense", None)
    assert "build_config" not in data
    layer = layers.Dense(3)
    layer.build((None, 2))
    data = serialize_keras_object(layer)
    assert data["build_config"] == {"input_shape": (None, 2)}
    copy = deserialize_keras_object(json.loads(json.dumps(data)))
    assert copy.built
    assert copy.kernel.shape == (2, 3)
    assert layers.deserialize({"class_name": "Dense", "config": {"units": 3}}).units == 3


def test_custom_classes():
    assert get_registered_name(Registered) == "pack>Fancy"
    assert get_registered_object("pack>Fancy") is Registered
    assert get_custom_objects()["Custom>identity"] is identity
    data = serialize_keras_object(Registered(name="r"))
    assert data["registered_name"] == "pack>Fancy"
    assert type(deserialize_keras_object(data)) is Registered
    data = serialize_keras_object(Plain())
    with pytest.raises(TypeError, match="Could not locate class 'Plain'"):
        deserialize_keras_object(data)
    assert type(deserialize_keras_object(data, {"Plain": Plain})) is Plain
    with CustomObjectScope({"Plain": Plain}):
        assert type(deserialize_keras_object(data)) is Plain
        assert get_registered_object("Plain") is Plain
    with pytest.raises(ValueError, match="get_config"):
        register_keras_serializable()(type("NoConfig", (), {}))


def test_functions():
    data = serialize_keras_object(identity)
    assert data["config"] == "Custom>identity"
    assert deserialize_keras_object(data) is identity
    assert keras.activations.get("identity") is identity
    layer = layers.Dense(2, activation=identity)
    assert layers.deserialize(layers.serialize(layer)).activation is identity
    data = {"class_name": "function", "config": "relu", "module": "builtins"}
    assert deserialize_keras_object(data) is keras.activations.relu
    for name in ("system", "_named", "register_keras_serializable", 3, "Dense"):
        with pytest.raises(TypeError, match="Could not locate function"):
            deserialize_keras_object({"class_name": "function", "config": name})
    with pytest.raises(ValueError, match="`lambda` cannot be serialized"):
        serialize_keras_object(lambda x: x)


@pytest.mark.parametrize(
    "module",
    ["os", "builtins", "subprocess", "numpy", "keras.layers.layer", "pyneural.serialization", "keras.src.utils", 3],
)
@pytest.mark.parametrize("name", ["system", "Popen", "load", "Layer", "eval", "Tracker", "np"])
def test_foreign_classes(module, name):
    if (module, name) == ("keras.layers.layer", "Layer"):
        return
    with pytest.raises(TypeError, match="Could not locate"):
        deserialize_keras_object({"module": module, "class_name": name, "config": {}, "registered_name": None})


@pytest.mark.parametrize(
    ("config", "error", "message"),
    [
        ({"class_name": 3, "config": {}}, ValueError, "`class_name`"),
        ({"class_name": "__lambda__", "config": {"value": ["x", None, None]}}, ValueError, "never run"),
        ({"class_name": "Dense", "config": []}, ValueError, "to be a dict"),
        ({"class_name": "Dense", "config": {"units": 2, "foo": 1}}, ValueError, "foo"),
        ({"class_name": "Dense", "config": {}}, TypeError, "units"),
        (
            {"module": "keras.src.ops.numpy", "class_name": "System", "config": {}, "registered_name": "System"},
            TypeError,
            "op 'System'",
        ),
    ],
)
def test_malformed(config, error, message):
    with pytest.raises(error, match=message):
        deserialize_keras_object(config)


def test_depth():
    config = {}
    for _ in range(200):
        config = {"a": config}
    with pytest.raises(ValueError, match="too deeply"):
        deserialize_keras_object(config)


def test_keras_op_configs():
    """Keras keeps the arguments of an op in its configuration."""
    config = {
        "module": "keras.src.ops.numpy",
        "class_name": "Sum",
        "config": {"name": "total", "axis": 1, "keepdims": True},
        "registered_name": "Sum",
    }
    op = deserialize_keras_object(config)
    assert op.name == "total"
    assert op(keras.Input((3,))).shape == (None, 1)
    assert op(np.ones((2, 3), "float32")).shape == (2, 1)
    assert serialize_keras_object(op) == config | {"registered_name": None}

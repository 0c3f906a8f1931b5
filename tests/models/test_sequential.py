"""Sequential models."""

from __future__ import annotations

import numpy as np
import pytest

import pyneural as keras
from pyneural import layers


def image_model():
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(4, 3, activation="relu", kernel_regularizer="l2"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(10, activation="softmax"),
            layers.BatchNormalization(),
        ],
        name="net",
    )


def test_built_at_once():
    model = image_model()
    assert model.built
    assert (model.input_shape, model.output_shape) == ((None, 8, 8, 3), (None, 10))
    assert len(model.layers) == 6
    assert [w.path for w in model.weights][:2] == [f"net/{model.layers[0].name}/{n}" for n in ("kernel", "bias")]
    assert model(np.zeros((2, 8, 8, 3), "float32")).shape == (2, 10)
    assert len(model.losses) == 1
    assert model.inputs[0].shape == (None, 8, 8, 3)
    assert model.output_names == [model.layers[-1].name]


def test_config():
    model = image_model()
    text = model.to_json()
    copy = keras.models.model_from_json(text)
    assert copy.to_json() == text
    copy.set_weights(model.get_weights())
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")
    np.testing.assert_array_equal(copy(x).numpy(), model(x).numpy())
    clone = keras.models.clone_model(model)
    assert [layer.name for layer in clone.layers] == [layer.name for layer in model.layers]
    assert clone.built


def test_deferred():
    model = keras.Sequential([layers.Dense(3), layers.Dense(2)], name="late")
    assert not model.built
    assert model.weights == []
    for attribute in ("inputs", "outputs", "input_shape", "output_shape"):
        with pytest.raises(AttributeError, match="'late' has no defined"):
            getattr(model, attribute)
    config = model.get_config()
    assert "build_input_shape" not in config
    assert not keras.Sequential.from_config(config).built
    assert model(np.ones((5, 4), "float32")).shape == (5, 2)
    assert (model.input_shape, model.output_shape) == ((None, 4), (None, 2))
    assert model.weights[0].path.startswith("late/")
    assert model(np.ones((2, 4), "float32")).shape == (2, 2)
    with pytest.raises(ValueError, match=r"value 4.*|found shape"):
        model(np.ones((2, 3), "float32"))
    with pytest.raises(ValueError, match=r"already been configured to use input shape \(None, 4\)"):
        model.build((None, 5))
    again = keras.Sequential.from_config(model.get_config())
    assert again.built


def test_build():
    model = keras.Sequential([layers.Dense(3)])
    model.build((None, 4))
    assert len(model.weights) == 2
    model.build((None, 4))
    with pytest.raises(ValueError, match="has no layers"):
        keras.Sequential().build((None, 4))


def test_embedding_keeps_integers():
    model = keras.Sequential([layers.Embedding(2**25, 1)])
    index = np.array([[2**24 + 1]])
    table = model.layers[0]
    y = model(index).numpy()
    np.testing.assert_array_equal(y[0, 0], table.embeddings.numpy()[2**24 + 1])


def test_add_and_pop():
    model = keras.Sequential(name="s")
    model.add(keras.Input((4,)))
    model.add(layers.Dense(3, name="a"))
    assert model.built
    assert model.output_shape == (None, 3)
    model.add(layers.Dense(2))
    assert model.output_shape == (None, 2)
    assert model.pop().units == 2
    assert model.output_shape == (None, 3)
    assert len(model.weights) == 2
    model.pop()
    assert not model.built
    assert model.layers == []
    with pytest.raises(IndexError):
        keras.Sequential().pop()


def test_nested():
    model = keras.Sequential(
        [keras.Input((4,)), layers.Dense(3), keras.Sequential([layers.Dense(2)], name="in")], name="o"
    )
    assert [w.path for w in model.weights][2] == f"o/in/{model.layers[1].layers[0].name}/kernel"
    assert keras.models.model_from_json(model.to_json()).output_shape == (None, 2)


def test_as_a_layer():
    block = keras.Sequential([layers.Dense(3)])
    x = keras.Input((4,))
    model = keras.Model(x, block(x))
    assert model.output_shape == (None, 3)
    assert block.built


def test_clone_on_other_input():
    model = keras.Sequential([layers.Dense(3)])
    copy = keras.models.clone_model(model, input_tensors=keras.Input((7,)))
    assert copy.input_shape == (None, 7)
    with pytest.raises(ValueError, match="exactly one input"):
        keras.models.clone_model(model, input_tensors=[keras.Input((7,)), keras.Input((7,))])
    assert not keras.models.clone_model(model).built


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: keras.Sequential().add(3), r"Only instances of `keras.Layer`.*3 \(of type <class 'int'>\)"),
        (lambda: keras.Sequential([keras.Input((3,)), keras.Input((3,))]), r"already been configured.*\(None, 3\)"),
        (lambda: keras.Sequential([layers.Dense(3), keras.Input((3,))]), "must be the first layer"),
        (
            lambda: keras.Sequential([layers.Dense(2, name="a"), layers.Dense(3, name="a")]),
            "unique names. Name 'a' is already",
        ),
        (lambda: keras.Sequential(name="e")(np.zeros((2, 4), "float32")), "Sequential model e cannot be"),
        (
            lambda: keras.Sequential([keras.Input((8,)), layers.Conv2D(3, 3, name="c")]),
            "layer 'c'.*expected min_ndim=4, found ndim=2",
        ),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_wrong_inputs():
    model = image_model()
    with pytest.raises(ValueError, match=r"axis -1 of input shape to have value 3.*|found shape"):
        model(np.zeros((2, 8, 8, 4), "float32"))
    with pytest.raises(ValueError, match=r"model 'net'.*\(None, 8, 8, 3\).*\(2, 8, 8\)"):
        model(np.zeros((2, 8, 8), "float32"))

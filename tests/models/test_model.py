"""Subclassed models, summaries."""

from __future__ import annotations

import numpy as np
import pytest

import pyneural as keras
from pyneural import layers
from pyneural.serialization import register_keras_serializable


@register_keras_serializable("tests")
class Net(keras.Model):
    def __init__(self, units=3, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.first = layers.Dense(units)
        self.rest = [layers.Dense(2)]

    def call(self, x, training=False):
        return self.rest[0](self.first(x))


def test_subclass():
    net = Net(name="n")
    assert net.inputs is None
    assert net.outputs is None
    assert net.input_names is None
    assert net.output_names is None
    assert net.weights == []
    assert net(np.ones((2, 4), "float32")).shape == (2, 2)
    assert net.weights[0].path == f"n/{net.first.name}/kernel"
    assert net.layers == [net.first, net.rest[0]]
    assert net.count_params() == 23
    with pytest.raises(AttributeError, match="'n' has no defined input shape"):
        _ = net.input_shape


def test_build():
    net = Net()
    net.build((None, 4))
    assert net.built
    assert net.count_params() == 23
    with pytest.raises(ValueError, match="expected min_ndim=2"):
        Net().build((4,))


def test_build_several_inputs():
    class Two(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(2)

        def call(self, inputs):
            return self.dense(inputs["a"]) + self.dense(inputs["b"])

    model = Two()
    model.build({"a": (None, 3), "b": (None, 3)})
    assert model.count_params() == 8
    assert model({"a": np.ones((1, 3), "float32"), "b": np.ones((1, 3), "float32")}).shape == (1, 2)


def test_in_functional_api():
    x = keras.Input((4,))
    model = keras.Model(x, Net()(x))
    assert model.output_shape == (None, 2)


def test_config_of_subclass():
    net = Net(5, name="n")
    net(np.ones((2, 4), "float32"))
    config = net.get_config()
    assert config["units"] == 5
    copy = keras.models.model_from_json(net.to_json())
    assert type(copy) is Net
    assert copy.units == 5
    assert keras.models.clone_model(net).units == 5
    with pytest.raises(ValueError, match="only supported for Sequential and Functional"):
        keras.models.clone_model(net, clone_function=lambda layer: layer)


def test_no_call():
    class Empty(keras.Model):
        pass

    with pytest.raises(NotImplementedError, match="Model Empty does not have a `call"):
        Empty()(np.ones((2, 2), "float32"))


def text_of(model, **options):
    lines = []
    model.summary(print_fn=lines.append, **options)
    return "\n".join(lines)


def test_summary(capsys):
    model = keras.Sequential(
        [keras.Input((4,)), layers.Dense(3, name="first"), layers.BatchNormalization(name="norm")], name="m"
    )
    model.summary()
    text = capsys.readouterr().out
    assert text.startswith('Model: "m"\n')
    rows = [line for line in text.splitlines() if "first (Dense)" in line]
    assert "(None, 3)" in rows[0]
    assert "15" in rows[0]
    assert " Total params: 27 (108.00 B)" in text
    assert " Trainable params: 21 (84.00 B)" in text
    assert " Non-trainable params: 6 (24.00 B)" in text
    lines = text.splitlines()
    assert len({len(line) for line in lines if line and line[0] in "┏┃┡│├└"}) == 1
    model.layers[0].trainable = False
    text = text_of(model, show_trainable=True, line_length=70)
    assert "Trainable" in text
    assert [line.split("│")[-2].strip() for line in text.splitlines() if "(Dense)" in line] == ["N"]


def test_summary_of_graph():
    x = keras.Input((4,), name="x")
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(3, name="inside")], name="inner")
    h = inner(x)
    model = keras.Model(x, layers.Add(name="sum")([h, layers.Dense(3)(x)]) + 1)
    text = text_of(model, expand_nested=True)
    assert "Connected to" in text
    assert "x[0][0]" in text
    assert "inner[0][0]" in text
    assert "└ inside (Dense)" in text
    assert "(Add)" in text
    text = text_of(model, layer_range=("x", "inner"))
    assert "sum" not in text
    with pytest.raises(ValueError, match="Passed layer_names do not match"):
        text_of(model, layer_range=("q", "r"))
    with pytest.raises(ValueError, match="`layer_range`"):
        text_of(model, layer_range=("q",))
    assert text_of(model, positions=[0.4, 0.6, 0.8, 1.0])


def test_summary_of_unbuilt_and_subclassed():
    assert "0 (unbuilt)" in text_of(keras.Sequential([layers.Dense(2)]))
    net = Net()
    assert "?" in text_of(net)
    net(np.ones((2, 4), "float32"))
    assert "(2, 3)" in text_of(net)
    assert " Total params: 23 (92.00 B)" in text_of(net)
    long = keras.Sequential([keras.Input((4,)), layers.Dense(2, name="n" * 60)])
    assert "n" * 20 in text_of(long)


def test_summary_sizes():
    model = keras.Sequential([keras.Input((1024,)), layers.Dense(1024, use_bias=False), layers.Dense(1)])
    assert "1,049,601 (4.00 MB)" in text_of(model)

"""Copies of models, layers and variables by `copy.deepcopy` and `pickle`."""

import copy
import pickle

import numpy as np
import pytest

import pyneural as keras
from pyneural import layers, metrics, ops, optimizers

X = np.random.RandomState(0).rand(32, 4).astype("float32")
Y = X.sum(1, keepdims=True)


class Linear(layers.Layer):
    def __init__(self, units=3, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units))

    def call(self, inputs):
        return ops.matmul(inputs, self.kernel)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class Subclassed(keras.Model):
    def __init__(self, units=2, **kwargs):
        super().__init__(**kwargs)
        self.hidden = layers.Dense(units, "relu")
        self.last = layers.Dense(1)

    def call(self, inputs):
        return self.last(self.hidden(inputs))


def distance(y_true, y_pred):
    return ops.mean(ops.abs(y_true - y_pred), axis=-1)


def _functional():
    inputs = keras.Input((4,))
    return keras.Model(inputs, layers.Add()([Linear(1)(inputs), layers.Dense(1)(inputs)]))


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
@pytest.mark.parametrize(
    "make", [lambda: keras.Sequential([keras.Input((4,)), Linear(4), layers.Dense(1)]), Subclassed, _functional]
)
def test_a_copy_goes_on_like_the_model(make, duplicate):
    model = make()
    model(X[:1])
    model.compile("adam", distance, metrics=["mae"])
    model.fit(X, Y, verbose=0, shuffle=False)
    twin = duplicate(model)
    assert type(twin) is type(model)
    np.testing.assert_array_equal(twin.predict(X, verbose=0), model.predict(X, verbose=0))
    histories = [m.fit(X, Y, epochs=2, verbose=0, shuffle=False).history for m in (model, twin)]
    assert histories[0] == histories[1]
    twin.set_weights([np.zeros_like(w) for w in twin.get_weights()])
    assert np.any(model.get_weights()[0] != 0)


def test_a_lambda_cannot_travel():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
    model.compile("sgd", lambda y_true, y_pred: y_true - y_pred)
    with pytest.raises(ValueError, match="A `lambda` cannot be serialized"):
        copy.deepcopy(model)


def test_small_objects():
    layer = layers.Dense(3)
    layer(X)
    twin = copy.deepcopy(layer)
    assert twin.kernel is not layer.kernel
    np.testing.assert_array_equal(twin.kernel.numpy(), layer.kernel.numpy())

    variable = copy.deepcopy(keras.Variable(np.arange(3), name="count", trainable=False))
    assert (variable.name, variable.dtype, variable.trainable) == ("count", "int64", False)

    mean = metrics.Mean()
    mean.update_state(3.0)
    other = copy.deepcopy(mean)
    other.update_state(5.0)
    assert (float(mean.result()), float(other.result())) == (3.0, 4.0)

    optimizer = copy.deepcopy(optimizers.Adam(0.5))
    assert float(optimizer.learning_rate) == 0.5
    optimizer.build([keras.Variable(np.zeros(2))])
    with pytest.raises(TypeError, match="cannot be copied without it"):
        copy.deepcopy(optimizer)

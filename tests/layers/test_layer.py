"""The base class: building, tracking, names, weights, losses, configurations, errors."""

from __future__ import annotations

import numpy as np
import pytest

import pyneural as keras
from pyneural import layers, ops
from pyneural.naming import reset_names


class Scale(layers.Layer):
    """A layer with one weight and an argument."""

    def __init__(self, factor=2.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="w")
        self.count = self.add_weight(name="count", initializer="zeros", dtype="int32", trainable=False)

    def call(self, x):
        self.count.assign_add(1)
        return x * self.w * self.factor


class Block(layers.Layer):
    def __init__(self, units=3, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.blocks = []
        self.head = layers.Dense(units)
        self.blocks.append(layers.Dense(units))
        self.named = {"norm": layers.LayerNormalization()}

    def call(self, x, training=None):
        for block in self.blocks:
            x = block(x)
        return self.named["norm"](self.head(x))


def test_build_and_weights():
    layer = Scale(name="s")
    assert not layer.built
    assert layer.weights == []
    y = layer(np.ones((2, 3), "float32"))
    np.testing.assert_array_equal(y.numpy(), np.full((2, 3), 2.0))
    assert layer.built
    assert [w.path for w in layer.weights] == ["s/w", "s/count"]
    assert layer.trainable_weights == [layer.w]
    assert layer.non_trainable_weights == [layer.count]
    assert int(layer.count.numpy()) == 1
    assert layer.count_params() == 4
    assert layer.get_build_config() == {"input_shape": (2, 3)}
    assert layer.path == "s"
    assert layer.dtype == layer.variable_dtype == layer.compute_dtype == layer.input_dtype == "float32"


def test_sub_layers():
    block = Block(name="block")
    block(np.ones((2, 4), "float32"))
    assert [layer.name for layer in block._layers] == [
        block.head.name,
        block.blocks[0].name,
        block.named["norm"].name,
    ]
    assert [w.path for w in block.weights][:2] == [f"block/{block.head.name}/kernel", f"block/{block.head.name}/bias"]
    assert len(block.weights) == 6
    block.trainable = False
    assert block.trainable_weights == []
    assert not block.head.kernel.trainable
    assert len(block.non_trainable_weights) == 6
    block.trainable = True
    block.head.trainable = False
    assert len(block.trainable_variables) == 4
    assert len(block.non_trainable_variables) == 2
    with pytest.raises(ValueError, match="'block', which is already built"):
        block.extra = layers.Dense(2)
    del block.named
    assert len(block.weights) == 4


def test_call_in_functional_api():
    x = keras.Input((4,))
    y = Block()(x)
    assert y.shape == (None, 3)
    model = keras.Model(x, y)
    assert len(model.weights) == 6


def test_weights_by_value():
    layer = layers.Dense(3, name="d")
    layer.build((None, 4))
    kernel, bias = layer.get_weights()
    layer.set_weights([kernel + 1, bias + 2])
    np.testing.assert_allclose(layer.get_weights()[0], kernel + 1)
    with pytest.raises(ValueError, match=r"layer 'd' with a weight list of length 1, .* expecting 2"):
        layer.set_weights([kernel])
    with pytest.raises(ValueError, match=r"Layer d weight shape \(3,\) .* provided weight shape \(2,\)"):
        layer.set_weights([kernel, np.zeros(2)])
    np.testing.assert_allclose(layer.get_weights()[0], kernel + 1)
    store = {}
    layer.save_own_variables(store)
    other = layers.Dense(3)
    with pytest.raises(ValueError, match="never built"):
        other.load_own_variables(store)
    other.build((None, 4))
    other.load_own_variables(store)
    np.testing.assert_array_equal(other.kernel.numpy(), layer.kernel.numpy())
    with pytest.raises(ValueError, match="expected 2 variables, but received 1"):
        other.load_own_variables({"0": kernel})


def test_add_weight():
    layer = layers.Layer(name="l")
    assert tuple(layer.add_weight(shape=3).shape) == (3,)
    assert layer.add_weight().shape == ()
    assert layer.add_weight((2,), dtype="int64").dtype == "int64"
    weight = layer.add_weight((2, 3), initializer=lambda shape, dtype: np.full(shape, 7, dtype), regularizer="l1")
    np.testing.assert_array_equal(weight.numpy(), np.full((2, 3), 7))
    assert len(layer.weights) == 4
    with pytest.raises(ValueError, match=r"fully-defined.*\(None, 3\).*'l/k'"):
        layer.add_weight((None, 3), name="k")
    with pytest.raises(TypeError, match="foo"):
        layer.add_weight((2,), foo=1)
    with pytest.raises(ValueError, match="overwrite_with_gradient"):
        layer.add_weight((2,), overwrite_with_gradient=True)
    frozen = layers.Layer(trainable=False)
    assert not frozen.add_weight((2,)).trainable


def test_add_loss():
    class WithLoss(layers.Layer):
        def call(self, x):
            self.add_loss(ops.sum(x))
            self.add_loss([ops.max(x)])
            return x

    layer = WithLoss()
    outer = keras.Sequential([layer])
    x = np.ones((2, 3), "float32")
    outer(x)
    outer(x)
    assert [float(loss) for loss in outer.losses] == [6.0, 1.0]
    outer(keras.Input((3,)))
    assert layer.losses == []


def test_errors_in_call():
    class Broken(layers.Layer):
        def call(self, x, flag=False):
            raise ValueError("the reason")

    class Outer(layers.Layer):
        def __init__(self):
            super().__init__(name="outer")
            self.inner = Broken(name="inner")

        def call(self, x):
            return self.inner(x, flag=True)

    with pytest.raises(ValueError) as info:  # noqa: PT011
        Outer()(np.ones((2, 3), "float32"))
    message = str(info.value)
    assert "Broken.call() of layer 'inner'" in message
    assert "the reason" in message
    assert "x=Tensor(shape=(2, 3), dtype=float32)" in message
    assert "flag=True" in message
    assert "outer" not in message

    class NoCall(layers.Layer):
        pass

    with pytest.raises(NotImplementedError, match="NoCall"):
        NoCall()(np.ones(2, "float32"))


def test_forgotten_super():
    class Forgotten(layers.Layer):
        def __init__(self):
            self.value = 3

    with pytest.raises(RuntimeError, match=r"In layer 'Forgotten', you forgot to call `super\(\).__init__\(\)`"):
        Forgotten()(np.ones(2, "float32"))

    class ForgottenToo(layers.Layer):
        def __init__(self):
            self.dense = layers.Dense(2)

    with pytest.raises(RuntimeError, match="ForgottenToo"):
        ForgottenToo()


def test_configuration_of_own_layers():
    layer = Scale(3.0, name="s")
    config = layer.get_config()
    assert (config["factor"], config["name"]) == (3.0, "s")
    assert Scale.from_config(config).factor == 3.0
    data = layers.serialize(layer)
    assert data["module"] is None
    with pytest.raises(TypeError, match="Could not locate class 'Scale'"):
        layers.deserialize(data)
    assert layers.deserialize(data, custom_objects={"Scale": Scale}).factor == 3.0

    class Complicated(layers.Layer):
        def __init__(self, thing):
            super().__init__()

    with pytest.raises(NotImplementedError, match="`thing`"):
        Complicated(object()).get_config()
    assert "thing" in Complicated(3).get_config()
    with pytest.raises(TypeError, match="class 'Dense' using config"):
        layers.Dense.from_config({"foo": 1})


def test_automatic_names():
    reset_names()
    assert [layers.Dense(1).name for _ in range(2)] == ["dense", "dense_1"]
    assert layers.LeakyReLU().name == "leaky_re_lu"
    assert layers.PReLU().name == "p_re_lu"
    assert layers.MaxPooling2D().name == "max_pooling2d"
    assert layers.GlobalAveragePooling2D().name == "global_average_pooling2d"
    assert layers.Conv2D(1, 1).name == "conv2d"
    assert repr(layers.Dense(1, name="d")) == "<Dense name=d, built=False>"


def test_several_arguments():
    class Mix(layers.Layer):
        def build(self, a_shape, b_shape):
            self.shapes = (a_shape, b_shape)

        def call(self, a, b, scale=1.0):
            return (a + b) * scale

    layer = Mix()
    x = np.ones((2, 3), "float32")
    np.testing.assert_array_equal(layer(x, b=x, scale=2.0).numpy(), 4 * x)
    assert layer.shapes == ((2, 3), (2, 3))
    assert layer(keras.Input((3,)), keras.Input((3,))).shape == (None, 3)
    assert layer.compute_output_shape(a_shape=(None, 3), b_shape=(None, 3)) == (None, 3)

    class Outputs(layers.Layer):
        def call(self, x):
            return {"twice": x * 2, "first": x[:, 0]}

    y = Outputs()(keras.Input((3,)))
    assert y["twice"].shape == (None, 3)
    assert y["first"].shape == (None,)


def test_input_and_output():
    layer = layers.Dense(2, name="k")
    with pytest.raises(AttributeError, match="The layer k has never been called"):
        _ = layer.input
    x = keras.Input((3,))
    y = layer(x)
    assert layer.input is x
    assert layer.output is y
    layer(x)
    with pytest.raises(ValueError, match="multiple inbound nodes"):
        _ = layer.output


def test_input_shape_argument():
    with pytest.warns(UserWarning, match="input_shape"):
        layer = layers.Dense(2, input_shape=(3,))
    assert keras.Sequential([layer]).built
    with pytest.warns(UserWarning, match="input_dim"):
        assert keras.Sequential([layers.Dense(2, input_dim=3)]).input_shape == (None, 3)


def test_input_spec():
    spec = layers.InputSpec(dtype="int32", max_ndim=3, min_ndim=2, axes={-1: 4})
    assert "max_ndim=3" in repr(spec)
    assert layers.InputSpec.from_config(spec.get_config()).axes == {-1: 4}
    layer = layers.Identity(name="i")
    layer.input_spec = [spec, layers.InputSpec(shape=(None, 2), optional=True)]
    x, y = np.zeros((2, 4), "int32"), np.zeros((2, 2), "float32")
    layer([x, y])
    for inputs, message in (
        ([x], "expected 2 input"),
        ([x.astype("float32"), y], "expected dtype=int32, found dtype=float32"),
        ([x.reshape(1, 1, 2, 4), y], "max_ndim=3"),
        ([x[0], y], "min_ndim=2"),
        ([x[:, :2], y], "value 4"),
        ([x, x], r"Input 1 of layer 'i'.*expected shape=\(None, 2\), found shape=\(2, 4\)"),
    ):
        with pytest.raises(ValueError, match=message):
            layer(inputs)
    with pytest.raises(TypeError, match="`axes`"):
        layers.InputSpec(axes=3)
    squeezable = layers.InputSpec(shape=(None, 1), allow_last_axis_squeeze=True)
    assert squeezable.mismatch(np.zeros(3)) is None
    assert layers.InputSpec(shape=(None,), allow_last_axis_squeeze=True).mismatch(np.zeros((3, 1))) is None


def test_call_inside_function_and_tape():
    layer = layers.Dense(1, use_bias=False, kernel_initializer="ones")

    @keras.function
    def step(x):
        with keras.GradientTape() as tape:
            loss = ops.sum(layer(x))
        gradient = tape.gradient(loss, layer.kernel)
        layer.kernel.assign_sub(0.1 * gradient)
        return loss

    x = np.ones((2, 3), "float32")
    assert float(step(x)) == 6.0
    np.testing.assert_allclose(layer.kernel.numpy(), np.full((3, 1), 0.8), rtol=1e-6)
    np.testing.assert_allclose(float(step(x)), 4.8, rtol=1e-6)


def test_containers_are_looked_through_where_they_may_change():
    class Holder(layers.Layer):
        def __init__(self):
            super().__init__()
            self.sizes = (3, (2, "same"))
            self.pair = (layers.Dense(1, name="a"), (layers.Dense(1, name="b"),))
            self.inside = (1, [])

    holder = Holder()
    holder.inside[1].append(layers.Dense(1, name="c"))
    assert [layer.name for layer in holder._layers] == ["a", "b", "c"]
    holder.inside = (2, 3)
    assert [layer.name for layer in holder._layers] == ["a", "b"]
    tracker = holder._tracker
    assert tracker.of("layer") is tracker.of("layer")  # nothing can have changed: not looked through again


def test_device_of_a_model_is_that_of_any_variable():
    model = keras.Sequential([keras.Input((2,)), layers.Dropout(0.5), layers.Dense(1)])
    assert any(model._any_variable() is variable for variable in model.variables)
    inner = keras.Sequential([keras.Input((2,)), layers.Dropout(0.5, seed=1)])
    assert inner._any_variable() is inner.variables[0]  # a seed's state
    assert layers.Flatten()._any_variable() is None

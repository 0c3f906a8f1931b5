"""Variables, GradientTape, traced functions, random numbers."""

from __future__ import annotations

import gc
import random as python_random
import weakref

import numpy as np
import pytest

import pyneural as keras
from pyneural import ops, random


def test_variable_from_values():
    v = keras.Variable(np.zeros((2, 3)), name="v")
    assert (tuple(v.shape), v.dtype, v.ndim, v.name, v.path, v.trainable) == ((2, 3), "float32", 2, "v", "v", True)
    assert keras.Variable([1.0, 2.0]).dtype == "float32"
    assert keras.Variable(1).dtype == "int32"
    assert keras.Variable(ops.ones(2)).dtype == "float32"
    assert keras.Variable(np.zeros(2), dtype="float64").dtype == "float64"
    assert keras.Variable(np.zeros(2, "int64")).dtype == "int64"
    assert not keras.Variable(1.0, trainable=False).trainable
    assert keras.Variable(1.0).name.startswith("variable")
    assert "path=v, shape=(2, 3), dtype=float32, value=[[0. 0. 0.]" in repr(v)


def test_variable_from_initializers():
    for initializer in (
        "ones",
        keras.initializers.Ones,
        keras.initializers.Ones(),
        lambda shape, dtype: np.ones(shape),
    ):
        v = keras.Variable(initializer, shape=(2, 3))
        np.testing.assert_array_equal(v.numpy(), np.ones((2, 3)))
        assert v.dtype == "float32"
    assert tuple(keras.Variable("zeros", shape=3).shape) == (3,)


def test_variable_assignment():
    v = keras.Variable([1.0, 2.0])
    v.assign([3.0, 4.0])
    v.assign_add(np.ones(2))
    v.assign_sub([0.5, 0.5])
    np.testing.assert_allclose(v.numpy(), [3.5, 4.5])
    v.assign(np.array([1, 2]))
    assert v.dtype == "float32"
    np.testing.assert_allclose((v * 2 + 1).numpy(), [3, 5])
    np.testing.assert_allclose((1 - v).numpy(), [0, -1])
    with pytest.raises(ValueError, match="shape"):
        v.assign(np.zeros(3))


def test_variables_in_cycles_are_freed():
    v = keras.Variable(1.0)
    v.extra = [v]
    alive = weakref.ref(v)
    del v
    gc.collect()
    assert alive() is None


def test_models_are_freed():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), keras.layers.Dropout(0.1)])
    model.compile("adam", "mse")
    model.fit(np.ones((4, 3), "float32"), np.ones((4, 2), "float32"), verbose=0)
    alive = [weakref.ref(x) for x in (model, *model.variables, *model.optimizer.variables)]
    del model
    gc.collect()
    assert [ref() for ref in alive if ref() is not None] == []


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        (("foo",), {}, "Could not interpret initializer identifier: foo"),
        (("zeros",), {}, "the `shape` argument should be specified"),
        (("zeros",), {"shape": (None, 2)}, r"fully-defined.*\(None, 2\)"),
        ((np.zeros(2),), {"shape": (3,)}, r"shape \(2,\), expected \(3,\)"),
        ((1.0,), {"name": "a/b"}, "cannot contain"),
        ((1.0,), {"dtype": "foo"}, "foo"),
    ],
)
def test_variable_errors(args, kwargs, message):
    with pytest.raises(ValueError, match=message):
        keras.Variable(*args, **kwargs)


def test_tape():
    v = keras.Variable([1.0, 2.0])
    x = ops.convert_to_tensor([3.0, 4.0])
    with keras.GradientTape() as tape:
        tape.watch(x)
        y = ops.sum(v * v * x)
    gradients = tape.gradient(y, {"v": v, "rest": [x]})
    np.testing.assert_allclose(gradients["v"].numpy(), [6, 16])
    np.testing.assert_allclose(gradients["rest"][0].numpy(), [1, 4])
    with pytest.raises(RuntimeError, match="persistent"):
        tape.gradient(y, v)
    tape.reset()


def test_persistent_tape():
    v = keras.Variable(3.0)
    with keras.GradientTape(persistent=True) as tape:
        y = v * v
        z = y * v
    assert float(tape.gradient(y, v)) == 6
    assert float(tape.gradient(z, v)) == 27
    assert float(tape.gradient([y, z], [v], output_gradients=[2.0 * ops.ones(()), ops.ones(())])[0]) == 39


def test_unconnected():
    v, w = keras.Variable(3.0), keras.Variable([1.0, 2.0])
    with keras.GradientTape(persistent=True) as tape:
        y = v * v
    assert tape.gradient(y, w) is None
    np.testing.assert_array_equal(tape.gradient(y, w, unconnected_gradients="zero").numpy(), [0, 0])
    with pytest.raises(ValueError, match="unconnected_gradients"):
        tape.gradient(y, v, unconnected_gradients="foo")


def test_watched_only():
    v, w = keras.Variable(3.0), keras.Variable(2.0)
    with keras.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(v)
        y = v * w
    assert [g if g is None else float(g) for g in tape.gradient(y, [v, w])] == [2.0, None]
    with pytest.raises(TypeError, match="Only tensors and variables"):
        keras.GradientTape().watch(3.0)
    with keras.GradientTape() as tape, pytest.raises(ValueError, match="already recording"):
        tape.__enter__()


def test_nested_tapes():
    v = keras.Variable(3.0)
    with keras.GradientTape() as outer:
        with keras.GradientTape() as inner:
            y = v * v * v
        first = inner.gradient(y, v)
    assert float(first) == 27
    assert float(outer.gradient(first, v)) == 18


def test_function():
    calls = []
    total = keras.Variable(0.0)

    @keras.function
    def f(x, options, scale=2):
        calls.append(x.shape)
        total.assign_add(ops.sum(x))
        return {"y": x * scale, "z": (options["w"] + 1.0, None, "text")}

    x = np.ones((2, 3), "float32")
    for _ in range(3):
        result = f(x, {"w": x})
    np.testing.assert_array_equal(result["y"].numpy(), 2 * x)
    np.testing.assert_array_equal(result["z"][0].numpy(), x + 1)
    assert result["z"][1:] == (None, "text")
    assert float(total.numpy()) == 18
    assert len(calls) == 1
    f(x, {"w": x}, scale=3)
    f(x, {"w": x}, scale=3.0)
    f(x[:1], {"w": x})
    assert len(calls) == 4
    assert f.__name__ == f.name == "f"
    with pytest.raises(TypeError, match="hashable"):
        f(x, {"w": x}, scale={1, 2})


def test_function_in_tape_and_function():
    v = keras.Variable(3.0)

    @keras.function(name="square")
    def square(x):
        return x * v

    @keras.function
    def outer(variable):
        with keras.GradientTape() as tape:
            y = square(variable * 2.0)
        return tape.gradient(y, variable)

    assert square.name == "square"
    with keras.GradientTape() as tape:
        y = square(ops.ones(()))
    assert float(tape.gradient(y, v)) == 1
    assert float(outer(v)) == 12
    w = keras.Variable(1.0)
    assert float(outer(w)) == 6


def test_method_as_function():
    class Counter:
        def __init__(self):
            self.count = keras.Variable(0.0)

        @keras.function
        def add(self, x):
            self.count.assign_add(x)
            return self.count

    first, second = Counter(), Counter()
    first.add(np.float32(1))
    assert float(first.add(np.float32(2))) == 3
    assert float(second.add(np.float32(5))) == 5
    assert isinstance(Counter.add, type(keras.function(lambda x: x)))


def test_draws():
    shape = (200, 100)
    x = random.normal(shape, 1.0, 2.0, seed=1).numpy()
    assert abs(x.mean() - 1) < 0.05
    assert abs(x.std() - 2) < 0.05
    np.testing.assert_array_equal(x, random.normal(shape, 1.0, 2.0, seed=1).numpy())
    x = random.truncated_normal(shape, seed=1).numpy()
    assert abs(x).max() <= 2
    x = random.uniform(shape, -1, 3, seed=1).numpy()
    assert -1 <= x.min() < -0.99
    assert 2.99 < x.max() < 3
    x = random.randint(shape, 2, 5, seed=1).numpy()
    assert set(np.unique(x)) == {2, 3, 4}
    assert random.uniform(shape, 2, 5, "int64", seed=1).dtype == "int64"
    x = random.shuffle(np.arange(50), seed=1).numpy()
    assert sorted(x) == list(range(50))
    assert (x != np.arange(50)).any()
    x = random.categorical(np.log([[0.25, 0.75], [1.0, 1e-9]]).astype("float32"), 2000, seed=1).numpy()
    assert abs(x[0].mean() - 0.75) < 0.05
    assert x[1].sum() == 0


def test_seeds():
    python_random.seed(3)
    random.reset_global_seed_generator()
    a = random.normal((3,)).numpy()
    b = random.normal((3,)).numpy()
    assert (a != b).any()
    python_random.seed(3)
    random.reset_global_seed_generator()
    np.testing.assert_array_equal(random.normal((3,)).numpy(), a)
    generator = random.SeedGenerator(7, name="g")
    first, second = generator.next().numpy(), generator.next().numpy()
    assert first.tolist() == [7, 0]
    assert second.tolist() == [7, 1]
    assert random.SeedGenerator.from_config(generator.get_config()).next().numpy().tolist() == [7, 0]
    np.testing.assert_array_equal(
        random.normal((3,), seed=random.SeedGenerator(7)).numpy(), random.normal((3,), seed=7).numpy()
    )
    for bad in ("a", 1.5):
        with pytest.raises(ValueError, match="`seed`"):
            random.normal((3,), seed=bad)
        with pytest.raises(ValueError, match="`seed`"):
            random.SeedGenerator(bad)
    with pytest.raises(ValueError, match="Unrecognized"):
        random.SeedGenerator(1, foo=2)

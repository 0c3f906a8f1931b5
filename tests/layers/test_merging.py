"""Layers of several inputs."""

from __future__ import annotations

import numpy as np
import pytest

import pyneural as keras
from pyneural import layers
from tests.layers.run_layer_test import run_layer_test


@pytest.mark.parametrize(
    ("cls", "function", "reference"),
    [
        (layers.Add, layers.add, lambda a, b: a + b),
        (layers.Subtract, layers.subtract, lambda a, b: a - b),
        (layers.Multiply, layers.multiply, lambda a, b: a * b),
        (layers.Average, layers.average, lambda a, b: (a + b) / 2),
        (layers.Maximum, layers.maximum, np.maximum),
        (layers.Minimum, layers.minimum, np.minimum),
    ],
)
def test_elementwise(cls, function, reference):
    for shapes, output in (
        ([(None, 3, 4), (None, 3, 4)], (None, 3, 4)),
        ([(None, 3, 4), (None, 1, 4)], (None, 3, 4)),
        ([(None, 3, 4), (None, 4)], (None, 3, 4)),
    ):

        def expected(xs):
            a, b = xs
            return reference(a, b if b.ndim == 3 else b[:, None])

        run_layer_test(cls, {}, shapes, output, reference=expected)
    x = [np.full((2, 2), v, "float32") for v in (1.0, 3.0)]
    np.testing.assert_allclose(function(x).numpy(), reference(*x))


def test_three_inputs():
    shapes = [(None, 4)] * 3
    run_layer_test(layers.Add, {}, shapes, (None, 4), reference=lambda xs: xs[0] + xs[1] + xs[2])
    run_layer_test(layers.Average, {}, shapes, (None, 4), reference=lambda xs: (xs[0] + xs[1] + xs[2]) / 3)


@pytest.mark.parametrize(("axis", "shapes", "output"), [
    (-1, [(None, 3, 4), (None, 3, 2)], (None, 3, 6)),
    (1, [(None, 3, 4), (None, 2, 4)], (None, 5, 4)),
    (1, [(None, None, 4), (None, 2, 4)], (None, None, 4)),
])  # fmt: skip
def test_concatenate(axis, shapes, output):
    run_layer_test(layers.Concatenate, {"axis": axis}, shapes, output, reference=lambda xs: np.concatenate(xs, axis))
    x = [np.ones((2, 2), "float32")] * 2
    assert layers.concatenate(x, axis=0).shape == (4, 2)


@pytest.mark.parametrize(
    ("axes", "shapes", "output", "equation"),
    [
        (1, [(None, 4), (None, 4)], (None, 1), "bi,bi->b"),
        (-1, [(None, 3, 4), (None, 5, 4)], (None, 3, 5), "bij,bkj->bik"),
        ((2, 1), [(None, 3, 4), (None, 4, 5)], (None, 3, 5), "bij,bjk->bik"),
        ((1, 2), [(None, 4, 3), (None, 5, 4, 2)], None, None),
        ((2, 1), [(None, 3, 4), (None, 4)], (None, 3), "bij,bj->bi"),
    ],
)
def test_dot(axes, shapes, output, equation):
    if equation is None:
        output = (None, 3, 5, 2)
        equation = "bji,bkjl->bikl"

    def reference(xs, normalize=False):
        if normalize:
            a, b = (axes, axes) if isinstance(axes, int) else axes
            xs = [x / np.linalg.norm(x, axis=axis, keepdims=True) for x, axis in zip(xs, (a, b))]
        y = np.einsum(equation, *xs)
        return y if y.ndim > 1 else y[:, None]

    run_layer_test(layers.Dot, {"axes": axes}, shapes, output, reference=reference)
    kwargs = {"axes": axes, "normalize": True}
    run_layer_test(layers.Dot, kwargs, shapes, output, reference=lambda xs: reference(xs, True))


def test_dot_function():
    assert layers.dot([np.ones((2, 3), "float32")] * 2, axes=1).shape == (2, 1)


def inputs(*shapes):
    return [keras.Input(shape) for shape in shapes]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: layers.Add()(keras.Input((8,))), ValueError, "should be called on a list of inputs"),
        (lambda: layers.Add()(inputs((8,), (7,))), ValueError, r"incompatible shapes.*\(8,\) and \(7,\)"),
        (lambda: layers.Subtract()(inputs((8,), (8,), (8,))), ValueError, "exactly 2 inputs"),
        (lambda: layers.Concatenate()(inputs((8, 2), (7, 2))), ValueError, "matching shapes"),
        (lambda: layers.Concatenate()(inputs((8, 2), (7,))), ValueError, "matching shapes"),
        (lambda: layers.Concatenate(axis=3)(inputs((8, 2), (8, 2))), ValueError, "axis=3"),
        (lambda: layers.Concatenate()(keras.Input((8,))), ValueError, "list of inputs"),
        (lambda: layers.Dot(1)(inputs((8, 2), (7, 2))), ValueError, r"axis values 8 \(at axis 1\) != 7"),
        (lambda: layers.Dot(1)(inputs((8, 2), (8, 2), (8, 2))), ValueError, "list of 2 inputs"),
        (lambda: layers.Dot("a"), TypeError, "`axes`"),
        (lambda: layers.Dot(1.5), TypeError, "`axes`"),
        (lambda: layers.Dot((1, 2, 3)), ValueError, "two elements"),
        (lambda: layers.Dot((1, "a")), ValueError, "integers"),
        (
            lambda: layers.Add()([keras.Input((8,), batch_size=2), keras.Input((8,), batch_size=3)]),
            ValueError,
            "different batch sizes",
        ),
    ],
)
def test_errors(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_errors_of_built_layers():
    layer = layers.Add(name="a")
    layer(inputs((8,), (8,)))
    with pytest.raises(ValueError, match=r"layer 'a'(.|\n)*list of inputs"):
        layer(np.zeros((2, 8), "float32"))
    layer = layers.Concatenate(name="c")
    layer(inputs((8,), (8,)))
    with pytest.raises(ValueError, match=r"layer 'c'(.|\n)*list of inputs"):
        layer(np.zeros((2, 8), "float32"))

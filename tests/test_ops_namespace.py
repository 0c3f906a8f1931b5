"""The functions of `ops` against NumPy: eagerly, and their shapes in the functional API."""

from __future__ import annotations

import numpy as np
import pytest

import pyneural as keras
from pyneural import ops

RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, 4)).astype("float32")
Y = RNG.normal(size=(3, 4)).astype("float32")
P = np.abs(X) + 0.5
INDICES = RNG.integers(0, 4, (3, 2))
IMAGES = RNG.normal(size=(2, 5, 6, 3)).astype("float32")


def erf(x):
    from math import erf as one

    return np.vectorize(one)(x)


def softmax(x, axis=-1):
    e = np.exp(x)
    return e / e.sum(axis, keepdims=True)


UNARY = {
    "negative": np.negative, "absolute": np.abs, "abs": np.abs, "sign": np.sign, "exp": np.exp, "expm1": np.expm1,
    "square": np.square, "reciprocal": np.reciprocal, "sin": np.sin, "cos": np.cos, "tan": np.tan, "sinh": np.sinh,
    "cosh": np.cosh, "tanh": np.tanh, "arctan": np.arctan, "erf": erf, "floor": np.floor, "ceil": np.ceil,
    "round": np.round, "logical_not": np.logical_not, "isnan": np.isnan, "isinf": np.isinf, "isfinite": np.isfinite,
    "ravel": np.ravel, "copy": np.copy, "zeros_like": np.zeros_like, "ones_like": np.ones_like, "sum": np.sum,
    "mean": np.mean, "prod": np.prod, "max": np.max, "min": np.min, "var": np.var, "std": np.std, "all": np.all,
    "any": np.any, "argmax": np.argmax, "argmin": np.argmin, "count_nonzero": np.count_nonzero, "cumsum": np.cumsum,
    "transpose": np.transpose, "flip": np.flip, "tril": np.tril, "triu": np.triu, "nan_to_num": np.nan_to_num,
    "sort": np.sort, "argsort": np.argsort, "amax": np.max, "amin": np.min, "norm": np.linalg.norm,
    "average": np.average, "stop_gradient": np.copy,
    "logsumexp": lambda x: np.log(np.exp(x).sum()),
}  # fmt: skip
POSITIVE = {"log": np.log, "log1p": np.log1p, "log2": np.log2, "log10": np.log10, "sqrt": np.sqrt}
BINARY = {
    "add": np.add, "subtract": np.subtract, "multiply": np.multiply, "divide": np.divide,
    "true_divide": np.true_divide, "floor_divide": np.floor_divide, "mod": np.mod, "maximum": np.maximum,
    "minimum": np.minimum, "arctan2": np.arctan2, "equal": np.equal, "not_equal": np.not_equal, "less": np.less,
    "less_equal": np.less_equal, "greater": np.greater, "greater_equal": np.greater_equal,
    "logical_and": np.logical_and, "logical_or": np.logical_or, "logical_xor": np.logical_xor,
    "logaddexp": np.logaddexp, "isclose": np.isclose, "allclose": np.allclose, "outer": np.outer,
}  # fmt: skip
CALLS = [
    ("rsqrt", (P,), {}, 1 / np.sqrt(P)),
    ("arcsin", (X / 4,), {}, np.arcsin(X / 4)),
    ("arccos", (X / 4,), {}, np.arccos(X / 4)),
    ("power", (P, 2.5), {}, P**2.5),
    ("where", (X > 0, X, Y), {}, np.where(X > 0, X, Y)),
    ("clip", (X, -0.5, 0.5), {}, np.clip(X, -0.5, 0.5)),
    ("cast", (X, "int32"), {}, X.astype("int32")),
    ("sum", (X,), {"axis": 1, "keepdims": True}, X.sum(1, keepdims=True)),
    ("mean", (X,), {"axis": (0, 1)}, X.mean()),
    ("argmax", (X,), {"axis": -1}, X.argmax(-1)),
    ("cumsum", (X,), {"axis": 1, "dtype": "float64"}, X.cumsum(1)),
    ("average", (X,), {"axis": 1, "weights": P}, np.average(X, axis=1, weights=P)),
    ("average", (X,), {"axis": 1, "weights": P[0]}, np.average(X, axis=1, weights=P[0])),
    ("moments", (X, 0), {}, (X.mean(0), X.var(0))),
    ("matmul", (X, Y.T), {}, X @ Y.T),
    ("dot", (X, Y.T), {}, X @ Y.T),
    ("dot", (X, Y[0]), {}, X @ Y[0]),
    ("dot", (X, np.float32(2)), {}, 2 * X),
    ("tensordot", (IMAGES, X.T[:3]), {"axes": 1}, np.tensordot(IMAGES, X.T[:3], 1)),
    ("tensordot", (X, Y), {"axes": [1, 1]}, np.tensordot(X, Y, [1, 1])),
    ("norm", (X,), {"ord": 1, "axis": 1}, np.abs(X).sum(1)),
    ("norm", (X,), {"ord": np.inf, "axis": 1, "keepdims": True}, np.abs(X).max(1, keepdims=True)),
    ("norm", (X,), {"ord": 3, "axis": 1}, np.linalg.norm(X, 3, 1)),
    ("nan_to_num", (np.array([np.nan, np.inf, -np.inf, 1], "float32"),), {"posinf": 2.0, "neginf": 3.0}, [0, 2, 3, 1]),
    ("nan_to_num", (INDICES,), {}, INDICES),
    ("isclose", (np.array([np.nan, 1.0]), np.array([np.nan, 2.0])), {"equal_nan": True}, [True, False]),
    ("reshape", (X, (2, -1)), {}, X.reshape(2, -1)),
    ("reshape", (X, -1), {}, X.reshape(-1)),
    ("expand_dims", (X, 1), {}, X[:, None]),
    ("squeeze", (X[:, None],), {"axis": 1}, X),
    ("transpose", (IMAGES, (0, 3, 1, 2)), {}, IMAGES.transpose(0, 3, 1, 2)),
    ("swapaxes", (IMAGES, 1, -1), {}, IMAGES.swapaxes(1, -1)),
    ("moveaxis", (IMAGES, 1, -1), {}, np.moveaxis(IMAGES, 1, -1)),
    ("moveaxis", (IMAGES, (0, 1), (2, 0)), {}, np.moveaxis(IMAGES, (0, 1), (2, 0))),
    ("broadcast_to", (X[0], (3, 4)), {}, np.broadcast_to(X[0], (3, 4))),
    ("concatenate", ([X, Y],), {"axis": 1}, np.concatenate([X, Y], 1)),
    ("stack", ([X, Y],), {"axis": 1}, np.stack([X, Y], 1)),
    ("hstack", ([X, Y],), {}, np.hstack([X, Y])),
    ("vstack", ([X, Y],), {}, np.vstack([X, Y])),
    ("unstack", (X,), {"axis": 1}, list(X.T)),
    ("split", (X, 2), {"axis": 1}, np.split(X, 2, 1)),
    ("split", (X, [1, 3]), {"axis": 1}, np.split(X, [1, 3], 1)),
    ("slice", (X, (1, 0), (2, 3)), {}, X[1:3, :3]),
    ("get_item", (X, (slice(None), 1)), {}, X[:, 1]),
    ("get_item", (X, [slice(None), 1]), {}, X[:, 1]),
    ("flip", (X,), {"axis": 1}, X[:, ::-1]),
    ("roll", (X, 1), {"axis": 1}, np.roll(X, 1, 1)),
    ("roll", (X, 5), {}, np.roll(X, 5)),
    ("roll", (X, 4), {"axis": 1}, X),
    ("pad", (X, 1), {}, np.pad(X, 1)),
    ("pad", (X, (1, 2)), {"constant_values": 3.0}, np.pad(X, (1, 2), constant_values=3)),
    ("pad", (X, ((1, 0), (0, 2))), {"mode": "reflect"}, np.pad(X, ((1, 0), (0, 2)), "reflect")),
    ("pad", (X, ((1, 0),)), {"mode": "symmetric"}, np.pad(X, ((1, 0),), "symmetric")),
    ("tile", (X, (2, 1)), {}, np.tile(X, (2, 1))),
    ("tile", (X, 2), {}, np.tile(X, 2)),
    ("repeat", (X, 2), {"axis": 1}, X.repeat(2, 1)),
    ("repeat", (X, 2), {}, X.repeat(2)),
    ("take", (X, [2, 0]), {"axis": 0}, X[[2, 0]]),
    ("take", (X, 5), {}, X.reshape(-1)[5]),
    ("take_along_axis", (X, INDICES), {"axis": 1}, np.take_along_axis(X, INDICES, 1)),
    ("take_along_axis", (X, INDICES[0]), {}, X.reshape(-1)[INDICES[0]]),
    ("top_k", (X, 2), {}, (-np.sort(-X)[:, :2], np.argsort(-X)[:, :2])),
    ("softmax", (X,), {"axis": 0}, softmax(X, 0)),
    ("softmax", (X,), {"axis": None}, np.exp(X) / np.exp(X).sum()),
    ("log_softmax", (X,), {"axis": (1,)}, np.log(softmax(X))),
    ("one_hot", (INDICES, 4), {}, np.eye(4)[INDICES]),
    ("one_hot", (INDICES, 4), {"axis": 1, "dtype": "int32"}, np.moveaxis(np.eye(4)[INDICES], -1, 1)),
    ("multi_hot", (INDICES, 4), {}, np.eye(4)[INDICES].max(1)),
    ("normalize", (X,), {}, X / np.linalg.norm(X, axis=-1, keepdims=True)),
    ("normalize", (X,), {"order": 1}, X / np.abs(X).sum(-1, keepdims=True)),
    ("rms_normalization", (X, Y[0]), {}, X / np.sqrt((X**2).mean(-1, keepdims=True)) * Y[0]),
    ("max_pool", (IMAGES, 5), {}, IMAGES[:, :5, :5].max((1, 2), keepdims=True)),
    ("average_pool", (IMAGES, (5, 6)), {}, IMAGES.mean((1, 2), keepdims=True)),
    ("batch_normalization", (X, Y[0], P[0], -1), {}, (X - Y[0]) / np.sqrt(P[0] + 1e-3)),
    (
        "layer_normalization",
        (X,),
        {},
        (X - X.mean(-1, keepdims=True)) / np.sqrt(X.var(-1, keepdims=True) + 1e-3),
    ),
]


def check(result, expected):
    if isinstance(expected, (list, tuple)) and isinstance(result, (list, tuple)):
        assert len(result) == len(expected)
        for r, e in zip(result, expected):
            check(r, e)
        return
    assert tuple(result.shape) == np.shape(expected)
    np.testing.assert_allclose(result.numpy(), expected, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("name", UNARY)
def test_unary(name):
    check(getattr(ops, name)(X), UNARY[name](X))
    assert getattr(ops, name)(keras.Input(batch_shape=(3, 4))).shape == np.shape(UNARY[name](X))
    assert getattr(ops, name).__doc__


@pytest.mark.parametrize("name", POSITIVE)
def test_positive(name):
    check(getattr(ops, name)(P), POSITIVE[name](P))


@pytest.mark.parametrize("name", BINARY)
def test_binary(name):
    check(getattr(ops, name)(X, Y), BINARY[name](X, Y))
    check(getattr(ops, name)(keras.Variable(X), 0.5), BINARY[name](X, np.float32(0.5)))
    symbol = getattr(ops, name)(keras.Input(batch_shape=(3, 4)), Y)
    assert symbol.shape == np.shape(BINARY[name](X, Y))


@pytest.mark.parametrize("i", range(len(CALLS)), ids=[f"{c[0]}{i}" for i, c in enumerate(CALLS)])
def test_calls(i):
    name, args, kwargs, expected = CALLS[i]
    function = getattr(ops, name)
    check(function(*args, **kwargs), expected)
    first = args[0]
    symbols = (
        [keras.Input(batch_shape=a.shape) for a in first]
        if isinstance(first, list)
        else keras.Input(batch_shape=first.shape, dtype=first.dtype)
    )
    result = function(symbols, *args[1:], **kwargs)
    model = keras.Model(symbols, result)
    check(model(first), expected)


def test_creation():
    check(ops.zeros((2, 3)), np.zeros((2, 3)))
    check(ops.ones(3, "int32"), np.ones(3))
    check(ops.empty((0, 2)), np.zeros((0, 2)))
    check(ops.full((2,), 7), [7, 7])
    check(ops.full_like(X, 2), np.full_like(X, 2))
    check(ops.arange(5), np.arange(5))
    check(ops.arange(1, 2, 0.25), np.arange(1, 2, 0.25))
    assert ops.arange(3).dtype == "int32"
    assert ops.arange(3.0).dtype == "float32"
    check(ops.linspace(0, 1, 5), np.linspace(0, 1, 5))
    values, step = ops.linspace(0, 1, 4, False, True)
    check(values, np.linspace(0, 1, 4, False))
    assert float(step) == 0.25
    check(ops.round(np.array([1.26, -0.34]), 1), np.array([1.3, -0.3]))
    assert ops.concatenate([np.zeros((2, 3)), np.zeros((1, 3))]).shape == (3, 3)
    check(ops.eye(3, 4, 1), np.eye(3, 4, 1))
    check(ops.identity(2), np.eye(2))


def test_conversion():
    x = ops.convert_to_tensor(X)
    assert ops.convert_to_tensor(x) is x
    assert ops.convert_to_tensor(x, "float32") is x
    assert ops.convert_to_tensor(x, "float64").dtype == "float64"
    assert ops.convert_to_tensor([1, 2], "float32").dtype == "float32"
    assert ops.array([1.0]).dtype == "float32"
    symbol = keras.Input((2,))
    assert ops.convert_to_tensor(symbol) is symbol
    assert ops.convert_to_tensor(symbol, "int32").dtype == "int32"
    assert ops.is_tensor(x)
    assert ops.is_tensor(symbol)
    assert not ops.is_tensor(X)
    assert ops.shape([[1, 2]]) == (1, 2)
    assert ops.ndim(X) == 2
    assert ops.size(X) == 12
    assert ops.dtype(1.5) == "float32"
    np.testing.assert_array_equal(ops.convert_to_numpy([1, 2]), [1, 2])
    np.testing.assert_array_equal(ops.convert_to_numpy(keras.Variable(X)), X)
    with pytest.raises(ValueError, match="Sparse"):
        ops.convert_to_tensor(X, sparse=True)


def test_convolutions():
    kernel = RNG.normal(size=(3, 3, 3, 4)).astype("float32")
    y = ops.conv(IMAGES, kernel, strides=2, padding="same").numpy()
    assert y.shape == (2, 3, 3, 4)
    first = ops.conv(IMAGES.transpose(0, 3, 1, 2), kernel, 2, "same", "channels_first").numpy()
    np.testing.assert_allclose(first, y.transpose(0, 3, 1, 2), rtol=1e-5, atol=1e-5)
    assert ops.conv(IMAGES, kernel[:, :, :1, :3]).shape == (2, 3, 4, 3)
    assert ops.depthwise_conv(IMAGES, kernel).shape == (2, 3, 4, 12)
    assert ops.separable_conv(IMAGES, kernel, RNG.normal(size=(1, 1, 12, 5)).astype("float32")).shape == (2, 3, 4, 5)
    assert ops.max_pool(IMAGES.transpose(0, 3, 1, 2), 2, data_format="channels_first").shape == (2, 3, 2, 3)
    assert ops.conv(keras.Input((5, 6, 3)), kernel).shape == (None, 3, 4, 4)
    with pytest.raises(ValueError, match="rank 4"):
        ops.conv(X, kernel)
    with pytest.raises(ValueError, match="in_channels 2"):
        ops.conv(IMAGES, kernel[:, :, :2])


def clipped(p):
    return np.clip(p, 1e-7, 1 - 1e-7)


def test_binary_crossentropy():
    target = (Y > 0).astype("float32")
    p = 1 / (1 + np.exp(-X))
    expected = -(target * np.log(p) + (1 - target) * np.log(1 - p))
    check(ops.binary_crossentropy(target, p), expected)
    check(ops.binary_crossentropy(target, X, from_logits=True), expected)
    with keras.GradientTape():
        check(ops.binary_crossentropy(target, ops.sigmoid(X)), expected)
    with pytest.raises(ValueError, match="same shape"):
        ops.binary_crossentropy(target[:2], p)


def test_categorical_crossentropy():
    target, p = softmax(Y), softmax(X)
    expected = -(target * np.log(p)).sum(-1)
    check(ops.categorical_crossentropy(target, p), expected)
    check(ops.categorical_crossentropy(target, 3 * p), expected)
    check(ops.categorical_crossentropy(target, X, from_logits=True), expected)
    check(ops.categorical_crossentropy(target.T, X.T, from_logits=True, axis=0), expected)
    check(ops.categorical_crossentropy(target.T, p.T, axis=0), expected)
    with keras.GradientTape():
        check(ops.categorical_crossentropy(target, ops.softmax(X)), expected)
    with pytest.raises(ValueError, match="same shape"):
        ops.categorical_crossentropy(target[:2], p)
    with pytest.raises(ValueError, match="rank 1"):
        ops.categorical_crossentropy(1.0, 1.0)


def test_sparse_categorical_crossentropy():
    labels, p = np.array([0, 3, 1]), softmax(X)
    expected = -np.log(p[np.arange(3), labels])
    check(ops.sparse_categorical_crossentropy(labels, p), expected)
    check(ops.sparse_categorical_crossentropy(labels[:, None], p), expected)
    check(ops.sparse_categorical_crossentropy(labels.astype("float32"), X, from_logits=True), expected)
    check(ops.sparse_categorical_crossentropy(labels, p.T, axis=0), expected)
    check(ops.sparse_categorical_crossentropy(labels, X.T, from_logits=True, axis=0), expected)
    with keras.GradientTape():
        check(ops.sparse_categorical_crossentropy(labels, ops.softmax(X)), expected)
    with pytest.raises(IndexError):
        ops.sparse_categorical_crossentropy(np.array([0, 4, 1]), p)
    with pytest.raises(ValueError, match="same shape up until"):
        ops.sparse_categorical_crossentropy(labels[:2], p)
    with pytest.raises(ValueError, match="rank 1"):
        ops.sparse_categorical_crossentropy(0, 1.0)


@pytest.mark.parametrize(
    "make",
    [
        lambda: ops.average(X, weights=P[0]),
        lambda: ops.tensordot(X, Y, 1),
        lambda: ops.pad(X, 1, "reflect", constant_values=1),
        lambda: ops.one_hot(INDICES, 3, sparse=True),
        lambda: ops.multi_hot(INDICES, 3, sparse=True),
        lambda: ops.layer_normalization(X, rms_scaling=True),
    ],
)
def test_errors(make):
    with pytest.raises(ValueError, match=r"."):
        make()
    with pytest.raises(NotImplementedError, match="synchronized"):
        ops.moments(X, 0, synchronized=True)

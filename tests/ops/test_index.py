"""What is special to looking elements up: repeated indices, ties, NaN, errors inside a plan."""

from __future__ import annotations

import numpy as np
import pytest

from pyneural import _core

rng = np.random.default_rng(10)


def gradient(function, x: np.ndarray) -> np.ndarray:
    t = _core.tensor(x)
    _core.watch(t)
    _core.start_recording()
    try:
        y = function(t)
    finally:
        _core.stop_recording()
    return np.asarray(_core.gradients([y], [t])[0])


def test_repeated_indices_add_up() -> None:
    indices = rng.integers(0, 7, 1000).astype("int32")
    for width in (1, 3, 64, 100, 200):
        grad = gradient(lambda t: _core.take(t, indices, 0), np.zeros((7, width), "float32"))
        np.testing.assert_array_equal(grad, np.repeat(np.bincount(indices, minlength=7)[:, None], width, 1))
    grad = gradient(lambda t: _core.take_along_axis(t, indices[None], 1), np.zeros((1, 7), "float32"))
    np.testing.assert_array_equal(grad[0], np.bincount(indices, minlength=7))


def test_error_names_the_index() -> None:
    with pytest.raises(IndexError, match="9"):
        _core.take(np.zeros((4, 2), "float32"), np.array([0, 9, 12], "int32"), 0)


def test_error_inside_a_plan() -> None:
    with _core.Trace() as trace:
        x = trace.input((4, 2), "float32")
        i = trace.input((3,), "int32")
        plan = trace.compile([_core.take(x, i, 0)])
    table = rng.normal(size=(4, 2)).astype("float32")
    np.testing.assert_array_equal(np.asarray(plan.run([table, np.array([3, -1, 0], "int32")])[0]), table[[3, -1, 0]])
    with pytest.raises(IndexError, match="4"):
        plan.run([table, np.array([0, 4, 0], "int32")])


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "int32", "int64", "float32", "float64"])
def test_sorting_is_stable(dtype: str) -> None:
    x = rng.integers(0, 5, (3, 4000)).astype(dtype)
    np.testing.assert_array_equal(np.asarray(_core.argsort(x)), np.argsort(x, kind="stable"))
    np.testing.assert_array_equal(np.asarray(_core.sort(x)), np.sort(x))
    values, positions = _core.top_k(x, 50)
    order = np.argsort(-x.astype("int64"), kind="stable")[:, :50]
    np.testing.assert_array_equal(np.asarray(positions), order)
    np.testing.assert_array_equal(np.asarray(values), np.take_along_axis(x, order, 1))


def test_nan_sorts_last_and_is_largest() -> None:
    x = np.array([2, np.nan, -np.inf, 1, np.nan, np.inf], "float32")
    np.testing.assert_array_equal(np.asarray(_core.sort(x)), np.sort(x))
    np.testing.assert_array_equal(np.asarray(_core.argsort(x)), [2, 3, 0, 5, 1, 4])
    np.testing.assert_array_equal(np.asarray(_core.top_k(x, 3)[1]), [1, 4, 5])


@pytest.mark.parametrize("threads", [1, 3])
def test_one_hot_in_pieces(threads: int, many_threads) -> None:
    many_threads(threads)
    classes = rng.integers(-1, 12, (3000, 4))
    wanted = np.arange(10) == classes[..., None]
    np.testing.assert_array_equal(np.asarray(_core.one_hot(classes, 10)), wanted.astype("float32"))
    np.testing.assert_array_equal(np.asarray(_core.one_hot(classes, 10, 1)), np.moveaxis(wanted, 2, 1))


@pytest.mark.parametrize("length", [1, 2, 255, 256, 257, 512, 513, 2047, 2048, 2049, 4097, 6200])
def test_sorting_rows_of_every_length(length: int) -> None:
    x = rng.integers(0, 1000, (2, length)).astype("float32")
    x[:, length // 2] = np.nan
    np.testing.assert_array_equal(np.asarray(_core.sort(x)), np.sort(x))
    np.testing.assert_array_equal(np.asarray(_core.argsort(x)), np.argsort(x, kind="stable"))
    np.testing.assert_array_equal(np.asarray(_core.top_k(x, 1)[1])[:, 0], np.full(2, length // 2))


@pytest.mark.parametrize(("rows", "width"), [(3, 1), (5000, 1), (40, 130), (33, 128), (300, 16)])
def test_gradient_of_many_rows(rows: int, width: int) -> None:
    """Around the tiles of the result that are summed together; -1 is the last row."""
    indices = rng.integers(-1, rows, 1500).astype("int32")
    weights = rng.integers(-4, 5, (1500, width)).astype("float32")
    wanted = np.zeros((rows, width), "float32")
    np.add.at(wanted, indices, weights)
    grad = gradient(lambda t: _core.multiply(_core.take(t, indices, 0), weights), np.zeros((rows, width), "float32"))
    np.testing.assert_array_equal(grad, wanted)
    if width == 1:
        table = np.zeros((2, rows), "float32")
        both = np.stack([indices, indices[::-1]])
        grad = gradient(lambda t: _core.multiply(_core.take_along_axis(t, both, 1), weights.T), table)
        np.testing.assert_array_equal(grad[0], wanted[:, 0])
        np.add.at(table[1], indices[::-1], weights[:, 0])
        np.testing.assert_array_equal(grad[1], table[1])


def test_error_names_the_first_index() -> None:
    indices = np.full(1000, 7, "int32")
    indices[:3] = 0
    indices[3] = -5
    with pytest.raises(IndexError, match="-5"):
        _core.take(np.zeros((4, 2), "float32"), indices, 0)

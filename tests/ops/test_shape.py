"""What is special to movement: operands in lists, views, packing, every dtype, random permutations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyneural import _core

rng = np.random.default_rng(9)


def gradients(function, xs: list[np.ndarray], seed: np.ndarray) -> list[np.ndarray]:
    tensors = [_core.tensor(x) for x in xs]
    for t in tensors:
        _core.watch(t)
    _core.start_recording()
    try:
        y = function(tensors)
    finally:
        _core.stop_recording()
    return [np.asarray(g) for g in _core.gradients([y], tensors, [_core.tensor(seed)])]


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_gradient_of_concatenate_and_stack(axis: int) -> None:
    xs = [rng.normal(size=(2, 3)).astype("float32") for _ in range(3)]
    seed = rng.normal(size=np.concatenate(xs, axis).shape).astype("float32")
    for grad, part in zip(
        gradients(lambda t: _core.concatenate(t, axis), xs, seed), np.split(seed, 3, axis), strict=True
    ):
        np.testing.assert_array_equal(grad, part)
    seed = rng.normal(size=np.stack(xs, axis).shape).astype("float32")
    for i, grad in enumerate(gradients(lambda t: _core.stack(t, axis), xs, seed)):
        np.testing.assert_array_equal(grad, np.take(seed, i, axis))


def test_pack_lays_operands_at_their_offsets() -> None:
    xs = [rng.normal(size=s).astype("float32") for s in [(3,), (2, 2), (0,), ()]]
    offsets = [0, 64, 128, 132]
    flat = np.asarray(_core.pack(xs, offsets, 192))
    wanted = np.zeros(48, "float32")
    for x, offset in zip(xs, offsets, strict=True):
        wanted[offset // 4 : offset // 4 + x.size] = np.ravel(x)
    np.testing.assert_array_equal(flat, wanted)
    for grad, x, offset in zip(
        gradients(lambda t: _core.pack(t, offsets, 192), xs, np.arange(48, dtype="float32")), xs, offsets, strict=True
    ):
        np.testing.assert_array_equal(grad, (offset // 4 + np.arange(x.size)).reshape(x.shape))


@pytest.mark.parametrize(
    ("offsets", "total", "message"), [([0, 8], 64, "ascend"), ([0, 62], 128, "ascend"), ([0, 64], 68, "fit")]
)
def test_pack_rejects_bad_offsets(offsets: list[int], total: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _core.pack([np.zeros(3, "float32"), np.zeros(3, "float32")], offsets, total)


def test_concatenate_promotes() -> None:
    x, y = rng.normal(size=(2, 2)).astype("float32"), np.array([[3, 4]], "int32")
    joined = np.asarray(_core.concatenate([x, y], 0))
    assert joined.dtype == "float32"
    np.testing.assert_array_equal(joined, np.concatenate([x, y.astype("float32")]))


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"])
def test_transpose_of_every_size(dtype: str) -> None:
    for rows in (1, 3, 4, 5, 15, 16, 17, 63, 64, 65, 145, 257):
        for columns in (1, 4, 7, 8, 9, 16, 33, 64, 66, 129):
            x = rng.integers(0, 100, (2, rows, columns)).astype(dtype)
            np.testing.assert_array_equal(np.asarray(_core.transpose(x, [0, 2, 1])), x.transpose(0, 2, 1))


def test_large_moves_cut_into_chunks() -> None:
    x = rng.normal(size=(700, 900)).astype("float32")
    np.testing.assert_array_equal(np.asarray(_core.transpose(x)), x.T)
    np.testing.assert_array_equal(np.asarray(_core.flip(x)), x[::-1, ::-1])
    np.testing.assert_array_equal(np.asarray(_core.concatenate([x, x], 1)), np.concatenate([x, x], 1))
    np.testing.assert_array_equal(
        np.asarray(_core.broadcast_to(x[:, :1], (700, 900))), np.broadcast_to(x[:, :1], x.shape)
    )
    flat = rng.normal(size=200001).astype("float32")
    np.testing.assert_array_equal(np.asarray(_core.flip(flat)), flat[::-1])
    np.testing.assert_array_equal(np.asarray(_core.pad(flat, [(3, 4)])), np.pad(flat, (3, 4)))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=0, max_size=6), st.randoms(use_true_random=False))
def test_any_permutation(shape: list[int], random) -> None:
    x = np.arange(np.prod(shape, dtype=int), dtype="int32").reshape(shape)
    axes = list(range(len(shape)))
    random.shuffle(axes)
    np.testing.assert_array_equal(np.asarray(_core.transpose(x, axes)), x.transpose(axes))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_slice(data) -> None:
    shape = data.draw(st.lists(st.integers(0, 7), min_size=1, max_size=4))
    x = np.arange(np.prod(shape), dtype="int32").reshape(shape)
    position = st.none() | st.integers(-9, 9)
    step = st.none() | st.integers(-3, 3).filter(bool)
    begin, end, strides = ([data.draw(s) for _ in shape] for s in (position, position, step))
    wanted = x[tuple(slice(*t) for t in zip(begin, end, strides, strict=True))]
    np.testing.assert_array_equal(np.asarray(_core.strided_slice(x, begin, end, strides)), wanted)


def test_many_operands() -> None:
    xs = [rng.normal(size=(3, 1 + i % 3)).astype("float32") for i in range(150)]
    np.testing.assert_array_equal(np.asarray(_core.concatenate(xs, 1)), np.concatenate(xs, 1))
    offsets = [64 * i for i in range(len(xs))]
    flat = np.asarray(_core.pack(xs, offsets, 64 * len(xs)))
    wanted = np.zeros((len(xs), 16), "float32")
    for row, x in zip(wanted, xs, strict=True):
        row[: x.size] = np.ravel(x)
    np.testing.assert_array_equal(flat, np.ravel(wanted))


@pytest.mark.parametrize("dtype", ["int8", "float16", "float32", "float64"])
def test_runs_of_every_width(dtype: str) -> None:
    """Copies are made in the widest units that sizes, positions and strides allow."""
    for width in (1, 2, 3, 4, 6, 8, 16, 20):
        x = rng.integers(0, 100, (3, 5, width)).astype(dtype)
        np.testing.assert_array_equal(np.asarray(_core.transpose(x, [1, 0, 2])), x.transpose(1, 0, 2))
        np.testing.assert_array_equal(np.asarray(_core.slice(x, [1, 1, 0], [2, 3, width])), x[1:, 1:4])
        np.testing.assert_array_equal(
            np.asarray(_core.pad(x, [(1, 0), (0, 2), (0, 0)])), np.pad(x, [(1, 0), (0, 2), (0, 0)])
        )
        np.testing.assert_array_equal(np.asarray(_core.concatenate([x, x[:, :2]], 1)), np.concatenate([x, x[:, :2]], 1))
        np.testing.assert_array_equal(np.asarray(_core.flip(x)), x[::-1, ::-1, ::-1])

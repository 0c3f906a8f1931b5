"""Operands that begin anywhere in a GPU's memory: kernels read packs of 16 bytes only where the addresses allow it."""

from __future__ import annotations

import numpy as np
import pytest

import pyneural as pn
from pyneural import _core

pytestmark = pytest.mark.skipif(not _core.cuda_devices(), reason="no GPU: " + _core.cuda_problem())


class Window:
    """`values` on the GPU, as the rest of an array of another library that has `skipped` elements more."""

    def __init__(self, values: np.ndarray, skipped: int) -> None:
        with pn.device("cuda"):
            self._whole = _core.tensor(np.concatenate([np.zeros(skipped, values.dtype), values.ravel()]))
        interface = self._whole.__cuda_array_interface__
        begin = interface["data"][0] + skipped * values.itemsize
        self.__cuda_array_interface__ = {**interface, "data": (begin, False), "shape": values.shape}


def windows(*arrays: np.ndarray):
    """The arrays as windows of every alignment, the first one with each of the others."""
    for skipped in (1, 2, 4):
        yield tuple(Window(a, skipped if i == 0 else 1) for i, a in enumerate(arrays))
    yield tuple(Window(a, 0) for a in arrays)


def integers(*shape: int, dtype: str = "float32") -> np.ndarray:
    return np.random.default_rng(len(shape)).integers(1, 90, size=shape).astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64"])
@pytest.mark.parametrize(("a", "b"), [((2053,), (2053,)), ((5, 64), (64,)), ((5, 7), (5, 1)), ((64, 8), ())])
def test_operands_of_a_difference(a: tuple[int, ...], b: tuple[int, ...], dtype: str) -> None:
    x, y = integers(*a, dtype=dtype), integers(*b, dtype=dtype)
    for first, second in windows(x, y):
        np.testing.assert_array_equal(np.asarray(_core.subtract(first, second)), x - y)
        np.testing.assert_array_equal(np.asarray(_core.subtract(second, first)), y - x)
        np.testing.assert_array_equal(np.asarray(_core.less(first, second)), x < y)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float16", "float64"])
def test_operand_of_a_cast(dtype: str) -> None:
    x = integers(1031, dtype=dtype)
    for (window,) in windows(x):
        np.testing.assert_array_equal(np.asarray(_core.cast(window, "float32")), x.astype("float32"))
        np.testing.assert_array_equal(np.asarray(_core.cast(window, "int8")), x.astype("int8"))


def test_operands_of_a_choice() -> None:
    condition, x, y = integers(77, 16) > 40, integers(77, 16), integers(16)
    for a, b, c in windows(condition, x, y):
        np.testing.assert_array_equal(np.asarray(_core.where(a, b, c)), np.where(condition, x, y))


def test_buffers_of_an_optimizer() -> None:
    p, g = integers(1030), integers(1030)
    for parameters, gradient in windows(p, g):
        updated = _core.sgd_update(parameters, gradient, np.float32(0.5))
        np.testing.assert_array_equal(np.asarray(updated), p - 0.5 * g)
        assert float(_core.squared_norm(parameters)) == (p * p).sum()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_search_for_what_is_not_finite(dtype: str) -> None:
    for position in (0, 3, 1028, 1029):
        x = integers(1030, dtype=dtype)
        for (window,) in windows(x):
            assert bool(_core.all_finite(window))
        x[position] = np.inf
        for (window,) in windows(x):
            assert not bool(_core.all_finite(window))


@pytest.mark.parametrize(
    ("shape", "precision"),
    [((36, 200, 68), "float32"), ((36, 200, 68), "tf32"), ((36, 200, 68), "bf16"), ((1400, 20, 1500), "float32")],
)
def test_products_have_the_same_bits_wherever_operands_lie(shape: tuple[int, int, int], precision: str) -> None:
    m, k, n = shape
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(m, k)).astype("float32"), rng.normal(size=(k, n)).astype("float32")
    _core.set_matmul_precision(precision)
    try:
        wanted = np.asarray(_core.matmul(Window(a, 0), Window(b, 0)))
        np.testing.assert_array_equal(np.asarray(_core.matmul(Window(a, 1), Window(b, 0))), wanted)
    finally:
        _core.set_matmul_precision("float32")


def test_convolutions_have_the_same_bits_wherever_operands_lie() -> None:
    rng = np.random.default_rng(2)
    x, kernel = rng.normal(size=(2, 9, 10, 8)).astype("float32"), rng.normal(size=(3, 3, 8, 64)).astype("float32")
    wanted = np.asarray(_core.conv2d(Window(x, 0), Window(kernel, 0), padding="same"))
    np.testing.assert_array_equal(np.asarray(_core.conv2d(Window(x, 0), Window(kernel, 1), padding="same")), wanted)

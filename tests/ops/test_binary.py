"""Dtypes, special values and integer corner cases of the functions of two tensors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pyneural import _core


@pytest.mark.parametrize(
    ("a", "b", "result"),
    [
        ("float32", "float32", "float32"),
        ("float32", "float64", "float64"),
        ("int64", "float32", "float32"),
        ("bool", "int8", "int8"),
        ("uint8", "int8", "int16"),
        ("int32", "int64", "int64"),
        ("bool", "bool", "int32"),
        ("uint8", "uint8", "uint8"),
    ],
)
def test_dtype_of_a_sum(a: str, b: str, result: str) -> None:
    assert _core.add(np.ones(3, a), np.ones(2, b)[:1]).dtype == result


def test_python_scalars_adopt_the_dtype_of_the_tensor() -> None:
    for dtype in ("float32", "float64"):
        assert _core.multiply(np.ones(2, dtype), 2.5).dtype == dtype
        assert _core.subtract(1, np.ones(2, dtype)).dtype == dtype
    assert _core.add(np.ones(2, "int64"), 1).dtype == "int64"
    assert _core.add(np.ones(2, "int64"), 0.5).dtype == "float32"


@pytest.mark.parametrize("op", ["divide", "arctan2"])
def test_integers_are_divided_as_floats(op: str) -> None:
    y = getattr(_core, op)(np.arange(1, 4), np.array([2, 2, 2]))
    assert y.dtype == "float32"
    np.testing.assert_allclose(np.asarray(y), getattr(np, op)([1, 2, 3], [2, 2, 2]), rtol=1e-6)


@pytest.mark.parametrize("op", ["maximum", "minimum"])
def test_nan_in_either_operand_wins(op: str) -> None:
    a = np.array([np.nan, 1, np.nan, 2], "float32")
    b = np.array([1, np.nan, np.nan, 3], "float32")
    np.testing.assert_array_equal(np.asarray(getattr(_core, op)(a, b)), getattr(np, op)(a, b))


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_integer_division_never_traps(dtype: str) -> None:
    smallest = np.iinfo(dtype).min
    a = np.array([7, -7, 7, -7, 5, smallest, smallest], dtype)
    b = np.array([2, 2, -2, -2, 0, -1, 0], dtype)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(np.asarray(_core.floor_divide(a, b)), np.floor_divide(a, b))
        np.testing.assert_array_equal(np.asarray(_core.mod(a, b)), np.mod(a, b))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_division_with_remainder_follows_numpy(dtype: str) -> None:
    values = np.array([0.0, -0.0, 1, -1, 0.1, -0.1, 7, -7, 1e9, 2.5, np.inf, -np.inf, np.nan], dtype)
    a, b = (v.ravel() for v in np.meshgrid(values, values))
    with np.errstate(all="ignore"):
        for op in ("floor_divide", "mod"):
            np.testing.assert_array_equal(np.asarray(getattr(_core, op)(a, b)), getattr(np, op)(a, b))


def test_integers_wrap_around() -> None:
    for dtype in ("uint8", "int8", "int32", "int64"):
        a = np.full(20, np.iinfo(dtype).max, dtype)
        for op in ("add", "multiply", "squared_difference"):
            wanted = {"add": a + a, "multiply": a * a, "squared_difference": (a + a) * 0 + 1}[op]
            other = a - np.array(1, dtype) if op == "squared_difference" else a
            np.testing.assert_array_equal(np.asarray(getattr(_core, op)(a, other)), wanted)


def test_integer_power() -> None:
    a = np.array([2, -3, 0, 1, -1, 5, -1], "int32")
    b = np.array([10, 3, 0, -2, -3, -1, -2], "int32")
    np.testing.assert_array_equal(np.asarray(_core.power(a, b)), [1024, -27, 1, 1, -1, 0, 1])


@pytest.mark.parametrize("exponent", [2, 1, -1, 0.5, 3, 0])
def test_constant_exponents(exponent: float) -> None:
    x = np.linspace(0.1, 4, 50, dtype="float32")
    np.testing.assert_allclose(np.asarray(_core.power(x, exponent)), x.astype("float64") ** exponent, rtol=3e-7)


def test_second_derivative_of_a_product() -> None:
    x = _core.tensor(np.array([1.5, -2.0]))
    _core.watch(x)
    _core.start_recording()
    try:
        (first,) = _core.gradients([_core.multiply(_core.square(x), x)], [x])
    finally:
        _core.stop_recording()
    (second,) = _core.gradients([first], [x])
    np.testing.assert_allclose(np.asarray(second), [9, -12])


def test_gradient_of_a_power_with_base_zero_is_finite() -> None:
    x, p = (_core.tensor(np.array([v])) for v in (0.0, 2.0))
    for t in (x, p):
        _core.watch(t)
    _core.start_recording()
    try:
        y = _core.power(x, p)
    finally:
        _core.stop_recording()
    dx, dp = _core.gradients([y], [x, p])
    assert np.asarray(dx)[0] == 0
    assert np.asarray(dp)[0] == 0


@settings(max_examples=200, deadline=None)
@given(
    shapes=arrays.mutually_broadcastable_shapes(num_shapes=2, max_dims=5, max_side=9),
    item=st.sampled_from(["float32", "float64", "int32", "int8"]),
)
def test_any_shapes_that_numpy_broadcasts(shapes, item: str) -> None:
    rng = np.random.default_rng(0)
    a, b = (rng.integers(-60, 60, size=s).astype(item) for s in shapes.input_shapes)
    np.testing.assert_array_equal(np.asarray(_core.subtract(a, b)), a - b)
    np.testing.assert_array_equal(np.asarray(_core.less(a, b)), a < b)
    np.testing.assert_array_equal(np.asarray(_core.where(_core.less(a, b), a, b)), np.where(a < b, a, b))


@pytest.mark.parametrize("item", ["float32", "int64", "uint8"])
def test_sizes_around_the_tiles_of_a_gpu(item: str) -> None:
    for size in (3, 4, 5, 511, 512, 513, 1023, 1024, 1025, 2047, 2048, 2049, 4097):
        a = (np.arange(size) % 251).astype(item)
        b = (np.arange(size) % 7).astype(item)
        np.testing.assert_array_equal(np.asarray(_core.maximum(a, b)), np.maximum(a, b))
        np.testing.assert_array_equal(np.asarray(_core.greater(a, b)), a > b)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
@pytest.mark.parametrize("size", [1706, 3413, 3414, 4096, 5001, 8192, 10922, 10923])
def test_calls_that_walk_to_and_fro_have_the_same_bits(size: int, dtype: str) -> None:
    """Arrays of 40 to 128 KB, see run_dense() in csrc/cpu/elementwise.cpp."""
    a, b = (np.random.default_rng(i).normal(scale=1000, size=size).astype(dtype) for i in range(2))
    x, y = _core.tensor(a), _core.tensor(b)
    for _ in range(2):
        np.testing.assert_array_equal(np.asarray(_core.add(x, y)), a + b)
        np.testing.assert_array_equal(np.asarray(_core.less(x, y)), a < b)
        np.testing.assert_array_equal(np.asarray(_core.absolute(x)), np.abs(a))


@pytest.mark.parametrize("size", [3413, 4096, 4097, 10_000, 10_923])
@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_arrays_about_as_large_as_the_first_cache(size, dtype):
    """They are walked to and fro, a call each way."""
    x, y = np.random.default_rng(size).integers(-100, 100, (2, size)).astype(dtype)
    for _ in range(4):
        np.testing.assert_array_equal(np.asarray(_core.add(x, y)), x + y)

"""Conversion between all dtypes, and what where and clip do with NaN."""

from __future__ import annotations

import numpy as np
import pytest

from pyneural import _core

DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"]


@pytest.mark.parametrize("to", DTYPES)
@pytest.mark.parametrize("origin", DTYPES)
def test_cast_between_all_pairs(origin: str, to: str) -> None:
    x = np.arange(0, 100).astype(origin)
    y = _core.cast(x, to)
    assert y.dtype == to
    np.testing.assert_array_equal(np.asarray(y), x.astype(to))


def test_every_half_float_survives() -> None:
    halves = np.arange(2**16, dtype="uint16").view("float16")
    wide = np.asarray(_core.cast(halves, "float32"))
    np.testing.assert_array_equal(wide, halves.astype("float32"))
    np.testing.assert_array_equal(np.asarray(_core.cast(wide, "float16")), halves)


def test_narrowing_to_half_rounds_to_even() -> None:
    bits = np.arange(0, 2**32, 104729, dtype=np.uint64).astype("uint32")
    near = np.array([65519, 65520, 65536, 2**-25, 2**-25 * 1.001, 3 * 2**-25], "float32")
    x = np.concatenate([bits.view("float32"), near])
    with np.errstate(over="ignore"):
        wanted = x.astype("float16")
    np.testing.assert_array_equal(np.asarray(_core.cast(x, "float16")), wanted)


def test_bfloat16_rounds_to_even() -> None:
    bits = np.arange(0, 2**32, 104729, dtype=np.uint64).astype("uint32")
    x = np.concatenate([bits.view("float32"), np.array([1 + 2**-8, 1 + 3 * 2**-8, np.inf, np.nan], "float32")])
    actual = np.asarray(_core.cast(_core.cast(x, "bfloat16"), "float32"))
    kept = x.view("uint32").astype("uint64")
    rounded = ((kept + 0x7FFF + (kept >> 16 & 1)) >> 16 << 16).astype("uint32").view("float32")
    np.testing.assert_array_equal(actual, np.where(np.isnan(x), np.float32(np.nan), rounded))


def test_cast_to_bool_asks_for_not_zero() -> None:
    x = np.array([0.0, -0.0, 0.25, -3, np.nan, np.inf])
    np.testing.assert_array_equal(np.asarray(_core.cast(x, "bool")), x != 0)


def test_clip_keeps_nan_and_lets_the_upper_bound_win() -> None:
    x = np.array([np.nan, -5, 0, 5], "float32")
    np.testing.assert_array_equal(np.asarray(_core.clip(x, -1, 1)), np.clip(x, -1, 1))
    np.testing.assert_array_equal(np.asarray(_core.clip(x, 2, 1)), np.clip(x, 2, 1))


def test_gradient_of_where_does_not_see_the_other_branch() -> None:
    x = _core.tensor(np.array([0.0, 4.0]))
    _core.watch(x)
    _core.start_recording()
    try:
        y = _core.where(_core.greater(x, 1.0), x, 0.0)
    finally:
        _core.stop_recording()
    (dx,) = _core.gradients([y], [x])
    np.testing.assert_array_equal(np.asarray(dx), [0, 1])

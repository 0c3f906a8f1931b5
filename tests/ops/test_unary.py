"""Accuracy and special values of the functions of one tensor."""

from __future__ import annotations

import numpy as np
import pytest

from pyneural import _core
from tests.ops.ulp import largest_error, slack, sweep
from tests.reference.unary import erf

INF = np.inf

# (op, domain, largest error in ULP)
ACCURACY = [
    ("exp", -INF, INF, 1.0),
    ("expm1", -INF, INF, 1.5),
    ("log", 0, INF, 1.0),
    ("log1p", -1, INF, 1.0),
    ("sqrt", 0, INF, 0.5),
    ("rsqrt", 0, INF, 1.5),
    ("reciprocal", -INF, INF, 0.5),
    ("tanh", -INF, INF, 1.5),
    ("sin", -1e30, 1e30, 1.6),
    ("cos", -1e30, 1e30, 1.6),
    ("tan", -1e30, 1e30, 3.6),
    ("sinh", -INF, INF, 2.2),
    ("cosh", -INF, INF, 2.0),
    ("arcsin", -1, 1, 2.0),
    ("arccos", -1, 1, 2.0),
    ("arctan", -INF, INF, 2.0),
]


@pytest.mark.parametrize(("op", "low", "high", "limit"), ACCURACY)
def test_error_in_ulp(op: str, low: float, high: float, limit: float) -> None:
    truth = {"rsqrt": lambda x: 1 / np.sqrt(x)}.get(op) or getattr(np, op)
    error, where = largest_error(getattr(_core, op), truth, sweep(low, high, 1_000_000))
    assert error <= limit + slack(), f"{error} ULP at {where!r}"


def test_error_of_erf() -> None:
    error, where = largest_error(_core.erf, erf, sweep(-INF, INF, 200_000))
    assert error <= 1.6 + slack(), f"{error} ULP at {where!r}"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("op", "pairs"),
    [
        ("exp", [(0, 1), (-INF, 0), (INF, INF), (-1e4, 0), (1e4, INF), (np.nan, np.nan)]),
        ("expm1", [(0.0, 0.0), (-0.0, -0.0), (-INF, -1), (INF, INF), (1e-40, 1e-40), (np.nan, np.nan)]),
        ("log", [(0.0, -INF), (-0.0, -INF), (1, 0), (INF, INF), (-1, np.nan), (-INF, np.nan), (np.nan, np.nan)]),
        ("log1p", [(0.0, 0.0), (-0.0, -0.0), (-1, -INF), (INF, INF), (-2, np.nan), (1e-40, 1e-40)]),
        ("tanh", [(0.0, 0.0), (-0.0, -0.0), (INF, 1), (-INF, -1), (1e-40, 1e-40), (np.nan, np.nan)]),
        ("sigmoid", [(0, 0.5), (INF, 1), (-INF, 0), (np.nan, np.nan)]),
        ("erf", [(0.0, 0.0), (-0.0, -0.0), (INF, 1), (-INF, -1), (np.nan, np.nan)]),
        ("sin", [(0.0, 0.0), (-0.0, -0.0), (INF, np.nan), (np.nan, np.nan)]),
        ("cos", [(0, 1), (-INF, np.nan), (np.nan, np.nan)]),
        ("sign", [(0.0, 0.0), (2, 1), (-INF, -1), (np.nan, np.nan)]),
        ("round", [(0.5, 0), (1.5, 2), (-2.5, -2), (-0.4, -0.0), (INF, INF)]),
    ],
)
def test_special_values(op: str, pairs: list, dtype: str) -> None:
    x, wanted = np.array(pairs, dtype).T
    actual = np.asarray(getattr(_core, op)(np.ascontiguousarray(x)))
    np.testing.assert_array_equal(actual, wanted)
    zero = wanted == 0
    np.testing.assert_array_equal(np.signbit(actual[zero]), np.signbit(wanted[zero]))


@pytest.mark.parametrize("op", ["exp", "log", "tanh", "sin", "negative", "floor", "isnan"])
def test_tails_give_the_bits_of_full_vectors(op: str) -> None:
    x = np.random.default_rng(0).uniform(0.1, 9, size=70).astype("float32")
    whole = np.asarray(getattr(_core, op)(x))
    for n in range(1, 70):
        np.testing.assert_array_equal(np.asarray(getattr(_core, op)(x[:n])), whole[:n])


def test_one_large_argument_leaves_the_other_lanes_alone() -> None:
    x = np.linspace(0, 1, 32, dtype="float32")
    alone = np.asarray(_core.sin(x))
    x[5] = 1e30
    mixed = np.asarray(_core.sin(x))
    np.testing.assert_array_equal(np.delete(mixed, 5), np.delete(alone, 5))
    wanted = np.float32(np.sin(np.float64(x[5])))
    if _core.current_device() == "cpu":
        assert mixed[5] == wanted
    else:  # CUDA's library promises 2 ULP
        np.testing.assert_array_max_ulp(mixed[5], wanted, 2)


def test_integers_become_floats_where_the_result_is_no_integer() -> None:
    y = _core.exp(np.arange(4))
    assert y.dtype == "float32"
    np.testing.assert_allclose(np.asarray(y), np.exp(np.arange(4)), rtol=1e-6)
    assert _core.floor(np.arange(4)).dtype == "int64"
    assert not np.asarray(_core.isnan(np.arange(4))).any()


def test_smallest_integers_wrap_around() -> None:
    for dtype in ("int8", "int16", "int32", "int64"):
        smallest = np.array([np.iinfo(dtype).min], dtype)
        for op in ("negative", "absolute"):
            assert np.asarray(getattr(_core, op)(smallest))[0] == smallest[0]

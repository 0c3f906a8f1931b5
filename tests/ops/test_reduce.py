"""What is special to reductions: accuracy, NaN, ties, integers."""

from __future__ import annotations

import numpy as np
import pytest

from pyneural import _core

rng = np.random.default_rng(8)


def gradient(function, x: np.ndarray) -> np.ndarray:
    t = _core.tensor(x)
    _core.watch(t)
    _core.start_recording()
    try:
        y = function(t)
    finally:
        _core.stop_recording()
    return np.asarray(_core.gradients([y], [t])[0])


@pytest.mark.parametrize("n", [*range(130), 511, 512, 513, 1023, 1025, 4099, 70001])
def test_integer_valued_sums_are_exact(n: int) -> None:
    x = rng.integers(-100, 100, n).astype("float32")
    assert _core.sum(x).item() == x.sum(dtype="float64")
    wide = np.stack([x, -x, 2 * x])
    np.testing.assert_array_equal(np.asarray(_core.sum(wide, 1)), wide.sum(1, dtype="float64"))
    np.testing.assert_array_equal(np.asarray(_core.sum(np.ascontiguousarray(wide.T), 0)), wide.sum(1, dtype="float64"))


@pytest.mark.parametrize("columns", [1, 2, 3, 15, 16, 17, 31, 33, 64, 127, 128, 129, 255, 256, 257, 600])
def test_integer_valued_column_sums_are_exact(columns: int) -> None:
    for rows in (1, 2, 15, 16, 17, 100, 1200):
        x = rng.integers(-100, 100, (2, rows, columns)).astype("float32")
        np.testing.assert_array_equal(np.asarray(_core.sum(x, 1)), x.sum(1, dtype="float64"))
        np.testing.assert_array_equal(np.asarray(_core.sum(x, [0, 1])), x.sum((0, 1), dtype="float64"))
        np.testing.assert_array_equal(np.asarray(_core.max(x, 1)), x.max(1))


def test_long_sums_stay_accurate() -> None:
    x = rng.random((1 << 20, 2)).astype("float32")
    exact = x.sum(0, dtype="float64")
    assert np.abs(np.asarray(_core.sum(x, 0)) / exact - 1).max() < 4 * np.finfo("float32").eps
    assert abs(_core.sum(x).item() / exact.sum() - 1) < 4 * np.finfo("float32").eps
    assert abs(_core.cumsum(x).numpy()[-1] / exact.sum() - 1) < 4 * np.finfo("float32").eps


def test_variance_does_not_cancel() -> None:
    x = (1e4 + rng.normal(size=(1000, 7))).astype("float32")
    np.testing.assert_allclose(np.asarray(_core.var(x, 0)), x.astype("float64").var(0), rtol=1e-5)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "int16", "int32", "int64"])
def test_integers(dtype: str) -> None:
    x = rng.integers(0, 2 if dtype == "bool" else 100, (5, 6, 7)).astype(dtype)
    wide = "int64" if dtype == "int64" else "int32"
    for axis in (None, 0, 1, (0, 2)):
        total = np.asarray(_core.sum(x, axis))
        assert total.dtype == wide
        np.testing.assert_array_equal(total, x.sum(axis, dtype=wide))
        np.testing.assert_array_equal(np.asarray(_core.prod(x, axis)), x.prod(axis, dtype=wide))
        assert np.asarray(_core.max(x, axis)).dtype == dtype
        np.testing.assert_array_equal(np.asarray(_core.max(x, axis)), x.max(axis))
        np.testing.assert_array_equal(np.asarray(_core.min(x, axis)), x.min(axis))
        assert np.asarray(_core.mean(x, axis)).dtype == "float32"
        np.testing.assert_allclose(np.asarray(_core.mean(x, axis)), x.mean(axis), rtol=1e-6)


@pytest.mark.parametrize("position", [0, 1, 15, 16, 40, 99])
def test_nan_wins(position: int) -> None:
    x = rng.normal(size=(3, 100)).astype("float32")
    x[1, position] = np.nan
    for op in ("max", "min", "sum", "mean", "prod", "var", "logsumexp"):
        np.testing.assert_array_equal(np.isnan(np.asarray(getattr(_core, op)(x, 1))), [False, True, False])
        assert np.isnan(np.asarray(getattr(_core, op)(x, 0))).sum() == 1
    x[1, 99] = np.nan
    for op in ("argmax", "argmin"):
        assert np.asarray(getattr(_core, op)(x, 1))[1] == position
        assert np.asarray(getattr(_core, op)(x, 0))[position] == 1


def test_infinite_rows() -> None:
    x = np.array([[-np.inf, -np.inf], [np.inf, 1], [-np.inf, 2]], "float32")
    np.testing.assert_array_equal(np.asarray(_core.logsumexp(x, 1)), np.array([-np.inf, np.inf, 2], "float32"))
    np.testing.assert_array_equal(np.asarray(_core.argmax(x, 1)), [0, 0, 1])


def test_mean_of_nothing_is_nan() -> None:
    assert np.isnan(np.asarray(_core.mean(np.zeros((0, 2), "float32"), 0))).all()


@pytest.mark.parametrize("op", ["max", "min"])
def test_ties_share_the_gradient(op: str) -> None:
    x = np.array([[3.0, 1.0], [3.0, 1.0], [1.0, 2.0], [3.0, 2.0]], "float32")
    wanted = {
        "max": [[1 / 3, 0], [1 / 3, 0], [0, 1 / 2], [1 / 3, 1 / 2]],
        "min": [[0, 1 / 2], [0, 1 / 2], [1, 0], [0, 0]],
    }
    np.testing.assert_allclose(gradient(lambda t: getattr(_core, op)(t, 0), x), wanted[op], rtol=1e-6)


def test_gradient_of_prod_with_zeros() -> None:
    x = np.array([[0.0, 2.0, 3.0], [0.0, 0.0, 3.0], [1.0, 2.0, 3.0]], "float32")
    np.testing.assert_array_equal(gradient(lambda t: _core.prod(t, 1), x), [[6, 0, 0], [0, 0, 0], [6, 3, 2]])


def test_empty_axis_gives_neutral_elements() -> None:
    x = np.zeros((0, 3), "float32")
    np.testing.assert_array_equal(np.asarray(_core.sum(x, 0)), np.zeros(3))
    np.testing.assert_array_equal(np.asarray(_core.prod(x, 0)), np.ones(3))
    np.testing.assert_array_equal(np.asarray(_core.logsumexp(x, 0)), np.full(3, -np.inf))


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(
    ("shape", "axis"), [((140000,), 0), ((70001, 3), 0), ((3, 70001), 1), ((40, 2500), 0), ((2, 300, 1100), 1)]
)
def test_integers_and_running_values_in_pieces(shape: tuple[int, ...], axis: int, threads: int, many_threads) -> None:
    x = rng.integers(-9, 9, shape).astype("int32")
    many_threads(threads)
    for op in ("sum", "max", "min", "cumsum", "argmax", "argmin"):
        np.testing.assert_array_equal(np.asarray(getattr(_core, op)(x, axis)), getattr(np, op)(x, axis), err_msg=op)
    np.testing.assert_array_equal(np.asarray(_core.count_nonzero(x, axis)), np.count_nonzero(x, axis))
    np.testing.assert_array_equal(np.asarray(_core.argmax(x.astype("float32"), axis)), np.argmax(x, axis))


def test_rows_of_every_length() -> None:
    """Around the edges of vectors, and of the rows that are folded together."""
    for n in [*range(1, 35), 63, 65, 127, 129, 255, 256, 257, 300]:
        for count in (1, 3, 16, 17, 50):
            x = rng.integers(-64, 65, (count, n)).astype("float32")
            for op in ("sum", "max", "min"):
                wanted = getattr(np, op)(x.astype("float64"), 1)
                np.testing.assert_array_equal(np.asarray(getattr(_core, op)(x, 1)), wanted, err_msg=f"{op} {x.shape}")
            np.testing.assert_allclose(np.asarray(_core.var(x, 1)), x.astype("float64").var(1), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("shape", [(1023,), (1025,), (9000,), (2, 8193), (200, 3), (130, 33), (2, 300, 5)])
def test_running_sums_in_pieces(shape: tuple[int, ...]) -> None:
    x = rng.integers(-9, 9, shape).astype("float32")
    for axis in range(len(shape)):
        np.testing.assert_array_equal(np.asarray(_core.cumsum(x, axis)), np.cumsum(x, axis))
    seed = rng.integers(-9, 9, shape).astype("float32")
    t = _core.tensor(x)
    _core.watch(t)
    _core.start_recording()
    try:
        y = _core.cumsum(t, 0)
    finally:
        _core.stop_recording()
    grad = np.asarray(_core.gradients([y], [t], [_core.tensor(seed)])[0])
    np.testing.assert_array_equal(grad, np.cumsum(seed[::-1], 0)[::-1])


@pytest.mark.parametrize("n", [31, 33, 256, 257, 600])
def test_gradient_of_long_products(n: int) -> None:
    x = rng.choice([-1.0, 1.0], (2, n)).astype("float32")
    x[0, n // 2] = 0
    wanted = np.zeros((2, n))
    wanted[0, n // 2] = np.delete(x[0], n // 2).prod()
    wanted[1] = x[1].prod() * x[1]
    np.testing.assert_array_equal(gradient(lambda t: _core.prod(t, 1), x), wanted)
    np.testing.assert_array_equal(gradient(lambda t: _core.prod(t, 0), np.ascontiguousarray(x.T)), wanted.T)


UNIT_AXES = [
    ((5, 1), 1),
    ((5, 1), -1),
    ((1, 5), 0),
    ((3, 1, 2), [1]),
    ((1, 3, 1), [0, 2]),
    ((1, 1), None),
    ((), None),
    ((0, 1), 1),
]


@pytest.mark.parametrize(("shape", "axis"), UNIT_AXES, ids=str)
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("op", ["sum", "mean", "max", "min"])
def test_axes_of_length_one_cost_no_kernel(shape: tuple[int, ...], axis: int | list | None, keepdims: bool, op: str):
    x = rng.standard_normal(shape).astype("float32")
    if x.size > 2:
        x.flat[:3] = -0.0, np.nan, np.inf
    with _core.Trace() as trace:
        plan = trace.compile([getattr(_core, op)(trace.input(shape, "float32"), axis, keepdims)])
    assert "->" not in plan.describe()
    expected = getattr(np, op)(x, tuple(axis) if isinstance(axis, list) else axis, keepdims=keepdims)
    for y in (plan.run([x])[0], getattr(_core, op)(x, axis, keepdims)):
        y = np.asarray(y)
        assert y.shape == expected.shape
        assert y.dtype == np.float32
        np.testing.assert_array_equal(y, expected)
        assert y.tobytes() == x.tobytes()  # the sign of a zero, too
    np.testing.assert_array_equal(
        gradient(lambda t: _core.sum(getattr(_core, op)(t, axis, keepdims)), x), np.ones(shape)
    )


def test_axes_of_length_one_of_integers_and_errors() -> None:
    assert np.asarray(_core.sum(np.ones((3, 1), "int8"), 1)).dtype == np.int32
    with pytest.raises(TypeError, match="no arithmetic"):
        _core.sum(_core.cast(np.ones((3, 1), "float32"), "float16"), 1)
    with pytest.raises(ValueError, match="repeated"):
        _core.mean(np.ones((3, 1), "float32"), [1, -1])


@pytest.mark.parametrize("n", [*range(1, 19), 31, 32, 33])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_first_of_equal_elements_and_of_nans(n: int, dtype: str) -> None:
    for rows in (1, 2, 7, 8, 9, 15, 16, 17, 40):
        x = rng.integers(-3, 4, (rows, n)).astype(dtype)
        x[x == 0] = rng.choice([0.0, -0.0, np.nan, np.inf, -np.inf], np.count_nonzero(x == 0))
        for op in ("argmax", "argmin"):
            np.testing.assert_array_equal(np.asarray(getattr(_core, op)(x, 1)), getattr(np, op)(x, 1))

"""Guards: where the culprit stands, and that a guard in a plan runs before the weights change."""

from __future__ import annotations

import numpy as np
import pytest

from pyneural import _core


@pytest.mark.parametrize("size", [1, 15, 16, 17, 63, 64, 65, 16384, 16385, 40000])
def test_every_position_is_seen(size: int) -> None:
    x = np.ones(size, "float32")
    assert bool(_core.all_finite(x))
    for position in {0, size // 2, size - 1}:
        for bad in (np.nan, np.inf, -np.inf):
            x[position] = bad
            assert not bool(_core.all_finite(x))
        x[position] = 1


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_largest_numbers_are_finite(dtype: str) -> None:
    limit = np.finfo(dtype).max
    assert bool(_core.all_finite(np.array([limit, -limit, np.finfo(dtype).smallest_subnormal], dtype)))


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "float32"])
def test_first_position_outside_the_range(dtype: str) -> None:
    for size in (1, 100, 20000, 40000):
        x = np.ones(size, dtype)
        assert int(_core.in_range(x, 0, 10)) == -1
        for position in (size - 1, size // 2):
            x[position] = 10
            assert int(_core.in_range(x, 0, 10)) == position
    assert int(_core.in_range(np.array([-1], dtype), 0, 10)) == 0


@pytest.mark.parametrize("count", [1, 2, 40])
def test_a_guard_reads_all_of_its_operands(count: int) -> None:
    values = [np.ones(5 if i % 3 else 20000, "float64" if i % 2 else "float32") for i in range(count)]
    assert bool(_core.guard_finite(*values))
    for operand in {0, count // 2, count - 1}:
        for position in (0, -1):
            values[operand][position] = np.nan
            with pytest.raises(ArithmeticError, match="NaN or infinite"):
                _core.guard_finite(*values)
            values[operand][position] = 1


def test_not_finite_at_the_end_of_many() -> None:
    x = np.zeros(4_300_001, "float32")
    x[-1] = np.inf
    assert not bool(_core.all_finite(x))


def test_a_guard_keeps_nan_out_of_the_weights() -> None:
    weights = _core.Variable(_core.tensor(np.ones(4, "float32")))
    trace = _core.Trace()
    with trace:
        gradient = trace.input((4,), "float32")
        _core.guard_finite(gradient)
        weights.assign(_core.sgd_update(weights.value, gradient, np.float32(1)))
        plan = trace.compile([])
    plan.run([np.full(4, 0.5, "float32")])
    np.testing.assert_array_equal(weights.numpy(), 0.5)
    with pytest.raises(ArithmeticError):
        plan.run([np.array([0, np.nan, 0, 0], "float32")])
    np.testing.assert_array_equal(weights.numpy(), 0.5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", [1, 3, 40])
def test_products_are_guarded_whichever_way_they_are_looked_at(rows: int, dtype: str) -> None:
    """A product of small factors is judged by these where their sizes allow it; the verdict must be the product's."""
    limit = float(np.finfo(dtype).max)
    trace = _core.Trace()
    with trace:
        a, b = trace.input((rows, 70), dtype), trace.input((rows, 50), dtype)
        scalar = trace.input((), dtype)
        product = _core.matmul(a, b, True, False)
        plan = trace.compile([_core.guard_finite(scalar, product), product])

    def verdict(x: float, y: float, z: float = 0) -> bool:
        left, right = np.zeros((rows, 70), dtype), np.zeros((rows, 50), dtype)
        left[-1, 69], right[-1, 49] = x, y
        left[0, 3] = z
        with np.errstate(all="ignore"):
            finite = bool(np.isfinite(left.T @ right).all())
        try:
            plan.run([left, right, np.zeros((), dtype)])
        except ArithmeticError:
            assert not finite
            return False
        assert finite
        return True

    root = limit**0.5
    assert verdict(1, 1)
    assert verdict(limit, 1)
    assert verdict(limit, 0)
    assert verdict(root * 0.99, root * 0.99)
    assert verdict(root, 0.5, root * 0.99)  # the bound exceeds the largest number, the product does not
    assert not verdict(root * 1.01, root * 1.01)
    for bad in (np.nan, np.inf, -np.inf):
        assert not verdict(bad, 1)
        assert not verdict(1, bad)
        assert not verdict(1, 0, bad)
    with pytest.raises(ArithmeticError):
        plan.run([np.ones((rows, 70), dtype), np.ones((rows, 50), dtype), np.array(np.nan, dtype)])

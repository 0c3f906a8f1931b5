"""Outputs larger than the last cache are stored past it: the same values, whatever the alignment."""

from __future__ import annotations

import numpy as np
import pytest

from pyneural import _core
from pyneural.bench.limits import cache_sizes

LARGEST = 256 << 20  # bytes of an array that a test may take
COLUMNS = 97  # neither a block nor a line is a multiple of it


@pytest.fixture(scope="module")
def x() -> np.ndarray:
    """Rows that are just too large for the last cache, of integers."""
    rows = list(cache_sizes())[-1][1] // (4 * COLUMNS) + 3
    if rows * COLUMNS * 4 > LARGEST:
        pytest.skip("the last cache is too large for a test")
    values = np.arange(rows * COLUMNS, dtype=np.int32) % 1001 - 500
    return values.astype(np.float32).reshape(rows, COLUMNS)


@pytest.mark.parametrize("threads", [1, 2])
def test_large_outputs(x: np.ndarray, threads: int) -> None:
    before = _core.num_threads()
    _core.set_num_threads(threads)
    try:
        row = np.arange(COLUMNS, dtype=np.float32)
        assert np.array_equal(_core.relu(x).numpy(), np.maximum(x, 0))
        assert np.array_equal(_core.add(x, x[::-1].copy()).numpy(), x + x[::-1])
        assert np.array_equal(_core.add(x, row).numpy(), x + row)
        assert np.array_equal(_core.subtract(row[:1], x).numpy(), row[:1] - x)
        assert np.array_equal(_core.multiply(x.T.copy(), x[:, 0]).numpy(), x.T * x[:, 0])
    finally:
        _core.set_num_threads(before)


def test_an_input_that_begins_within_a_line(x: np.ndarray) -> None:
    flat = x.ravel()[1:]
    with _core.Trace() as trace:
        plan = trace.compile([_core.negative(trace.input(flat.shape, "float32"))])
    assert np.array_equal(plan.run([flat])[0].numpy(), -flat)


def test_types_of_other_sizes(x: np.ndarray) -> None:
    assert np.array_equal(_core.square(x.astype(np.float64)).numpy(), np.square(x, dtype=np.float64))
    assert np.array_equal(_core.add(x.astype(np.int32), 3).numpy(), x.astype(np.int32) + 3)
    assert np.array_equal(_core.less(x, 0).numpy(), x < 0)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("columns", [COLUMNS, 96, 8, 5])
def test_transposes(x: np.ndarray, columns: int, threads: int) -> None:
    """Rows of the result begin with a line, or anywhere."""
    before = _core.num_threads()
    _core.set_num_threads(threads)
    try:
        for rows in (x.size // columns, x.size // columns // 16 * 16):
            matrix = x.ravel()[: rows * columns].reshape(rows, columns)
            assert np.array_equal(_core.transpose(matrix, (1, 0)).numpy(), matrix.T)
        assert np.array_equal(_core.transpose(matrix.T.copy(), (1, 0)).numpy(), matrix)
    finally:
        _core.set_num_threads(before)

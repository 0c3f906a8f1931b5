"""Softmax: accuracy, rows of every length, NaN."""

from __future__ import annotations

import numpy as np
import pytest

from pyneural import _core
from tests.reference.softmax import log_softmax, softmax

OPS = [("softmax", softmax), ("log_softmax", log_softmax)]


@pytest.mark.parametrize(("op", "reference"), OPS)
def test_rows_of_every_length(op: str, reference) -> None:
    rng = np.random.default_rng(0)
    for length in range(1, 140):
        x = (rng.normal(size=(19, length)) * 4).astype("float32")
        actual, wanted = np.asarray(getattr(_core, op)(x)), reference(x.astype("float64"))
        np.testing.assert_allclose(actual, wanted, rtol=2e-6, atol=2e-6 if op == "log_softmax" else 1e-30)
        columns = np.asarray(getattr(_core, op)(np.ascontiguousarray(x.T), 0)).T
        np.testing.assert_allclose(columns, wanted, rtol=2e-6, atol=2e-6 if op == "log_softmax" else 1e-30)


def test_rows_add_up_to_one() -> None:
    x = np.random.default_rng(1).normal(size=(50, 1000)).astype("float32") * 5
    np.testing.assert_allclose(np.asarray(_core.softmax(x)).astype("float64").sum(1), 1, rtol=1e-6)


def test_equal_elements_share_exactly() -> None:
    for n in (2, 4, 16, 64, 1024):
        np.testing.assert_array_equal(np.asarray(_core.softmax(np.full((3, n), 7, "float32"))), 1 / n)


@pytest.mark.parametrize("op", ["softmax", "log_softmax"])
@pytest.mark.parametrize("length", [3, 16, 50])
def test_nan_spoils_its_row_only(op: str, length: int) -> None:
    x = np.zeros((20, length), "float32")
    x[4, length // 2] = np.nan
    x[9, 0] = np.inf
    x[11, :] = -np.inf
    bad = np.isnan(np.asarray(getattr(_core, op)(x)))
    assert bad[[4, 9, 11]].all()
    assert not np.delete(bad, [4, 9, 11], axis=0).any()


@pytest.mark.parametrize("length", [10, 17, 100, 500])
@pytest.mark.parametrize("op", ["softmax", "log_softmax"])
def test_a_row_does_not_depend_on_its_neighbours(op: str, length: int) -> None:
    x = np.random.default_rng(2).normal(size=(37, length)).astype("float32")
    together = np.asarray(getattr(_core, op)(x))
    for i, row in enumerate(x):
        np.testing.assert_array_equal(np.asarray(getattr(_core, op)(row)), together[i])


LONG_ROWS = [255, 256, 257, 509, 512, 1024, 1025, 2047, 2048, 2049, 2052, 8192, 8196, 9001]


@pytest.mark.parametrize("length", LONG_ROWS)
def test_long_rows(length: int) -> None:
    """Around the lengths from which on more threads, or several passes, are needed for a row."""
    rng = np.random.default_rng(3)
    x, seed = (rng.normal(size=(2, length)).astype("float32") * 3 for _ in range(2))
    for op, reference in OPS:
        tensor = _core.tensor(x)
        _core.watch(tensor)
        _core.start_recording()
        try:
            y = getattr(_core, op)(tensor)
        finally:
            _core.stop_recording()
        grad = np.asarray(_core.gradients([y], [tensor], [_core.tensor(seed)])[0])
        p, wide = softmax(x.astype("float64")), seed.astype("float64")
        wanted = (
            p * (wide - (p * wide).sum(1, keepdims=True)) if op == "softmax" else wide - p * wide.sum(1, keepdims=True)
        )
        np.testing.assert_allclose(np.asarray(y), reference(x.astype("float64")), rtol=4e-6, atol=1e-30)
        np.testing.assert_allclose(grad, wanted, rtol=1e-4, atol=1e-5)


def test_masked_elements_of_long_rows() -> None:
    for length in (700, 9000):
        x = np.full((2, length), -np.inf, "float32")
        x[:, -3:] = 2
        np.testing.assert_array_equal(np.asarray(_core.softmax(x))[:, -3:], np.full((2, 3), 1 / 3, "float32"))
        assert not np.asarray(_core.softmax(x))[:, :-3].any()

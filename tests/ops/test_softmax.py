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


@pytest.mark.parametrize("op", ["softmax", "log_softmax"])
def test_a_row_does_not_depend_on_its_neighbours(op: str) -> None:
    x = np.random.default_rng(2).normal(size=(37, 10)).astype("float32")
    together = np.asarray(getattr(_core, op)(x))
    for i, row in enumerate(x):
        np.testing.assert_array_equal(np.asarray(getattr(_core, op)(row)), together[i])

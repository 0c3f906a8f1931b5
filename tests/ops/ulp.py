"""Errors of float32 functions in units of the last place."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pyneural import _core

FLOAT32 = np.finfo("float32")


def slack() -> float:
    """What a GPU may err beyond the CPU's limits: CUDA's library promises one or two ULP, of the rounded result."""
    return 1e-3 if _core.current_device() == "cpu" else 1.0


def sweep(low: float, high: float, count: int) -> np.ndarray:
    """About `count` floats of every magnitude in [low, high]: equally spaced bit patterns, and special values."""
    step = max(1, 2**32 // count) | 1
    x = np.arange(0, 2**32, step, dtype=np.uint64).astype("uint32").view("float32")
    special = np.array([0.0, -0.0, 1e-45, -1e-45, 1e-39, -1e-39, 1, -1, low, high], "float32")
    x = np.concatenate([x, special, np.linspace(max(low, -20), min(high, 20), count // 2, dtype="float32")])
    return x[(x >= low) & (x <= high)]


def largest_error(function: Callable, truth: Callable, x: np.ndarray) -> tuple[float, float]:
    """The largest error of `function` on float32 `x`, in ULP of the true result, and where it occurs."""
    with np.errstate(all="ignore"):
        wanted = truth(x.astype("float64"))
        rounded = wanted.astype("float32")
    actual = np.asarray(function(x))
    assert actual.dtype == np.float32
    limit = np.abs(wanted) > FLOAT32.max
    assert np.array_equal(np.isnan(actual), np.isnan(wanted))
    assert np.all(np.abs(actual[limit]) >= FLOAT32.max)
    compared = np.isfinite(rounded) & ~limit
    spacing = np.spacing(np.maximum(np.abs(rounded[compared]), FLOAT32.tiny)).astype("float64")
    errors = np.abs(actual[compared].astype("float64") - wanted[compared]) / spacing
    worst = int(np.argmax(errors))
    return float(errors[worst]), float(x[compared][worst])

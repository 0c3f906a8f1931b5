"""Checks of values."""

from __future__ import annotations

import numpy as np


def guard_finite(*values: np.ndarray) -> np.ndarray:
    return np.asarray(all(np.isfinite(value).all() for value in values))


def all_finite(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.isfinite(x).all())


def in_range(x: np.ndarray, lo: int, hi: int) -> np.ndarray:
    bad = np.flatnonzero(~((x >= lo) & (x < hi)))
    return np.asarray(bad[0] if bad.size else -1)

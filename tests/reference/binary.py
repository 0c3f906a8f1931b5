"""Element-wise functions of two arrays, where NumPy has no function of that name."""

from __future__ import annotations

import numpy as np


def squared_difference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a - b) ** 2

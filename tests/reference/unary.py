"""Element-wise functions of one array, where NumPy has no function of that name."""

from __future__ import annotations

import math

import numpy as np


def rsqrt(x: np.ndarray) -> np.ndarray:
    return 1 / np.sqrt(x)


def erf(x: np.ndarray) -> np.ndarray:
    return np.vectorize(math.erf, otypes=[np.float64])(x)

"""Layer normalization."""

from __future__ import annotations

import numpy as np


def layer_normalization(x, gamma=None, beta=None, axis=-1, epsilon=1e-3) -> np.ndarray:
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    y = (x - np.mean(x, axis=axes, keepdims=True)) / np.sqrt(np.var(x, axis=axes, keepdims=True) + epsilon)
    y = y if gamma is None else y * gamma
    return y if beta is None else y + beta

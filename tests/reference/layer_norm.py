"""Layer normalization."""

from __future__ import annotations

import numpy as np


def layer_normalization(x, gamma=None, beta=None, axis=-1, epsilon=1e-3) -> np.ndarray:
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    y = (x - np.mean(x, axis=axes, keepdims=True)) / np.sqrt(np.var(x, axis=axes, keepdims=True) + epsilon)
    shape = [n if i in {a % x.ndim for a in axes} else 1 for i, n in enumerate(x.shape)]
    y = y if gamma is None else y * gamma.reshape(shape)
    return y if beta is None else y + beta.reshape(shape)

"""Batch normalization."""

from __future__ import annotations

import numpy as np


def along(vector: np.ndarray, rank: int, axis: int) -> np.ndarray:
    shape = [1] * rank
    shape[axis] = -1
    return vector.reshape(shape)


def batch_normalization(x, mean, variance, axis=-1, offset=None, scale=None, epsilon=1e-3) -> np.ndarray:
    y = (x - along(mean, x.ndim, axis)) / np.sqrt(along(variance, x.ndim, axis) + epsilon)
    if scale is not None:
        y = y * along(scale, x.ndim, axis)
    return y if offset is None else y + along(offset, x.ndim, axis)


def batch_norm_train(x, gamma, beta, axis=-1, epsilon=1e-3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    others = tuple(i for i in range(x.ndim) if i != axis % x.ndim)
    mean, variance = np.mean(x, axis=others), np.var(x, axis=others)
    return (
        batch_normalization(x, mean, variance, axis, beta, gamma, epsilon),
        mean,
        variance,
    )

"""Reductions in NumPy float64."""

from __future__ import annotations

import numpy as np


def _axis(axis):
    return tuple(axis) if isinstance(axis, list) else axis


def _reduction(function):
    def reduce(x, axis=None, keepdims=False):
        return function(np.asarray(x), axis=_axis(axis), keepdims=keepdims)

    return reduce


sum = _reduction(np.sum)
mean = _reduction(np.mean)
prod = _reduction(np.prod)
max = _reduction(np.max)
min = _reduction(np.min)
var = _reduction(np.var)
std = _reduction(np.std)
any = _reduction(np.any)
all = _reduction(np.all)
count_nonzero = _reduction(np.count_nonzero)


def logsumexp(x, axis=None, keepdims=False):
    peak = np.max(x, axis=_axis(axis), keepdims=True)
    shift = np.where(np.isfinite(peak), peak, 0.0)
    with np.errstate(divide="ignore"):
        y = np.log(np.sum(np.exp(x - shift), axis=_axis(axis), keepdims=True)) + shift
    return y if keepdims else np.squeeze(y, axis=_axis(axis))


def argmax(x, axis=None, keepdims=False):
    return np.argmax(x, axis=axis, keepdims=keepdims).astype("int32")


def argmin(x, axis=None, keepdims=False):
    return np.argmin(x, axis=axis, keepdims=keepdims).astype("int32")


def cumsum(x, axis=None):
    return np.cumsum(x, axis=axis)


def sum_to(x, shape):
    missing = x.ndim - len(shape)
    x = x.sum(axis=tuple(range(missing)))
    return x.sum(axis=tuple(i for i, n in enumerate(shape) if n == 1), keepdims=True)

"""Ops that move elements, in NumPy."""

from __future__ import annotations

import numpy as np


def _axes(axes):
    return tuple(axes) if isinstance(axes, list) else axes


def reshape(x, shape):
    return np.reshape(x, shape)


def expand_dims(x, axis):
    return np.expand_dims(x, _axes(axis))


def squeeze(x, axis=None):
    return np.squeeze(x, _axes(axis))


def transpose(x, axes=None):
    return np.transpose(x, axes)


def broadcast_to(x, shape):
    return np.broadcast_to(x, shape)


def concatenate(xs, axis=-1):
    return np.concatenate(xs, axis)


def stack(xs, axis=0):
    return np.stack(xs, axis)


def split(x, indices_or_sections, axis=0):
    return tuple(np.split(x, indices_or_sections, axis))


def slice(x, start, shape):
    ends = [None if n == -1 else s + n for s, n in zip(start, shape, strict=True)]
    return x[tuple(np.s_[s:e] for s, e in zip(start, ends, strict=True))]


def strided_slice(x, begin, end, strides=()):
    strides = strides or [1] * len(begin)
    return x[tuple(np.s_[b:e:s] for b, e, s in zip(begin, end, strides, strict=True))]


def flip(x, axis=None):
    return np.flip(x, _axes(axis))


def tile(x, repeats):
    return np.tile(x, repeats)


def repeat(x, repeats, axis=None):
    return np.repeat(x, repeats, axis)


def pad(x, pad_width, mode="constant", value=0.0):
    return np.pad(x, pad_width, mode, **({"constant_values": value} if mode == "constant" else {}))


def pack(xs, offsets, total_bytes):
    """Offsets in bytes of the tensors' own dtype: the references run in float64, so they are scaled to elements."""
    flat = np.zeros(total_bytes // xs[0].itemsize, xs[0].dtype)
    for x, offset in zip(xs, offsets, strict=True):
        flat[offset // x.itemsize :][: x.size] = x.ravel()
    return flat

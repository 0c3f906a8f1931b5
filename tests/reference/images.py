"""Convolutions and pooling in NumPy float64, window by window."""

from __future__ import annotations

import numpy as np


def pad_same(x: np.ndarray, kernel: tuple, strides: tuple, dilation: tuple = (1, 1), value: float = 0.0) -> np.ndarray:
    """Images with the margin that makes the output ceil(size / stride) large; the larger half comes after."""
    widths = [(0, 0)]
    for size, k, s, d in zip(x.shape[1:3], kernel, strides, dilation):
        total = max((-(-size // s) - 1) * s + (k - 1) * d + 1 - size, 0)
        widths.append((total // 2, total - total // 2))
    return np.pad(x, [*widths, (0, 0)], constant_values=value)


def windows(x: np.ndarray, kernel: tuple, strides: tuple, dilation: tuple = (1, 1)) -> np.ndarray:
    """[batch, out_height, out_width, kernel_height, kernel_width, channels]"""
    (kh, kw), (sh, sw), (dh, dw) = kernel, strides, dilation
    height = (x.shape[1] - (kh - 1) * dh - 1) // sh + 1
    width = (x.shape[2] - (kw - 1) * dw - 1) // sw + 1
    rows = [
        [x[:, i * sh : i * sh + kh * dh : dh, j * sw : j * sw + kw * dw : dw] for j in range(width)]
        for i in range(height)
    ]
    return np.moveaxis(np.array(rows), 2, 0)


def conv2d(x, kernel, bias=0.0, strides=(1, 1), padding="valid", dilation=(1, 1), groups=1):
    """Kernel [height, width, channels / groups, filters]."""
    x = x.astype("float64")
    if padding == "same":
        x = pad_same(x, kernel.shape[:2], strides, dilation)
    patches = windows(x, kernel.shape[:2], strides, dilation)
    parts = [
        np.einsum("bijhwc,hwcf->bijf", p, k)
        for p, k in zip(np.split(patches, groups, -1), np.split(kernel.astype("float64"), groups, -1))
    ]
    return np.concatenate(parts, -1) + bias


def depthwise_conv2d(x, kernel, bias=0.0, strides=(1, 1), padding="valid", dilation=(1, 1)):
    """Kernel [height, width, channels, multiplier]."""
    x = x.astype("float64")
    if padding == "same":
        x = pad_same(x, kernel.shape[:2], strides, dilation)
    y = np.einsum("bijhwc,hwcm->bijcm", windows(x, kernel.shape[:2], strides, dilation), kernel.astype("float64"))
    return y.reshape(*y.shape[:3], -1) + bias


def pool2d(x, reduce, size, strides, padding):
    """`reduce` is np.nanmax or np.nanmean: padding is NaN and does not count."""
    x = x.astype("float64")
    if padding == "same":
        x = pad_same(x, size, strides, value=np.nan)
    return reduce(windows(x, size, strides), axis=(3, 4))

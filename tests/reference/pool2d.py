"""Maximum and average over sliding windows, and their gradients, in NumPy float64."""

import numpy as np

from tests.reference.conv2d import window_padding


def _windows(shape, pool_size, strides, padding):
    """For each output position, the slices of the input that its window covers."""
    axes = [window_padding(shape[1 + a], pool_size[a], strides[a], 1, padding) for a in range(2)]
    for i in range(axes[0][2]):
        for j in range(axes[1][2]):
            first = [o * strides[a] - axes[a][0] for a, o in enumerate((i, j))]
            rows, columns = (slice(max(first[a], 0), first[a] + pool_size[a]) for a in range(2))
            yield i, j, rows, columns


def _pool(x, reduce, pool_size, strides, padding):
    x = np.asarray(x, np.float64)
    strides = strides or pool_size
    size = [window_padding(x.shape[1 + a], pool_size[a], strides[a], 1, padding)[2] for a in range(2)]
    y = np.zeros((x.shape[0], *size, x.shape[3]))
    for i, j, rows, columns in _windows(x.shape, pool_size, strides, padding):
        y[:, i, j] = reduce(x[:, rows, columns], axis=(1, 2))
    return y


def max_pool2d(x, pool_size, strides=None, padding="valid"):
    return _pool(x, np.max, pool_size, strides, padding)


def average_pool2d(x, pool_size, strides=None, padding="valid"):
    """Positions outside the image do not count."""
    return _pool(x, np.mean, pool_size, strides, padding)


def max_pool2d_grad(grad, x, pool_size, strides=None, padding="valid"):
    """The first maximum of a window, in row-major order, receives its gradient; so does the first NaN."""
    x, grad = np.asarray(x, np.float64), np.asarray(grad, np.float64)
    out = np.zeros_like(x)
    for i, j, rows, columns in _windows(x.shape, pool_size, strides or pool_size, padding):
        window = x[:, rows, columns]
        flat = window.reshape(len(x), window.shape[1] * window.shape[2], x.shape[3])
        first = np.argmax(flat, axis=1)  # NumPy finds the first NaN too
        share = np.zeros_like(flat)
        np.put_along_axis(share, first[:, None], grad[:, i, j][:, None], axis=1)
        out[:, rows, columns] += share.reshape(window.shape)
    return out


def average_pool2d_grad(grad, shape, pool_size, strides=None, padding="valid"):
    grad = np.asarray(grad, np.float64)
    out = np.zeros(shape)
    for i, j, rows, columns in _windows(shape, pool_size, strides or pool_size, padding):
        count = out[0:1, rows, columns].shape[1] * out[0:1, rows, columns].shape[2]
        out[:, rows, columns] += grad[:, i, j][:, None, None] / count
    return out

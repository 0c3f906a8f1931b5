"""Two-dimensional convolutions, dense and depthwise, and their gradients in NumPy float64."""

import numpy as np


def window_padding(size, taps, stride, dilation, padding):
    """Zeros before and after one axis, and the number of outputs (TensorFlow's rule)."""
    extent = (taps - 1) * dilation + 1
    if padding == "valid":
        return 0, 0, (size - extent) // stride + 1
    outputs = -(-size // stride)
    total = max((outputs - 1) * stride + extent - size, 0)
    return total // 2, total - total // 2, outputs


def _taps(shape, kernel_size, strides, padding, dilation_rate):
    """The padding of an image batch and, for each tap, the slices of the padded images that it reads."""
    axes = [window_padding(shape[1 + a], kernel_size[a], strides[a], dilation_rate[a], padding) for a in range(2)]
    pad = [(0, 0), axes[0][:2], axes[1][:2], (0, 0)]
    taps = []
    for tap in np.ndindex(*kernel_size):
        first = [tap[a] * dilation_rate[a] for a in range(2)]
        rows, columns = (slice(first[a], first[a] + (axes[a][2] - 1) * strides[a] + 1, strides[a]) for a in range(2))
        taps.append((tap, (slice(None), rows, columns)))
    return pad, taps, (axes[0][2], axes[1][2])


def _unpad(x, pad):
    return x[tuple(slice(before, x.shape[i] - after) for i, (before, after) in enumerate(pad))]


def conv2d(x, kernel, bias=None, strides=(1, 1), padding="valid", dilation_rate=(1, 1), groups=1):
    x, kernel = np.asarray(x, np.float64), np.asarray(kernel, np.float64)
    pad, taps, size = _taps(x.shape, kernel.shape[:2], strides, padding, dilation_rate)
    x = np.pad(x, pad)
    channels, filters = kernel.shape[2], kernel.shape[3] // groups
    y = np.zeros((x.shape[0], *size, kernel.shape[3]))
    for tap, pixels in taps:
        for g in range(groups):
            out = slice(g * filters, (g + 1) * filters)
            y[..., out] += x[pixels][..., g * channels : (g + 1) * channels] @ kernel[tap][:, out]
    return y if bias is None else y + np.asarray(bias, np.float64)


def conv2d_gradients(grad, x, kernel, strides=(1, 1), padding="valid", dilation_rate=(1, 1), groups=1):
    """Gradients of x and kernel, given the gradient of the output."""
    grad, x, kernel = (np.asarray(a, np.float64) for a in (grad, x, kernel))
    pad, taps, _ = _taps(x.shape, kernel.shape[:2], strides, padding, dilation_rate)
    x = np.pad(x, pad)
    grad_x, grad_kernel = np.zeros_like(x), np.zeros_like(kernel)
    channels, filters = kernel.shape[2], kernel.shape[3] // groups
    for tap, pixels in taps:
        for g in range(groups):
            into, out = slice(g * channels, (g + 1) * channels), slice(g * filters, (g + 1) * filters)
            grad_x[pixels][..., into] += grad[..., out] @ kernel[tap][:, out].T
            grad_kernel[tap][:, out] += np.einsum("nijc,nijo->co", x[pixels][..., into], grad[..., out])
    return _unpad(grad_x, pad), grad_kernel


def depthwise_conv2d(x, kernel, bias=None, strides=(1, 1), padding="valid", dilation_rate=(1, 1)):
    """kernel: [rows, columns, channels, multiplier]; output channel c * multiplier + m."""
    kernel = np.asarray(kernel, np.float64)
    rows, columns, channels, multiplier = kernel.shape
    dense = kernel.reshape(rows, columns, 1, channels * multiplier)
    return conv2d(x, dense, bias, strides, padding, dilation_rate, groups=channels)


def depthwise_conv2d_gradients(grad, x, kernel, strides=(1, 1), padding="valid", dilation_rate=(1, 1)):
    kernel = np.asarray(kernel, np.float64)
    rows, columns, channels, multiplier = kernel.shape
    dense = kernel.reshape(rows, columns, 1, channels * multiplier)
    grad_x, grad_kernel = conv2d_gradients(grad, x, dense, strides, padding, dilation_rate, groups=channels)
    return grad_x, grad_kernel.reshape(kernel.shape)

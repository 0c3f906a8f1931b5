"""Activations as Keras defines them."""

from __future__ import annotations

import math

import numpy as np

SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805


def relu(x, negative_slope=0.0, max_value=None, threshold=0.0):
    y = np.where(x >= threshold, x, negative_slope * (x - threshold))
    return y if max_value is None else np.where(x >= max_value, max_value, y)


def leaky_relu(x, negative_slope=0.2):
    return relu(x, negative_slope)


def relu6(x):
    return np.clip(x, 0, 6)


def elu(x, alpha=1.0):
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def selu(x):
    return SELU_SCALE * elu(x, SELU_ALPHA)


def sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x < 0, e / (1 + e), 1 / (1 + e))


def softplus(x):
    return np.logaddexp(0, x)


def log_sigmoid(x):
    return -softplus(-x)


def softsign(x):
    return x / (1 + np.abs(x))


def silu(x):
    return x * sigmoid(x)


def gelu(x, approximate=True):
    if approximate:
        return silu_of(x, 2 * math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))
    return np.maximum(x, 0) - 0.5 * np.abs(x) * np.vectorize(math.erfc, otypes=[np.float64])(np.abs(x) / math.sqrt(2))


def silu_of(x, z):
    """x * (1 + tanh(z / 2)) / 2."""
    return x * sigmoid(z)


def mish(x):
    return x * np.tanh(softplus(x))


def hard_sigmoid(x):
    return np.clip(x + 3, 0, 6) / 6


def hard_silu(x):
    return x * hard_sigmoid(x)


def tanh(x):
    return np.tanh(x)

"""Losses that compare numbers: values per sample, the mean over the last axis.

All take targets and predictions [batch, d0, ..., dN] and return [batch, d0, ..., dN-1].
"""

from __future__ import annotations

import math
from typing import Any

from pyneural import _core, config, ops
from pyneural.losses.shapes import same_shape_operands


def mean_squared_error(y_true: Any, y_pred: Any) -> Any:
    """mean((y_true - y_pred)^2)."""
    y_true, y_pred = same_shape_operands(y_true, y_pred, "mean_squared_error")
    return ops.mean(_core.squared_difference(y_true, y_pred), axis=-1)


def mean_absolute_error(y_true: Any, y_pred: Any) -> Any:
    """mean(|y_true - y_pred|)."""
    y_true, y_pred = same_shape_operands(y_true, y_pred, "mean_absolute_error")
    return ops.mean(ops.absolute(y_true - y_pred), axis=-1)


def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Any:
    """100 * mean(|y_true - y_pred| / max(|y_true|, epsilon))."""
    y_true, y_pred = same_shape_operands(y_true, y_pred, "mean_absolute_percentage_error")
    scale = ops.maximum(ops.absolute(y_true), config.epsilon())
    return 100.0 * ops.mean(ops.absolute((y_true - y_pred) / scale), axis=-1)


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Any:
    """mean((log(y_true + 1) - log(y_pred + 1))^2), both clipped from below to epsilon."""
    y_true, y_pred = same_shape_operands(y_true, y_pred, "mean_squared_logarithmic_error")
    epsilon = config.epsilon()
    log_pred = ops.log(ops.maximum(y_pred, epsilon) + 1.0)
    log_true = ops.log(ops.maximum(y_true, epsilon) + 1.0)
    return ops.mean(_core.squared_difference(log_pred, log_true), axis=-1)


def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Any:
    """Quadratic within `delta`, linear beyond (Huber 1964)."""
    y_true, y_pred = same_shape_operands(y_true, y_pred, "huber")
    error = y_pred - y_true
    size = ops.absolute(error)
    return ops.mean(
        ops.where(size <= delta, 0.5 * ops.square(error), delta * size - 0.5 * delta * delta),
        axis=-1,
    )


def log_cosh(y_true: Any, y_pred: Any) -> Any:
    """mean(log(cosh(y_pred - y_true)))."""
    y_true, y_pred = same_shape_operands(y_true, y_pred, "log_cosh")
    # |d| + log(1 + exp(-2|d|)) - log(2): cosh itself overflows from 89 on.
    size = ops.absolute(y_pred - y_true)
    return ops.mean(size + ops.softplus(-2.0 * size) - math.log(2.0), axis=-1)


def poisson(y_true: Any, y_pred: Any) -> Any:
    """mean(y_pred - y_true * log(y_pred))."""
    y_true, y_pred = same_shape_operands(y_true, y_pred, "poisson")
    return ops.mean(y_pred - y_true * ops.log(y_pred + config.epsilon()), axis=-1)


def kl_divergence(y_true: Any, y_pred: Any) -> Any:
    """sum(y_true * log(y_true / y_pred)), both clipped to [epsilon, 1]."""
    y_true, y_pred = same_shape_operands(y_true, y_pred, "kl_divergence")
    y_true = ops.clip(y_true, config.epsilon(), 1.0)
    y_pred = ops.clip(y_pred, config.epsilon(), 1.0)
    return ops.sum(y_true * ops.log(y_true / y_pred), axis=-1)


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """-cos of the angle between the vectors along `axis`: -1 for the same direction."""
    y_true, y_pred = same_shape_operands(y_true, y_pred, "cosine_similarity")
    return -ops.sum(unit_length(y_true, axis) * unit_length(y_pred, axis), axis=axis)


def unit_length(x: Any, axis: int) -> Any:
    """x divided by its Euclidean norm along `axis`; vectors shorter than epsilon are divided by epsilon."""
    squares = ops.sum(ops.square(x), axis=axis, keepdims=True)
    return x * ops.rsqrt(ops.maximum(squares, config.epsilon() ** 2))

"""Losses that want a margin between classes.

All take targets and predictions [batch, d0, ..., dN] and return [batch, d0, ..., dN-1].
"""

from __future__ import annotations

from typing import Any

from pyneural import ops
from pyneural.losses.shapes import same_shape_operands


def _signs(y_true: Any) -> Any:
    """Targets in {-1, 1}: all-binary targets in {0, 1} are mapped, others are kept."""
    binary = ops.all(ops.logical_or(ops.equal(y_true, 0), ops.equal(y_true, 1)))
    return ops.where(binary, 2.0 * y_true - 1.0, y_true)


def hinge(y_true: Any, y_pred: Any) -> Any:
    """mean(max(1 - y_true * y_pred, 0)), targets -1 or 1 (0 and 1 are mapped to them)."""
    y_true, y_pred = same_shape_operands(y_true, y_pred, "hinge")
    return ops.mean(ops.relu(1.0 - _signs(y_true) * y_pred), axis=-1)


def squared_hinge(y_true: Any, y_pred: Any) -> Any:
    """mean(max(1 - y_true * y_pred, 0)^2), targets -1 or 1 (0 and 1 are mapped to them)."""
    y_true, y_pred = same_shape_operands(y_true, y_pred, "squared_hinge")
    return ops.mean(ops.square(ops.relu(1.0 - _signs(y_true) * y_pred)), axis=-1)


def categorical_hinge(y_true: Any, y_pred: Any) -> Any:
    """max(neg - pos + 1, 0): pos is the score of the true class, neg the best score of the others."""
    y_true, y_pred = same_shape_operands(y_true, y_pred, "categorical_hinge")
    positive = ops.sum(y_true * y_pred, axis=-1)
    negative = ops.max((1.0 - y_true) * y_pred, axis=-1)
    return ops.relu(negative - positive + 1.0)

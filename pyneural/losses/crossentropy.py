"""Cross-entropies, values per sample. See `ops.categorical_crossentropy` and its kin for the numerics."""

from __future__ import annotations

from typing import Any

from pyneural import ops
from pyneural.losses.shapes import same_shape_operands, squeeze_or_expand_to_same_rank


def binary_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Cross-entropy of independent yes/no targets.

    Args:
        y_true: targets in [0, 1], [batch, d0, ..., dN].
        y_pred: probabilities (or logits), same shape.
        from_logits: whether `y_pred` are logits.
        label_smoothing: s > 0 moves the targets towards 0.5: y * (1 - s) + 0.5 * s.
        axis: axis of the mean.

    Returns:
        The mean over `axis`, [batch, d0, ..., dN-1].
    """
    y_true, y_pred = same_shape_operands(y_true, y_pred, "binary_crossentropy")
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + 0.5 * label_smoothing
    return ops.mean(ops.binary_crossentropy(y_true, y_pred, from_logits=from_logits), axis=axis)


def categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Cross-entropy of one-hot (or soft) targets.

    Args:
        y_true: distribution over the classes, [batch, d0, ..., classes].
        y_pred: probabilities (or logits), same shape.
        from_logits: whether `y_pred` are logits.
        label_smoothing: s > 0 spreads s over all classes: y * (1 - s) + s / classes.
        axis: axis of the classes.

    Returns:
        -sum(y_true * log(p)) over the classes, [batch, d0, ..., dN-1].
    """
    _check_axis(axis)
    y_true, y_pred = _class_operands(y_true, y_pred)
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + label_smoothing / y_pred.shape[axis]
    return ops.categorical_crossentropy(y_true, y_pred, from_logits=from_logits, axis=axis)


def sparse_categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> Any:
    """Cross-entropy of integer targets.

    Args:
        y_true: class numbers, [batch, d0, ..., dN-1] or [batch, d0, ..., dN-1, 1].
        y_pred: probabilities (or logits), [batch, d0, ..., dN-1, classes].
        from_logits: whether `y_pred` are logits.
        ignore_class: targets with this number get the value 0.
        axis: axis of the classes.

    Returns:
        -log(p[y_true]), [batch, d0, ..., dN-1].
    """
    _check_axis(axis)
    y_pred = ops.convert_to_tensor(y_pred)
    labels = class_labels(y_true, y_pred, axis)
    if ignore_class is None:
        return ops.sparse_categorical_crossentropy(labels, y_pred, from_logits=from_logits, axis=axis)
    kept = ops.not_equal(labels, ignore_class)
    values = ops.sparse_categorical_crossentropy(ops.where(kept, labels, 0), y_pred, from_logits=from_logits, axis=axis)
    return ops.where(kept, values, 0.0)


sparse_categorical_crossentropy.takes_class_numbers = True  # type: ignore[attr-defined]


def class_labels(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Targets as int32 class numbers in the shape of `y_pred` without its class axis.

    Raises:
        ValueError: that shape is not the one of the targets.
    """
    y_true = ops.convert_to_tensor(y_true)
    shape = list(y_pred.shape)
    del shape[axis]
    if len(y_true.shape) == len(shape) + 1 and y_true.shape[-1] == 1:
        y_true = ops.squeeze(y_true, -1)
    if list(y_true.shape) != shape:
        hint = ""
        if tuple(y_true.shape) == tuple(y_pred.shape):
            hint = " One-hot targets belong to `categorical_crossentropy`."
        raise ValueError(
            "`sparse_categorical_crossentropy` expects one class number per prediction: expected "
            f"y_true.shape={tuple(shape)} for y_pred.shape={tuple(y_pred.shape)}, "
            f"received y_true.shape={tuple(y_true.shape)}.{hint}"
        )
    return ops.cast(y_true, "int32")


def _class_operands(y_true: Any, y_pred: Any) -> tuple:
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = ops.convert_to_tensor(y_true, dtype=y_pred.dtype)
    y_true, y_pred = squeeze_or_expand_to_same_rank(y_true, y_pred)
    if tuple(y_true.shape) != tuple(y_pred.shape):
        hint = ""
        if len(y_true.shape) < len(y_pred.shape) or y_true.shape[-1] == 1:
            hint = (
                " Class numbers belong to `sparse_categorical_crossentropy`; `utils.to_categorical` turns them "
                "into one-hot targets."
            )
        raise ValueError(
            "`categorical_crossentropy` expects one-hot targets of the shape of the predictions. Received "
            f"y_true.shape={tuple(y_true.shape)}, y_pred.shape={tuple(y_pred.shape)}.{hint}"
        )
    return y_true, y_pred


def _check_axis(axis: Any) -> None:
    if isinstance(axis, bool):
        raise ValueError(f"`axis` must be of type `int`. Received: axis={axis} of type {type(axis)}")

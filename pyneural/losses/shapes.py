"""How targets and predictions are brought to the same shape."""

from __future__ import annotations

from typing import Any

from pyneural import ops


def squeeze_or_expand_to_same_rank(x1: Any, x2: Any, expand_rank_1: bool = True) -> tuple:
    """Drops or adds a last axis of size 1 where the ranks differ by one.

    Args:
        x1: tensor, [d0, ..., dN] or [d0, ..., dN, 1].
        x2: tensor, [d0, ..., dN] or [d0, ..., dN, 1].
        expand_rank_1: a tensor of rank 1 gains an axis rather than the other one losing it.

    Returns:
        Both tensors, unchanged unless one has one trailing axis of size 1 more than the other.
    """
    rank1, rank2 = len(x1.shape), len(x2.shape)
    if rank1 == rank2 + 1 and x1.shape[-1] == 1:
        if rank2 == 1 and expand_rank_1:
            x2 = ops.expand_dims(x2, -1)
        else:
            x1 = ops.squeeze(x1, -1)
    elif rank2 == rank1 + 1 and x2.shape[-1] == 1:
        if rank1 == 1 and expand_rank_1:
            x1 = ops.expand_dims(x1, -1)
        else:
            x2 = ops.squeeze(x2, -1)
    return x1, x2


def same_shape_operands(y_true: Any, y_pred: Any, name: str) -> tuple:
    """Targets in the dtype and shape of the predictions.

    Raises:
        ValueError: the shapes differ; broadcasting them would compare every target with the wrong prediction.
    """
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = ops.convert_to_tensor(y_true, dtype=y_pred.dtype)
    y_true, y_pred = squeeze_or_expand_to_same_rank(y_true, y_pred)
    if tuple(y_true.shape) != tuple(y_pred.shape):
        raise ValueError(
            f"`{name}` compares targets and predictions element by element, but their shapes differ: "
            f"y_true.shape={tuple(y_true.shape)}, y_pred.shape={tuple(y_pred.shape)}. Give the targets the shape "
            "of the model's output (or change the units of the last layer)."
        )
    return y_true, y_pred

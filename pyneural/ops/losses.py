"""Cross-entropies. Where the predictions come straight out of a softmax or sigmoid, its input is used instead of its
output: the same quantity without the loss of precision, and one fused kernel."""

from __future__ import annotations

from typing import Any

from pyneural import _core
from pyneural.config import epsilon
from pyneural.ops.shape import convert_to_tensor
from pyneural.ops.wrap import op, public_names


def _logits_of(output: Any, kind: str) -> Any:
    found = _core.producer_logits(output)
    return found[1] if found is not None and found[0] == kind else None


def _probabilities(output: Any) -> Any:
    return _core.clip(output, epsilon(), 1.0 - epsilon())


@op
def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """Element-wise -(target * log(output) + (1 - target) * log(1 - output)).

    Args:
        target: Tensor of the shape of `output`, values in [0, 1].
        output: Probabilities, or logits if `from_logits`.
        from_logits: Whether `output` has not been through a sigmoid.
    """
    output = convert_to_tensor(output)
    target = convert_to_tensor(target, output.dtype)
    if target.shape != output.shape:
        raise ValueError(
            "Arguments `target` and `output` must have the same shape. "
            f"Received: target.shape={tuple(target.shape)}, output.shape={tuple(output.shape)}"
        )
    logits = output if from_logits else _logits_of(output, "sigmoid")
    if logits is not None:
        return _core.sigmoid_cross_entropy(target, logits)
    p = _probabilities(output)
    loss = target * _core.log(p) + (1.0 - target) * _core.log(1.0 - p)
    return -loss


@op
def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """-sum(target * log(output)) over the axis of classes.

    Args:
        target: Probabilities (often one-hot), the shape of `output`.
        output: Probabilities, or logits if `from_logits`.
        from_logits: Whether `output` has not been through a softmax.
        axis: The axis of classes.
    """
    output = convert_to_tensor(output)
    target = convert_to_tensor(target, output.dtype)
    if target.shape != output.shape:
        raise ValueError(
            "Arguments `target` and `output` must have the same shape. "
            f"Received: target.shape={tuple(target.shape)}, output.shape={tuple(output.shape)}"
        )
    if len(target.shape) < 1:
        raise ValueError("Arguments `target` and `output` must be at least rank 1.")
    last = axis in (-1, output.ndim - 1)
    logits = output if from_logits else (_logits_of(output, "softmax") if last else None)
    if logits is not None:
        if not last:
            logits, target = _class_axis_last(logits, axis), _class_axis_last(target, axis)
        return _core.softmax_cross_entropy(target, logits)
    p = _probabilities(output / _core.sum(output, axis, True))
    return -_core.sum(target * _core.log(p), axis)


@op
def sparse_categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """-log(output) of the class that `target` names.

    Args:
        target: Integers from 0 to the number of classes - 1, the shape of `output` without the axis of classes (or
            with an axis of size 1 there).
        output: Probabilities, or logits if `from_logits`.
        from_logits: Whether `output` has not been through a softmax.
        axis: The axis of classes.
    """
    output = convert_to_tensor(output)
    target = convert_to_tensor(target)
    if output.ndim < 1:
        raise ValueError("Argument `output` must be at least rank 1.")
    if target.ndim == output.ndim and target.shape[-1] == 1:
        target = _core.squeeze(target, -1)
    expected = [n for a, n in enumerate(output.shape) if a != axis % output.ndim]
    if list(target.shape) != expected:
        raise ValueError(
            "Arguments `target` and `output` must have the same shape up until the last dimension: "
            f"target.shape={tuple(target.shape)}, output.shape={tuple(output.shape)}"
        )
    target = _core.cast(target, "int64") if target.dtype not in ("int32", "int64") else target
    last = axis in (-1, output.ndim - 1)
    logits = output if from_logits else (_logits_of(output, "softmax") if last else None)
    if not last:
        output = _class_axis_last(output, axis)
        logits = output if from_logits else None
    if logits is None:
        # The logarithm of normalised probabilities is a vector of logits for them.
        logits = _core.log(_probabilities(output / _core.sum(output, -1, True)))
        picked = _core.take_along_axis(logits, _core.expand_dims(target, -1), -1)
        return -_core.squeeze(picked, -1)
    return _core.sparse_softmax_cross_entropy(target, logits)


def _class_axis_last(x: Any, axis: int) -> Any:
    axes = list(range(x.ndim))
    axes.append(axes.pop(axis))
    return _core.transpose(x, axes)


__all__ = public_names(globals())

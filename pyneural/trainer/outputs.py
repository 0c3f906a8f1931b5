"""Targets, predictions and weights of a model with one or several outputs, as lists in the order of the outputs."""

from __future__ import annotations

from typing import Any

from pyneural import tree


def list_outputs(y_pred: Any, output_names: list[str] | None) -> tuple[list, list]:
    """Predictions as a list, and the name of each (None where it has none)."""
    if isinstance(y_pred, dict):
        names = list(output_names) if output_names and set(output_names) == set(y_pred) else sorted(y_pred)
        return [y_pred[name] for name in names], names
    if isinstance(y_pred, (list, tuple)):
        leaves = tree.flatten(y_pred)
        names = list(output_names) if output_names and len(output_names) == len(leaves) else [None] * len(leaves)
        return leaves, names
    return [y_pred], list(output_names[:1]) if output_names else [None]


def list_for_outputs(value: Any, names: list, what: str) -> list:
    """Targets (or weights) as a list with one entry per output, None where there is none.

    Raises:
        ValueError: the value does not have one entry per output.
    """
    if value is None:
        return [None] * len(names)
    if isinstance(value, dict):
        unknown = [key for key in value if key not in names]
        if unknown and len(value) == len(names) and None in names:
            return tree.flatten(value)
        if unknown:
            raise ValueError(f"`{what}` names outputs that the model does not have: {unknown}. Its outputs: {names}.")
        return [value.get(name) for name in names]
    if isinstance(value, (list, tuple)):
        leaves = tree.flatten(value)
        if len(leaves) != len(names):
            raise ValueError(
                f"The model has {len(names)} outputs{f' {names}' if None not in names else ''}, but `{what}` has "
                f"{len(leaves)} entries."
            )
        return leaves
    if len(names) == 1:
        return [value]
    if what == "sample_weight":
        return [value] * len(names)
    raise ValueError(
        f"The model has {len(names)} outputs{f' {names}' if None not in names else ''}, but `{what}` is a single "
        "array: pass a list or a dict with one entry per output."
    )


def is_binary_or_sparse_categorical(y_true: Any, y_pred: Any) -> tuple[bool, bool]:
    """Which kind of "accuracy" or "crossentropy" fits the shapes: (binary, class numbers), else one-hot."""
    true_shape, pred_shape = tuple(y_true.shape), tuple(y_pred.shape)
    sparse = len(true_shape) < len(pred_shape) or (true_shape[-1] == 1 and pred_shape[-1] > 1)
    return pred_shape[-1] == 1, sparse

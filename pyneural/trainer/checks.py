"""Checks of values that would otherwise train silently on nonsense: one pass over the data per `fit`."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from pyneural import _core, tree
from pyneural.trainer.outputs import list_for_outputs, list_outputs

# Rounding takes hand-made probabilities a little outside [0, 1].
_PROBABILITY_SLACK = 1e-3


def check_finite(part: Any, argument: str) -> None:
    """Raises ValueError if an array of `x`, `y` or `sample_weight` holds NaN or infinity."""
    for array in tree.flatten(part):
        if array is None or array.dtype.kind != "f" or bool(_core.all_finite(array)):
            continue
        index = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise ValueError(
            f"`{argument}` holds a value that is not finite: {argument}[{', '.join(map(str, index))}] = {array[index]} "
            f"(shape {array.shape}). Remove or replace such rows first (`numpy.nan_to_num`, or an imputer)."
        )


def check_targets(y: Any, ranges: list, names: list) -> None:
    """Checks that targets lie where the losses of their outputs expect them.

    Args:
        y: targets of all outputs.
        ranges: what `CompileLoss.label_ranges` gave.
        names: names of the outputs.

    Raises:
        ValueError: a class number out of range, or a target of a cross-entropy outside [0, 1].
    """
    for array, allowed, name in zip(list_for_outputs(y, names, "y"), ranges, names):
        if array is None or allowed is None:
            continue
        what = "`y`" + (f" for output '{name}'" if name and len(names) > 1 else "")
        if allowed[0] == "classes":
            _check_classes(array, allowed[1], allowed[2], what)
        elif array.dtype.kind != "b":
            position = int(_core.in_range(array, 0, 2))
            if position >= 0 or (array.dtype.kind == "f" and array.max(initial=0.0) > 1.0):
                value = array.ravel()[position] if position >= 0 else array.max()
                raise ValueError(
                    f"{what} holds the value {value}, but a cross-entropy needs targets between 0 and 1. Class "
                    "numbers belong to `sparse_categorical_crossentropy`; targets -1 and 1 to `hinge`."
                )


def _check_classes(labels: np.ndarray, classes: int, ignored: int | None, what: str) -> None:
    if labels.dtype.kind == "b":
        return
    if ignored is not None and not 0 <= ignored < classes:
        labels = labels[labels != ignored]
    if labels.dtype.kind == "f" and not bool(_core.all(_core.equal(_core.floor(labels), labels))):
        value = labels[np.floor(labels) != labels][0]
        raise ValueError(
            f"{what} holds the value {value}, but `sparse_categorical_crossentropy` expects whole class numbers."
        )
    position = int(_core.in_range(labels, 0, classes))
    if position < 0:
        return
    value = labels.ravel()[position]
    raise ValueError(
        f"{what} holds the class number {value} (at position {position}), but the model's output has {classes} "
        f"classes: `sparse_categorical_crossentropy` expects class numbers from 0 to {classes - 1}. Number the classes "
        f"from 0, or give the last layer more units."
    )


def check_activations(compile_loss: Any, y_pred: Any, names: list | None) -> list[int]:
    """Looks for an output layer that does not fit its loss.

    Args:
        compile_loss: the built losses.
        y_pred: symbolic predictions.
        names: names of the outputs.

    Returns:
        Numbers of the outputs that should be probabilities but do not come from a softmax or sigmoid.

    Raises:
        ValueError: a softmax over a single unit, which is always 1.
    """
    preds, names = list_outputs(y_pred, names)
    suspects = []
    for i, (pred, probabilities) in enumerate(zip(preds, compile_loss.wants_probabilities())):
        loss = compile_loss.losses[i]
        found = _core.producer_logits(pred)
        kind = found[0] if found is not None else None
        if kind == "softmax" and pred.shape[-1] == 1 and loss is not None:
            raise ValueError(
                f"Output '{names[i] or i}' is a softmax over one unit, which is always 1. Use "
                "`activation='sigmoid'` with `binary_crossentropy`, or one unit per class."
            )
        if probabilities and kind is None:
            suspects.append(i)
        elif kind is not None and getattr(loss, "_fn_kwargs", {}).get("from_logits"):
            warnings.warn(
                f"`{loss.name}` received `from_logits=True`, but the `y_pred` argument was produced by a {kind} "
                "activation and thus does not represent logits. Was this intended?",
                stacklevel=3,
            )
    return suspects


def check_probabilities(values: np.ndarray, loss_name: str, name: Any) -> None:
    """Raises ValueError if predictions for a cross-entropy of probabilities lie outside [0, 1]."""
    low, high = float(values.min(initial=0.0)), float(values.max(initial=0.0))
    if low < -_PROBABILITY_SLACK or high > 1.0 + _PROBABILITY_SLACK:
        where = f"Output '{name}' of the model" if name else "The model"
        raise ValueError(
            f"{where} gives values from {low:.4g} to {high:.4g}, but the loss `{loss_name}` expects probabilities "
            "between 0 and 1. Either end the model with a sigmoid or softmax, or pass the loss with "
            "`from_logits=True`."
        )

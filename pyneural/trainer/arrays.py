"""Arrays of any kind as contiguous NumPy arrays that the engine reads without another copy."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyneural import config, tree

_WIDER = {"uint16": "int32", "uint32": "int64", "uint64": "int64"}


def is_array(x: Any) -> bool:
    """Whether `x` is an array or a structure of arrays (not an iterable of batches)."""
    if isinstance(x, dict):
        return all(is_array(value) for value in x.values())
    if isinstance(x, (list, tuple)):
        return all(isinstance(value, (int, float, bool)) or is_array(value) for value in x)
    return isinstance(x, np.ndarray) or (hasattr(x, "__array__") and hasattr(x, "shape"))


def to_arrays(structure: Any, argument: str) -> Any:
    """The same structure with every leaf as an array of a dtype that the engine computes with.

    Args:
        structure: an array, a nested list, tuple or dict of arrays, or lists of numbers.
        argument: its name, for messages.

    Raises:
        ValueError: a leaf is no array, has no first axis or a dtype that is not numeric.
    """
    if _is_number_list(structure):
        structure = np.asarray(structure)
    return tree.map_structure(lambda leaf: as_array(leaf, argument), structure)


def as_array(leaf: Any, argument: str) -> np.ndarray | None:
    """One array: contiguous; floats in `config.floatx()`, integers and booleans kept."""
    if leaf is None:
        return None
    if hasattr(leaf, "detach") and hasattr(leaf, "cpu"):
        leaf = leaf.detach().cpu()
    array = leaf if isinstance(leaf, np.ndarray) else np.asarray(leaf)
    if array.ndim == 0:
        raise ValueError(
            f"Unrecognized data type: {argument}={leaf!r} (of type {type(leaf)}). Expected arrays whose first axis "
            "counts samples."
        )
    kind = array.dtype.kind
    if kind == "O":
        array = _from_objects(array, argument)
        kind = array.dtype.kind
    if kind == "f" or array.dtype.name == "bfloat16":
        dtype = config.floatx()
    elif kind in "iub":
        dtype = _WIDER.get(array.dtype.name, array.dtype.name)
    else:
        raise ValueError(
            f"Invalid dtype: {array.dtype} of `{argument}`. Expected numbers; turn text and dates into numbers first."
        )
    return np.ascontiguousarray(array, dtype=dtype)


def _from_objects(array: np.ndarray, argument: str) -> np.ndarray:
    try:
        return array.astype(config.floatx())
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"Invalid dtype: object of `{argument}`. Expected an array of numbers in which all rows have the same "
            "shape."
        ) from error


def _is_number_list(x: Any) -> bool:
    while isinstance(x, (list, tuple)) and x:
        x = x[0]
    return isinstance(x, (int, float, bool))


def count_rows(x: Any, y: Any, sample_weight: Any) -> int:
    """The number of samples, the same in all arrays.

    Raises:
        ValueError: the arrays disagree, or there are no samples.
    """
    sizes = {
        name: [leaf.shape[0] for leaf in tree.flatten(part) if leaf is not None]
        for name, part in (("x", x), ("y", y), ("sample_weight", sample_weight))
        if part is not None
    }
    found = {size for part in sizes.values() for size in part}
    if len(found) > 1:
        text = "".join(f"'{name}' sizes: {', '.join(map(str, part))}\n" for name, part in sizes.items() if part)
        raise ValueError(
            f"Data cardinality is ambiguous. Make sure all arrays contain the same number of samples.\n{text}"
        )
    rows = found.pop() if found else 0
    if rows == 0:
        shapes = ", ".join(str(leaf.shape) for leaf in tree.flatten(x) if leaf is not None)
        raise ValueError(f"The data has no samples. Received x with shape {shapes}.")
    return rows


def class_weights_of(y: Any, class_weight: dict, sample_weight: Any) -> np.ndarray:
    """One weight per sample, from the weight of its class.

    Args:
        y: class numbers [rows] or [rows, 1], or one-hot targets [rows, classes].
        class_weight: weight of each class; classes that are missing have weight 1.
        sample_weight: must be None.

    Returns:
        Weights, [rows].
    """
    if sample_weight is not None:
        raise ValueError("You cannot `class_weight` and `sample_weight` at the same time.")
    if tree.is_nested(y):
        leaves = tree.flatten(y)
        if len(leaves) != 1:
            raise ValueError("`class_weight` is only supported for Models with a single output.")
        y = leaves[0]
    if y is None:
        raise ValueError("`class_weight` needs targets `y`.")
    if y.ndim > 2:
        raise ValueError("`class_weight` not supported for 3+ dimensional targets.")
    if y.ndim == 2:
        y = np.argmax(y, axis=1) if y.shape[1] > 1 else y[:, 0]
    labels = np.rint(y).astype("int64") if y.dtype.kind == "f" else y.astype("int64")
    if len(labels) and labels.min() < 0:
        raise ValueError(f"`class_weight` needs class numbers from 0 on. Received the target {labels.min()}.")
    table = np.ones(
        max([int(labels.max(initial=0)), *(int(k) for k in class_weight)]) + 1,
        dtype=config.floatx(),
    )
    for number, weight in class_weight.items():
        table[int(number)] = weight
    return table[labels]


def leaves(data: tuple) -> list[np.ndarray]:
    """The arrays of a batch, in the order of a plan's inputs."""
    return [leaf for leaf in tree.flatten(data) if leaf is not None]

"""Small conversions of arrays before training."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyneural import config


def to_categorical(x: Any, num_classes: int | None = None) -> np.ndarray:
    """Class numbers as one-hot rows.

    Args:
        x: class numbers from 0, [...] or [..., 1].
        num_classes: number of classes; one more than the largest number by default.

    Returns:
        Array [..., num_classes] of `config.floatx()`.

    Raises:
        ValueError: a number outside [0, num_classes).
    """
    labels = np.asarray(x)
    if labels.dtype.kind not in "iub":
        labels = labels.astype("int64")
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    if num_classes is None:
        num_classes = int(labels.max(initial=-1)) + 1
    wrong = labels[(labels < 0) | (labels >= num_classes)]
    if wrong.size:
        raise ValueError(
            f"`to_categorical` expects class numbers from 0 to {num_classes - 1}. Received the number {wrong.flat[0]}."
        )
    return np.eye(num_classes, dtype=config.floatx())[labels.astype("int64")]


def normalize(x: Any, axis: int = -1, order: int = 2) -> np.ndarray:
    """Vectors along `axis` divided by their norm; zero vectors are kept.

    Args:
        x: array.
        axis: axis of the vectors.
        order: order of the norm.
    """
    x = np.asarray(x)
    norms = np.atleast_1d(np.linalg.norm(x, order, axis))
    norms[norms == 0] = 1
    return x / np.expand_dims(norms, axis)


def pad_sequences(
    sequences: Any,
    maxlen: int | None = None,
    dtype: str = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> np.ndarray:
    """Sequences of different lengths as one array.

    Args:
        sequences: list of sequences.
        maxlen: length of the result, that of the longest sequence by default.
        dtype: dtype of the result.
        padding: "pre" or "post": where values are added.
        truncating: "pre" or "post": where values are dropped.
        value: what is added.

    Returns:
        Array [sequences, maxlen, ...].
    """
    if not hasattr(sequences, "__len__"):
        raise ValueError("`sequences` must be iterable.")
    for name, side in (("padding", padding), ("truncating", truncating)):
        if side not in ("pre", "post"):
            raise ValueError(f'`{name}` must be "pre" or "post". Received: {name}={side}')
    rows = [np.asarray(sequence) for sequence in sequences]
    length = max((len(row) for row in rows), default=0) if maxlen is None else maxlen
    sample = next((row.shape[1:] for row in rows if len(row)), ())
    out = np.full((len(rows), length, *sample), value, dtype=dtype)
    for i, row in enumerate(rows):
        if not len(row):
            continue
        if row.shape[1:] != sample:
            raise ValueError(
                f"Shape of sample {row.shape[1:]} of sequence at position {i} is different from expected shape {sample}"
            )
        kept = (row[-length:] if truncating == "pre" else row[:length]) if length else row[:0]
        if len(kept):
            out[i, : len(kept)] = kept
            if padding == "pre":
                out[i] = np.roll(out[i], length - len(kept), axis=0)
    return out


def split_dataset(
    dataset: Any,
    left_size: float | int | None = None,
    right_size: float | int | None = None,
    shuffle: bool = False,
    seed: int | None = None,
) -> tuple:
    """Cuts arrays into a left and a right part.

    Args:
        dataset: an array, or a list, tuple or dict of arrays with the same number of rows.
        left_size: rows of the left part: a share in (0, 1) or a number.
        right_size: rows of the right part.
        shuffle: whether to shuffle the rows first.
        seed: seed of that.

    Returns:
        (left, right), each in the structure of `dataset`.
    """
    from pyneural import tree

    if left_size is None and right_size is None:
        raise ValueError(
            "At least one of the `left_size` or `right_size` must be specified. Received: left_size=None and "
            "right_size=None"
        )
    arrays = tree.map_structure(np.asarray, dataset)
    lengths = {len(leaf) for leaf in tree.flatten(arrays)}
    if len(lengths) != 1:
        raise ValueError(f"All arrays need the same number of rows. Received: {sorted(lengths)}")
    rows = lengths.pop()
    left, right = (
        _count_rows(size, rows, name) for size, name in ((left_size, "left_size"), (right_size, "right_size"))
    )
    if left is None:
        left = rows - right
    if right is None:
        right = rows - left
    if left + right > rows or left == 0 or right == 0:
        raise ValueError(f"The dataset has {rows} rows and cannot be cut into {left} and {right} rows.")
    order = np.random.default_rng(seed).permutation(rows) if shuffle else np.arange(rows)

    def cut(index: np.ndarray) -> Any:
        return tree.map_structure(lambda leaf: leaf[index], arrays)

    return cut(order[:left]), cut(order[left : left + right])


def _count_rows(size: Any, rows: int, name: str) -> int | None:
    if size is None:
        return None
    if isinstance(size, float):
        if not 0 < size < 1:
            raise ValueError(f"`{name}` as a share must be in (0, 1). Received: {name}={size}")
        return round(size * rows)
    if not isinstance(size, (int, np.integer)) or not 0 < size < rows:
        raise ValueError(f"`{name}` must be in (0, {rows}). Received: {name}={size}")
    return int(size)

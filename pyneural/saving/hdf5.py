"""HDF5 files that come from anywhere: only plain arrays that lie in the file itself are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

_NUMERIC_KINDS = "fiub"


class Malformed(ValueError):
    """A file that is not what it claims to be."""


def child_group(group: Any, path: str) -> Any:
    """The group at a path below `group`, None if there is none.

    Raises:
        Malformed: a part of the path is a link or not a group.
    """
    import h5py

    for name in path.split("/") if path else ():
        if name not in group:
            return None
        _require_hard_link(group, name)
        group = group[name]
        if not isinstance(group, h5py.Group):
            raise Malformed(f"{group.name!r} is not a group.")
    return group


def _require_hard_link(group: Any, name: str) -> None:
    import h5py

    link = group.get(name, getlink=True)
    if not isinstance(link, h5py.HardLink):
        raise Malformed(f"{group.name}/{name} is a {type(link).__name__}: links are not followed.")


class Store(Mapping):
    """The arrays "0", "1", ... of a group, read when asked for, if they have the expected shapes.

    Args:
        group: the HDF5 group.
        expected: name -> variable; only arrays of just its shape are read.
    """

    def __init__(self, group: Any, expected: dict[str, Any]):
        self._group = group
        self._expected = expected

    def __iter__(self) -> Iterator[str]:
        return iter(self._group.keys())

    def __len__(self) -> int:
        return len(self._group)

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._group:
            raise KeyError(name)
        variable = self._expected.get(name)
        array = read_array(self._group, name, None if variable is None else tuple(variable.shape))
        return array if variable is None else array.astype(variable.dtype, copy=False)


def read_array(group: Any, name: str, shape: tuple | None) -> np.ndarray:
    """Reads one array.

    Args:
        group: the HDF5 group.
        name: name of the array.
        shape: the shape that it must have; None accepts up to a million numbers of any shape.

    Raises:
        Malformed: it is no plain array of numbers inside the file.
        ValueError: it has another shape.
    """
    import h5py

    _require_hard_link(group, name)
    dataset = group[name]
    where = f"{group.name}/{name}"
    if not isinstance(dataset, h5py.Dataset):
        raise Malformed(f"{where} is not an array.")
    if dataset.is_virtual or dataset.external:
        raise Malformed(f"{where} takes its values from another file.")
    if dataset.dtype.kind not in _NUMERIC_KINDS and dataset.dtype.name != "bfloat16":
        raise Malformed(f"{where} has the dtype {dataset.dtype}, which is not numeric.")
    if dataset.shape is None:
        raise Malformed(f"{where} has no values.")
    if shape is not None and tuple(dataset.shape) != shape:
        raise ValueError(f"{where} has shape {tuple(dataset.shape)}, but the variable has shape {shape}.")
    if shape is None and dataset.size > 1_000_000:
        raise Malformed(f"{where} has {dataset.size} values.")
    return dataset[()] if dataset.shape == () else dataset[...]


def stored_numbers(file: Any) -> int:
    """How many numbers the arrays of a file hold; at most a thousand per byte that they take there."""
    import h5py

    total = 0

    def add(name: str, item: Any) -> None:
        nonlocal total
        if isinstance(item, h5py.Dataset) and item.shape is not None:
            total += min(int(item.size), 1000 * item.id.get_storage_size())

    try:
        with h5py.File(file, "r") as root:
            root.visititems(add)
    except (OSError, RuntimeError, KeyError, TypeError) as error:
        raise Malformed(f"The weights cannot be read: {error}") from error
    return total

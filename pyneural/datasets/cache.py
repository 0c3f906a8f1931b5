"""Reading of dataset files; whatever lies in a cache is checked before it is used."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np


def read_npz(path: Any, names: tuple) -> list[np.ndarray]:
    """Arrays of an npz file; nothing in it is unpickled."""
    with np.load(path, allow_pickle=False) as file:
        return [file[name] for name in names]


def read_idx(path: Any, header: int, shape: tuple) -> np.ndarray:
    """An array of bytes from a compressed IDX file.

    Args:
        path: the file.
        header: bytes before the values.
        shape: the shape that it must have; the size of the first axis is free if that is -1.

    Raises:
        ValueError: the file does not have that size.
    """
    with gzip.open(Path(path), "rb") as file:
        data = file.read(64 << 20)
    values = np.frombuffer(data, np.uint8, offset=header)
    try:
        return values.reshape(shape)
    except ValueError:
        raise ValueError(f"{path} is not the expected file: it holds {values.size} bytes, not {shape}.") from None

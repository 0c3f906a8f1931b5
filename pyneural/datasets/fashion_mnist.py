"""Fashion-MNIST: 70,000 pictures of clothes in ten classes (Xiao et al. 2017), 28 x 28 pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pyneural.datasets.cache import read_idx
from pyneural.utils.files import get_file, keras_home

_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
# Debian's package dataset-fashion-mnist.
_SYSTEM_FOLDER = Path("/usr/share/datasets/fashion-mnist")
_FILES = {
    "train-labels-idx1-ubyte.gz": (8, (60000,)),
    "train-images-idx3-ubyte.gz": (16, (60000, 28, 28)),
    "t10k-labels-idx1-ubyte.gz": (8, (10000,)),
    "t10k-images-idx3-ubyte.gz": (16, (10000, 28, 28)),
}

CLASSES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")


def load_data() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """The data set, from Keras's cache, the operating system's package, or downloaded into the cache.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: uint8 images [60000 or 10000, 28, 28] and uint8 labels.

    Raises:
        OSError: not found and no network.
    """
    y_train, x_train, y_test, x_test = (
        read_idx(_locate(name), header, shape) for name, (header, shape) in _FILES.items()
    )
    return (x_train, y_train), (x_test, y_test)


def _locate(name: str) -> str:
    cached = keras_home() / "datasets" / "fashion-mnist" / name
    for path in (cached, _SYSTEM_FOLDER / name):
        if path.is_file():
            return str(path)
    return get_file(name, _URL + name, cache_subdir="datasets/fashion-mnist")

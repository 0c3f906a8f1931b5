"""1,797 handwritten digits of 8 x 8 pixels, from scikit-learn (the test set of Alpaydin and Kaynak 1998)."""

from __future__ import annotations

import numpy as np


def load_data(test_split: float = 0.2, seed: int = 0) -> tuple:
    """The digits, shuffled.

    Args:
        test_split: share of the test set.
        seed: seed of the shuffle.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: uint8 images [n, 8, 8] with values from 0 to 16, and uint8 labels.

    Raises:
        ImportError: scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError("This data set comes with scikit-learn: `pip install pyneural-nn[datasets]`.") from error
    found = load_digits()
    order = np.random.default_rng(seed).permutation(len(found.target))
    x, y = found.images.astype("uint8")[order], found.target.astype("uint8")[order]
    cut = len(x) - round(len(x) * test_split)
    return (x[:cut], y[:cut]), (x[cut:], y[cut:])

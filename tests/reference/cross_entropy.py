"""Cross-entropies from logits."""

from __future__ import annotations

import numpy as np

from tests.reference.softmax import log_softmax


def sparse_softmax_cross_entropy(labels: np.ndarray, logits: np.ndarray) -> np.ndarray:
    labels = labels.reshape(*logits.shape[:-1], 1).astype(np.int64)
    return -np.take_along_axis(log_softmax(logits), labels, axis=-1)[..., 0]


def softmax_cross_entropy(targets: np.ndarray, logits: np.ndarray) -> np.ndarray:
    return -np.sum(targets * log_softmax(logits), axis=-1)


def sigmoid_cross_entropy(targets: np.ndarray, logits: np.ndarray) -> np.ndarray:
    return targets * np.logaddexp(0, -logits) + (1 - targets) * np.logaddexp(0, logits)

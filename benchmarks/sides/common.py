"""What the sides share. Needs NumPy alone: it runs in the environment of every peer."""

import importlib.util
from pathlib import Path

import numpy as np

MODELS = Path(__file__).resolve().parents[2] / "pyneural" / "bench" / "models.py"
_spec = importlib.util.spec_from_file_location("bench_models", MODELS)
models = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(models)


def random(*shape):
    """Fresh standard normal values."""
    return np.random.default_rng().standard_normal(shape, dtype=np.float32)


def shuffled_batches(case):
    """The rows of each batch of an epoch, in a new random order."""
    order = np.random.default_rng().permutation(case["batch"] * case["steps"])
    return order.reshape(case["steps"], case["batch"])


def images_first(x):
    """NHWC to NCHW; other arrays as they are."""
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2)) if x.ndim == 4 else x

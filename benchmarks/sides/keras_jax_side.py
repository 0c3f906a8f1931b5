"""Keras on JAX: `fit` and `predict`, compiled by XLA. The number of threads is that of the pinned processors."""

import os

os.environ["KERAS_BACKEND"] = "jax"

import jax
import keras
from keras_models import builders

BUILDERS = builders(keras)


def info():
    return {"keras": keras.__version__, "jax": jax.__version__}


def set_threads(threads):
    """XLA's pool has as many threads as the process may use processors."""


def prepare(case):
    builder = BUILDERS.get(case["op"])
    return builder(case) if builder else None

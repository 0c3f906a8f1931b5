"""Keras on TensorFlow: `fit` and `predict`, as compiled graphs."""

import os

os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import tensorflow
from keras_models import builders

BUILDERS = builders(keras)


def info():
    return {"keras": keras.__version__, "tensorflow": tensorflow.__version__}


def set_threads(threads):
    tensorflow.config.threading.set_intra_op_parallelism_threads(threads)


def prepare(case):
    builder = BUILDERS.get(case["op"])
    return builder(case) if builder else None

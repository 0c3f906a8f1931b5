"""Models whose losses were recorded from Keras 3, with the same weights and the same batches.

The same code runs on either library: `python tests/models/trajectories.py` with Keras installed writes
trajectories.json anew; test_trajectories.py trains on pyneural and compares.
"""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np

FILE = pathlib.Path(__file__).with_name("trajectories.json")
STEPS = 10


def mlp(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((20,)),
            layers.Dense(32, activation="relu", kernel_regularizer=keras.regularizers.L2(1e-3)),
            layers.LayerNormalization(),
            layers.Dense(16, activation="gelu"),
            layers.Dense(5, activation="softmax"),
        ]
    )


def sigmoid_mlp(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [keras.Input((20,)), layers.Dense(16, activation="sigmoid"), layers.Dense(5, activation="sigmoid")]
    )


def cnn(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((12, 12, 3)),
            layers.Conv2D(8, 3, padding="same", use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.MaxPooling2D(),
            layers.DepthwiseConv2D(3, activation="tanh"),
            layers.Conv2D(12, 2, strides=2, padding="same", activation="elu"),
            layers.Flatten(),
            layers.Dense(5, activation="softmax"),
        ]
    )


def residual(keras: Any) -> Any:
    layers = keras.layers
    inputs = keras.Input((8, 8, 4))
    x = layers.SeparableConv2D(6, 3, padding="same", activation="silu")(inputs)
    shortcut = layers.Conv2D(6, 1)(inputs)
    x = layers.Add()([x, shortcut])
    x = layers.AveragePooling2D(2)(x)
    x = layers.Concatenate()([layers.GlobalAveragePooling2D()(x), layers.GlobalMaxPooling2D()(x)])
    return keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x))


CASES: dict[str, tuple[Callable, dict, str, str]] = {
    # name: (model, optimizer config, loss, kind of targets)
    "mlp-adam": (mlp, {"name": "Adam", "learning_rate": 0.01}, "sparse_categorical_crossentropy", "labels"),
    "mlp-adamw-clip": (
        mlp,
        {"name": "AdamW", "learning_rate": 0.01, "weight_decay": 0.05, "global_clipnorm": 0.5},
        "categorical_crossentropy",
        "one-hot",
    ),
    "sigmoid-sgd": (sigmoid_mlp, {"name": "SGD", "learning_rate": 0.5}, "mse", "one-hot"),
    "sigmoid-nesterov": (
        sigmoid_mlp,
        {"name": "SGD", "learning_rate": 0.1, "momentum": 0.9, "nesterov": True},
        "huber",
        "one-hot",
    ),
    "cnn-rmsprop": (cnn, {"name": "RMSprop", "learning_rate": 0.002}, "sparse_categorical_crossentropy", "labels"),
    "cnn-adam": (cnn, {"name": "Adam", "learning_rate": 0.003}, "categorical_crossentropy", "one-hot"),
    "residual-adagrad": (residual, {"name": "Adagrad", "learning_rate": 0.1}, "binary_crossentropy", "binary"),
    "residual-adadelta": (residual, {"name": "Adadelta", "learning_rate": 1.0}, "hinge", "binary"),
}


def run(keras: Any, name: str) -> list[float]:
    """Losses of STEPS steps of training, weights and batches drawn from a fixed seed."""
    build, options, loss, targets = CASES[name]
    rng = np.random.default_rng(sum(map(ord, name)))
    model = build(keras)
    model.set_weights([initial(w.shape, rng) for w in model.weights])
    options = dict(options)
    optimizer = getattr(keras.optimizers, options.pop("name"))(**options)
    model.compile(optimizer=optimizer, loss=loss)
    losses = []
    for _ in range(STEPS):
        x = rng.normal(size=(16, *model.input_shape[1:])).astype("float32")
        labels = rng.integers(0, 5, 16)
        y = {"labels": labels, "one-hot": np.eye(5, dtype="float32")[labels], "binary": (labels > 2)[:, None] * 1.0}[
            targets
        ]
        result = model.train_on_batch(x, y.astype("float32") if targets != "labels" else y)
        losses.append(float(np.ravel(result)[0]))
    return losses


def initial(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Kernels at the usual scale; one-dimensional weights (biases, gains, moving variances) positive."""
    if len(shape) == 1:
        return rng.uniform(0.5, 1.0, shape).astype("float32")
    return (rng.normal(size=shape) / np.sqrt(np.prod(shape[:-1]))).astype("float32")


if __name__ == "__main__":
    import keras

    record = {"keras": keras.version(), "losses": {name: run(keras, name) for name in CASES}}
    FILE.write_text(json.dumps(record, indent=1) + "\n")

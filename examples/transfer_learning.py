"""What was learned on digits 0-4 helps with 5-9: the convolutions are frozen, a new head is trained on few images."""

from __future__ import annotations

import numpy as np

import pyneural as keras
from pyneural import layers


def with_head(convolutions):
    """A classifier of five digits on top of the convolutions."""
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            *convolutions,
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(64, activation="relu"),
            layers.Dense(5, activation="softmax"),
        ]
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def new_convolutions():
    return [
        layers.Conv2D(16, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(32, 3, activation="relu"),
        layers.MaxPooling2D(),
    ]


def main(epochs: int = 10, few: int = 50) -> dict[str, float]:
    keras.utils.set_random_seed(4)
    (x_train, y_train), (x_test, y_test) = keras.datasets.mnist_5k.load_data()
    x_train, x_test = (x[..., None].astype("float32") / 255 for x in (x_train, x_test))
    low, low_test, high, high_test = y_train < 5, y_test < 5, y_train >= 5, y_test >= 5

    convolutions = new_convolutions()
    first = with_head(convolutions)
    first.fit(x_train[low], y_train[low], epochs=epochs, verbose=0)
    accuracy = first.evaluate(x_test[low_test], y_test[low_test], verbose=0)[1]
    print(f"digits 0-4, {low.sum()} images: {accuracy:.1%} right on held-out digits")

    for layer in convolutions:
        layer.trainable = False
    before = [np.array(weight) for layer in convolutions for weight in layer.get_weights()]
    results = {}
    for name, stack in [("with the frozen convolutions", convolutions), ("from nothing", new_convolutions())]:
        model = with_head(stack)
        x, y = x_train[high][:few], y_train[high][:few] - 5
        model.fit(x, y, batch_size=10, epochs=2 * epochs, verbose=0)
        results[name] = model.evaluate(x_test[high_test], y_test[high_test] - 5, verbose=0)[1]
        print(f"digits 5-9, {few} images, {name}: {results[name]:.1%}")
    after = [weight for layer in convolutions for weight in layer.get_weights()]
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))  # frozen means frozen
    return results


if __name__ == "__main__":
    main()

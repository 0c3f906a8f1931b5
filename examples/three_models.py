"""Softmax regression, one hidden layer and a convolutional network on the same digits: what does depth buy?"""

from __future__ import annotations

import time

import pictures

import pyneural as keras
from pyneural import layers


def softmax_regression():
    return [layers.Flatten(), layers.Dense(10, activation="softmax")]


def one_hidden_layer():
    return [layers.Flatten(), layers.Dense(128, activation="relu"), layers.Dense(10, activation="softmax")]


def convolutional():
    return [
        layers.Conv2D(16, 5, activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(32, 5, activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dropout(0.4),
        layers.Dense(10, activation="softmax"),
    ]


def main(epochs: int = 12) -> dict[str, float]:
    (x_train, y_train), (x_test, y_test) = keras.datasets.mnist_5k.load_data()
    x_train = x_train[..., None].astype("float32") / 255  # [n, 28, 28, 1], 0 to 1
    x_test = x_test[..., None].astype("float32") / 255

    histories, results = {}, {}
    print(f"{'':<20}{'weights':>9}{'accuracy':>10}{'seconds':>9}")
    for name, make in [
        ("softmax regression", softmax_regression),
        ("one hidden layer", one_hidden_layer),
        ("convolutional", convolutional),
    ]:
        keras.utils.set_random_seed(1)
        model = keras.Sequential([keras.Input((28, 28, 1)), *make()])
        model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        begin = time.perf_counter()
        history = model.fit(x_train, y_train, validation_data=(x_test, y_test), epochs=epochs, verbose=0)
        seconds = time.perf_counter() - begin
        histories[name] = history.history
        results[name] = history.history["val_accuracy"][-1]
        print(f"{name:<20}{model.count_params():>9,}{results[name]:>10.1%}{seconds:>9.1f}")
    print("The curves are in", pictures.learning_curves(histories, "three_models.png"))
    return results


if __name__ == "__main__":
    main()

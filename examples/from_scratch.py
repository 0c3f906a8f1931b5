"""A network without layers, losses or optimizers: variables, `ops` and `GradientTape` are enough."""

from __future__ import annotations

import numpy as np

import pyneural as keras
from pyneural import ops

HIDDEN, BATCH, RATE = 64, 50, 0.2


def network(x, weights):
    """Logits of a 784-64-10 perceptron."""
    w1, b1, w2, b2 = weights
    hidden = ops.relu(ops.matmul(x, w1) + b1)  # [batch, HIDDEN]
    return ops.matmul(hidden, w2) + b2  # [batch, 10]


def cross_entropy(labels, logits):
    """Mean of -log(probability of the right class)."""
    right = ops.sum(ops.one_hot(labels, 10) * logits, axis=-1)
    return ops.mean(ops.logsumexp(logits, axis=-1) - right)


def main(epochs: int = 8) -> float:
    (x_train, y_train), (x_test, y_test) = keras.datasets.mnist_5k.load_data()
    x_train = x_train.reshape(-1, 784).astype("float32") / 255
    x_test = x_test.reshape(-1, 784).astype("float32") / 255
    y_train = y_train.astype("int32")

    rng = np.random.default_rng(1)
    weights = [
        keras.Variable(rng.normal(0, np.sqrt(2 / 784), (784, HIDDEN)).astype("float32")),
        keras.Variable(np.zeros(HIDDEN, "float32")),
        keras.Variable(rng.normal(0, np.sqrt(2 / HIDDEN), (HIDDEN, 10)).astype("float32")),
        keras.Variable(np.zeros(10, "float32")),
    ]

    for epoch in range(epochs):
        order = rng.permutation(len(x_train))
        total = 0.0
        for first in range(0, len(order), BATCH):
            rows = order[first : first + BATCH]
            with keras.GradientTape() as tape:
                loss = cross_entropy(y_train[rows], network(x_train[rows], weights))
            for weight, gradient in zip(weights, tape.gradient(loss, weights), strict=True):
                weight.assign_sub(RATE * gradient)  # plain gradient descent
            total += float(loss) * len(rows)
        answers = np.asarray(ops.argmax(network(x_test, weights), axis=-1))
        accuracy = float(np.mean(answers == y_test))
        print(f"epoch {epoch + 1}: loss {total / len(order):.4f}, accuracy on held-out digits {accuracy:.1%}")
    return accuracy


if __name__ == "__main__":
    main()

"""XOR with a 2-8-1 network: the smallest problem that needs a hidden layer. Its gradient is also derived by hand."""

from __future__ import annotations

import numpy as np

import pyneural as keras


def gradient_by_hand(x, y, weights):
    """The chain rule on paper, from the loss back to the first layer."""
    w1, b1, w2, b2 = weights
    hidden = np.tanh(x @ w1 + b1)  # [4, 8]
    probability = 1 / (1 + np.exp(-(hidden @ w2 + b2)))  # [4, 1]
    d_logit = (probability - y) / len(x)  # the slopes of sigmoid and cross-entropy multiply to this
    d_hidden = (d_logit @ w2.T) * (1 - hidden**2)  # the slope of tanh is 1 - tanh^2
    return [x.T @ d_hidden, d_hidden.sum(axis=0), hidden.T @ d_logit, d_logit.sum(axis=0)]


def main(epochs: int = 500) -> float:
    keras.utils.set_random_seed(1)
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32")
    y = np.array([[0], [1], [1], [0]], "float32")

    model = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(8, activation="tanh"),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    loss = keras.losses.BinaryCrossentropy()

    # The tape remembers what happens inside it, and walks it back.
    with keras.GradientTape() as tape:
        value = loss(y, model(x))
    by_tape = tape.gradient(value, model.trainable_variables)
    by_hand = gradient_by_hand(x, y, model.get_weights())
    for variable, taped, derived in zip(model.trainable_variables, by_tape, by_hand, strict=True):
        difference = np.abs(np.asarray(taped) - derived).max()
        print(f"{variable.path:<16} gradient by tape and by hand differ by at most {difference:.1e}")

    model.compile(optimizer=keras.optimizers.Adam(0.05), loss=loss)
    model.fit(x, y, batch_size=4, epochs=epochs, verbose=0)
    answers = model.predict(x, verbose=0)
    for (a, b), answer in zip(x.astype(int), answers[:, 0], strict=True):
        print(f"{a} xor {b} = {answer:.3f}")
    return float(np.abs(answers - y).max())


if __name__ == "__main__":
    main()

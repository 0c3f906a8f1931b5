"""A layer and a loss of one's own: how far does a noisy wave swing? Three quantiles instead of one mean."""

from __future__ import annotations

import numpy as np
import pictures

import pyneural as keras
from pyneural import ops

QUANTILES = [0.1, 0.5, 0.9]


class Sine(keras.layers.Layer):
    """sin(x w + b), with frequencies and phases that are learned."""

    def __init__(self, units: int, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.frequency = self.add_weight(
            shape=(input_shape[-1], self.units),
            initializer=keras.initializers.RandomNormal(stddev=3.0),
            name="frequency",
        )
        self.phase = self.add_weight(shape=(self.units,), initializer="zeros", name="phase")

    def call(self, inputs):
        return ops.sin(ops.matmul(inputs, self.frequency) + self.phase)


class QuantileLoss(keras.losses.Loss):
    """Too low costs q, too high costs 1 - q: least where a share q of the data lies below the prediction."""

    def call(self, y_true, y_pred):
        error = y_true - y_pred  # [batch, 1] - [batch, quantiles]
        quantile = ops.convert_to_tensor(np.array(QUANTILES, "float32"))
        return ops.mean(ops.maximum(quantile * error, (quantile - 1) * error), axis=-1)


def main(epochs: int = 60) -> list[float]:
    keras.utils.set_random_seed(2)
    rng = np.random.default_rng(2)
    x = rng.uniform(-2, 2, (4000, 1)).astype("float32")
    y = (np.sin(3 * x) + rng.normal(0, 0.1 + 0.2 * np.abs(x))).astype("float32")  # the noise grows outwards

    model = keras.Sequential(
        [keras.Input((1,)), Sine(32), keras.layers.Dense(32, activation="relu"), keras.layers.Dense(len(QUANTILES))]
    )
    model.compile(optimizer=keras.optimizers.Adam(0.003), loss=QuantileLoss())
    model.fit(x[:3000], y[:3000], batch_size=50, epochs=epochs, verbose=0)

    below = (y[3000:] < model.predict(x[3000:], verbose=0)).mean(axis=0)
    for quantile, share in zip(QUANTILES, below, strict=True):
        print(f"{share:.1%} of the held-out points lie below the predicted {quantile:.0%} quantile")

    figure, axis = pictures.plt.subplots(figsize=(8, 4))
    grid = np.linspace(-2, 2, 400, dtype="float32")[:, None]
    axis.plot(x[3000:], y[3000:], ".", color="silver", markersize=3)
    axis.plot(grid, model.predict(grid, verbose=0), label=[f"{q:.0%}" for q in QUANTILES])
    axis.legend(title="quantile", frameon=False)
    print("The band is in", pictures.save(figure, "quantiles.png"))
    return below.tolist()


if __name__ == "__main__":
    main()

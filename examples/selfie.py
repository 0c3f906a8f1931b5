"""Two classes of images: is the face smiling? The faces are drawn here, so that nothing has to be downloaded."""

from __future__ import annotations

import numpy as np
import pictures

import pyneural as keras
from pyneural import layers

SIZE = 32


def draw_faces(count: int, rng: np.random.Generator):
    """Round faces of any place, size and tone, with a mouth that bends up or down: images and labels (1: smiling)."""
    rows, columns = np.mgrid[0:SIZE, 0:SIZE].astype("float32")

    def spread(low, high):
        return rng.uniform(low, high, (count, 1, 1))

    radius, tone, dark = spread(9, 14), spread(0.5, 1.0), spread(0.0, 0.35)
    y = (rows - spread(14, 18)) / radius  # in units of the face's radius, -1 at the top of the head
    x = (columns - spread(14, 18)) / radius
    labels = rng.integers(0, 2, count)
    bend = spread(0.4, 1.2) * np.where(labels == 1, -1, 1)[:, None, None]
    images = np.where(x**2 + y**2 < 1, tone, spread(0, 0.4))
    eyes = (np.abs(x) - 0.4) ** 2 + (y + 0.3) ** 2 < 0.025
    mouth = (np.abs(y - 0.45 - bend * (x**2 - 0.12)) < 0.11) & (np.abs(x) < 0.5)
    images = np.where(eyes | mouth, dark, images) + rng.normal(0, 0.1, (count, SIZE, SIZE))
    return images[..., None].astype("float32"), labels.astype("float32")


def main(epochs: int = 4, count: int = 3000) -> float:
    keras.utils.set_random_seed(3)
    images, labels = draw_faces(count, np.random.default_rng(3))

    model = keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 1)),
            layers.Conv2D(64, 2, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Dropout(0.3),
            layers.Conv2D(32, 2, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Dropout(0.3),
            layers.Flatten(),
            layers.Dense(256, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    history = model.fit(images, labels, epochs=epochs, batch_size=64, validation_split=0.2, verbose=2)

    figure, axes = pictures.plt.subplots(2, 6, figsize=(9, 3.4), layout="constrained")
    smiles = model.predict(images[-12:], verbose=0)[:, 0]
    for axis, image, smile in zip(axes.flat, images[-12:], smiles, strict=True):
        axis.imshow(image[..., 0], cmap="gray", vmin=0, vmax=1)
        axis.set_title(f"smiles: {smile:.0%}", fontsize=9)
        axis.set_axis_off()
    print("Some held-out faces are in", pictures.save(figure, "faces.png"))
    return history.history["val_accuracy"][-1]


if __name__ == "__main__":
    main()

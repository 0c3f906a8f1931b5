"""Pictures that several examples draw: learning curves, and pages of images with what the model thought."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping, Sequence

import matplotlib

matplotlib.use("Agg")  # files only: works without a display
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import LogLocator

OUTPUT = pathlib.Path("output")


def save(figure: plt.Figure, name: str) -> pathlib.Path:
    """Writes a figure to output/`name` and closes it."""
    OUTPUT.mkdir(exist_ok=True)
    path = OUTPUT / name
    figure.savefig(path, dpi=130, bbox_inches="tight")
    plt.close(figure)
    return path


def learning_curves(histories: Mapping[str, Mapping[str, Sequence[float]]], name: str, metric: str = "accuracy"):
    """Loss and `metric` over the epochs, one colour per model: dashed on training data, solid on held-out data.

    Args:
        histories: `History.history` of each model, by the name to show.
        name: File name in output/.
        metric: The metric beside the loss.

    Returns:
        Path of the picture.
    """
    figure, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    for axis, key in zip(axes, ("loss", metric), strict=True):
        for number, (label, history) in enumerate(histories.items()):
            epochs = np.arange(1, len(history[key]) + 1)
            colour = f"C{number}"
            axis.plot(epochs, history[key], "--", color=colour, alpha=0.6, label=f"{label}, training")
            axis.plot(epochs, history[f"val_{key}"], "o-", color=colour, markersize=4, label=f"{label}, held out")
        axis.set_xlabel("epoch")
        axis.set_title(key)
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_yscale("log")
    axes[0].yaxis.set_major_formatter("{x:g}")
    axes[0].yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
    axes[0].yaxis.set_minor_formatter("{x:g}")
    axes[1].legend(frameon=False, loc="lower right")
    return save(figure, name)


def misclassified(images: np.ndarray, labels: np.ndarray, probabilities: np.ndarray, name: str, count: int = 24):
    """The wrong answers, surest first: each image beside the probabilities of all classes.

    Args:
        images: Grey images, [n, height, width] or [n, height, width, 1].
        labels: True classes, [n].
        probabilities: Softmax outputs, [n, classes].
        name: File name in output/.
        count: How many to show at most.

    Returns:
        Path of the picture.
    """
    answers = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(answers != labels)
    wrong = wrong[np.argsort(-probabilities[wrong, answers[wrong]])][:count]
    columns = 4
    rows = max(1, -(-len(wrong) // columns))
    figure, axes = plt.subplots(rows, 2 * columns, figsize=(12, 1.55 * rows + 0.6), layout="constrained", squeeze=False)
    figure.suptitle(f"{np.sum(answers != labels)} of {len(labels)} held-out digits misread; the surest mistakes first")
    for axis in axes.flat:
        axis.set_axis_off()
    for place, index in enumerate(wrong):
        picture, bars = axes[place // columns, 2 * (place % columns) :][:2]
        picture.imshow(images[index].squeeze(), cmap="gray_r")
        picture.set_title(f"{labels[index]} read as {answers[index]}", fontsize=9)
        classes = np.arange(probabilities.shape[1])
        colours = np.where(
            classes == labels[index], "tab:green", np.where(classes == answers[index], "tab:red", "silver")
        )
        bars.set_axis_on()
        bars.bar(classes, probabilities[index], color=colours)
        shares = [f"{c}: {probabilities[index, c]:.0%}" for c in (answers[index], labels[index])]
        bars.set_title(",  ".join(shares), fontsize=9)
        bars.set(ylim=(0, 1), xticks=classes, yticks=[])
        bars.tick_params(labelsize=6, length=0)
        bars.spines[["top", "right", "left"]].set_visible(False)
    return save(figure, name)

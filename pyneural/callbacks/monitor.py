"""What callbacks that watch one metric share: which value is better."""

from __future__ import annotations

import warnings
from typing import Any

from pyneural.callbacks.callback import Callback

_MAXIMISED = ("acc", "auc", "precision", "recall", "score", "fmeasure", "iou", "cosine_similarity", "true_")
_MINIMISED = ("loss", "error", "crossentropy", "hinge", "divergence", "poisson", "logcosh", "false_")
_MINIMISED_NAMES = ("mse", "mae", "mape", "msle", "rmse", "bce", "kld")


class MonitorCallback(Callback):
    """Base of callbacks that watch `monitor`.

    Args:
        monitor: the metric.
        mode: "min", "max", or "auto" to go by its name.
        min_delta: how much better is better.
        baseline: value that the first one must beat.
    """

    _subject = ""  # how the warning about a missing metric begins

    def __init__(self, monitor: str, mode: str = "auto", min_delta: float = 0.0, baseline: float | None = None):
        super().__init__()
        if mode not in ("auto", "min", "max"):
            warnings.warn(f"{type(self).__name__} mode {mode} is unknown, fallback to auto mode.", stacklevel=3)
            mode = "auto"
        self.monitor = monitor
        self.mode = mode
        self.min_delta = abs(min_delta)
        self.baseline = baseline
        self.best: float | None = baseline

    @property
    def maximises(self) -> bool:
        """Whether larger values are better."""
        if self.mode != "auto":
            return self.mode == "max"
        name = self.monitor.removeprefix("val_").lower()
        if any(part in name for part in _MINIMISED) or name.rsplit("_", 1)[-1] in _MINIMISED_NAMES:
            return False
        if any(part in name for part in _MAXIMISED):
            return True
        raise ValueError(
            f"{type(self).__name__} callback received monitor={self.monitor}, but its name does not tell whether "
            "that metric should be maximized or minimized. Pass `mode='max'` for the highest value, "
            "or `mode='min'` for the lowest."
        )

    def is_better(self, value: float, best: float | None) -> bool:
        """Whether `value` beats `best` by more than `min_delta`; anything but NaN beats None."""
        if value != value:
            return False
        if best is None:
            return True
        return value - self.min_delta > best if self.maximises else value + self.min_delta < best

    def monitored(self, logs: dict | None) -> Any:
        """The value of the metric, or None with a warning if there is none."""
        value = (logs or {}).get(self.monitor)
        if value is None:
            subject = self._subject or type(self).__name__
            warnings.warn(
                f"{subject} conditioned on metric `{self.monitor}` which is not available. "
                f"Available metrics are: {','.join((logs or {}).keys())}",
                stacklevel=3,
            )
        return value

"""The progress bar of `fit`, `evaluate` and `predict`."""

from __future__ import annotations

import time
from typing import Any

from pyneural.callbacks.callback import Callback


class ProgbarLogger(Callback):
    """Shows how far training is and the results so far: a bar on a terminal, else one line per epoch."""

    def __init__(self) -> None:
        super().__init__()
        self._bar: Any = None
        self._epoch = 0
        self._training = False

    def _begin(self, label: str) -> None:
        from pyneural.utils.progbar import Progbar

        self._started = time.perf_counter()
        self._bar = Progbar(
            self.params.get("steps"),
            verbose=self.params.get("verbose", 1),
            unit_name="step",
            label=label,
        )

    def _end(self, logs: dict | None) -> None:
        if self._bar is not None:
            self._bar.finish(logs or {})
            self._bar = None

    def _on_progress(self, mode: str, batches: int, logs: Any) -> None:
        if self._bar is not None and (mode == "train") == self._training:
            self._bar.show(batches, logs)

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._training = True

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        epochs = self.params.get("epochs") or 1
        self._begin(f"Epoch {epoch + 1}/{epochs}")

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self._end(logs)

    def on_train_end(self, logs: dict | None = None) -> None:
        self._end(None)
        self._training = False

    def on_test_begin(self, logs: dict | None = None) -> None:
        if not self._training:
            self._begin("Evaluate")

    def on_test_end(self, logs: dict | None = None) -> None:
        if not self._training:
            self._end(logs)

    def on_predict_begin(self, logs: dict | None = None) -> None:
        self._begin("Predict")

    def on_predict_end(self, logs: dict | None = None) -> None:
        self._end(None)

"""Saves the model or its weights while it trains."""

from __future__ import annotations

import os
from typing import Any

from pyneural.callbacks.monitor import MonitorCallback


class ModelCheckpoint(MonitorCallback):
    """Saves the model or its weights. A file that is written over stays whole until the new one is.

    Args:
        filepath: where to; may contain `{epoch}` and the names of metrics, like "{epoch:02d}-{val_loss:.2f}.keras".
        monitor: the metric of `save_best_only`.
        verbose: whether to print a line.
        save_best_only: whether to save only what is better than all before.
        save_weights_only: whether to save only the weights (".weights.h5") and not the model (".keras").
        mode: "min", "max" or "auto".
        save_freq: "epoch", or a number of batches.
        initial_value_threshold: value that the first one saved must beat.
    """

    def __init__(
        self,
        filepath: Any,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
    ):
        super().__init__(monitor, mode, baseline=initial_value_threshold)
        self.filepath = os.fspath(filepath)
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.save_freq = save_freq
        if save_freq != "epoch" and not isinstance(save_freq, int):
            raise ValueError(f"Unrecognized save_freq: {save_freq}. Expected save_freq are 'epoch' or integer values")
        ending = ".weights.h5" if save_weights_only else (".keras", ".h5")
        if not self.filepath.endswith(ending):
            wanted = "`.weights.h5`" if save_weights_only else "`.keras`"
            raise ValueError(
                f"When using `save_weights_only={save_weights_only}` in `ModelCheckpoint`, the filepath provided "
                f"must end in {wanted} (Keras {'weights' if save_weights_only else 'model'} format). Received: "
                f"filepath={self.filepath}"
            )
        self._epoch = 0
        self._batches = 0
        if isinstance(save_freq, int):
            # Only then: a method for batches makes training come back to Python after each of them.
            self.on_train_batch_end = self._on_train_batch_end

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._batches = 0

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self._epoch = epoch

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if self.save_freq == "epoch":
            self._save(epoch, None, logs)

    def _on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self._batches += 1
        if self._batches % self.save_freq == 0:
            self._save(self._epoch, batch, logs)

    def _save(self, epoch: int, batch: int | None, logs: dict | None) -> None:
        if self.save_best_only:
            value = self.monitored(logs)
            if value is None:
                return
            if not self.is_better(value, self.best):
                if self.verbose > 0:
                    print(f"\nEpoch {epoch + 1}: {self.monitor} did not improve from {self.best:.5f}")
                return
            before, self.best = self.best, value
        path = self._path(epoch, batch, logs)
        if self.verbose > 0:
            improved = ""
            if self.save_best_only:
                old = "None" if before is None else f"{before:.5f}"
                improved = f"{self.monitor} improved from {old} to {self.best:.5f}, "
            print(f"\nEpoch {epoch + 1}: {improved}saving model to {path}")
        folder = os.path.dirname(path)
        if folder:
            os.makedirs(folder, exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(path, overwrite=True)
        else:
            self.model.save(path, overwrite=True)

    def _path(self, epoch: int, batch: int | None, logs: dict | None) -> str:
        values = dict(logs or {})
        if batch is not None:
            values["batch"] = batch + 1
        try:
            return self.filepath.format(epoch=epoch + 1, **values)
        except KeyError as error:
            raise KeyError(f'Failed to format this callback filepath: "{self.filepath}". Reason: {error}') from error

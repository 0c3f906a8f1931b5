"""Small callbacks: CSV files, functions, stopping at NaN."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from pyneural.callbacks.callback import Callback


class CSVLogger(Callback):
    """Writes the results of each epoch to a CSV file.

    Args:
        filename: the file.
        separator: what stands between values.
        append: whether to add to the file rather than to begin it anew.
    """

    def __init__(self, filename: Any, separator: str = ",", append: bool = False):
        super().__init__()
        self.filename = os.fspath(filename)
        self.separator = separator
        self.append = append
        self._keys: list | None = None
        self._file: Any = None
        self._writer: Any = None

    def on_train_begin(self, logs: dict | None = None) -> None:
        has_rows = self.append and os.path.exists(self.filename) and os.path.getsize(self.filename)
        self._file = open(self.filename, "a" if self.append else "w", newline="")  # noqa: SIM115
        self._writer = None
        self._write_header = not has_rows

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        import csv

        logs = logs or {}
        if self._writer is None:
            keys = list(self._keys or sorted(logs))
            if "val_loss" not in keys and self.model is not None and not self.model.stop_training:
                keys += [key for key in self._expected_validation_keys(keys) if key not in keys]
            self._writer = csv.DictWriter(
                self._file, ["epoch", *keys], delimiter=self.separator, extrasaction="ignore", restval="NA"
            )
            if self._write_header:
                self._writer.writeheader()
        self._writer.writerow({"epoch": epoch, **logs})
        self._file.flush()

    def _expected_validation_keys(self, keys: list) -> list:
        # With validation_freq > 1 the first epochs have no validation results.
        return [f"val_{key}" for key in keys] if self.params.get("validation") else []

    def on_train_end(self, logs: dict | None = None) -> None:
        if self._file is not None:
            self._file.close()
            self._file = self._writer = None


class LambdaCallback(Callback):
    """A callback from functions.

    Args:
        on_epoch_begin: `(epoch, logs)`.
        on_epoch_end: `(epoch, logs)`.
        on_train_begin: `(logs)`.
        on_train_end: `(logs)`.
        on_train_batch_begin: `(batch, logs)`.
        on_train_batch_end: `(batch, logs)`.
        **kwargs: functions for further methods of `Callback`.
    """

    def __init__(
        self,
        on_epoch_begin: Callable | None = None,
        on_epoch_end: Callable | None = None,
        on_train_begin: Callable | None = None,
        on_train_end: Callable | None = None,
        on_train_batch_begin: Callable | None = None,
        on_train_batch_end: Callable | None = None,
        **kwargs: Any,
    ):
        super().__init__()
        given = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
            **kwargs,
        }
        for hook, function in given.items():
            if function is not None:
                setattr(self, hook, function)


class TerminateOnNaN(Callback):
    """Ends training at a loss that is NaN or infinite, instead of raising an error there.

    The weights stay as they were before the batch that gave it.

    Args:
        raise_error: whether to raise RuntimeError rather than to stop.
    """

    def __init__(self, raise_error: bool = False):
        super().__init__()
        self.raise_error = raise_error

    def on_not_finite(self, batch: int) -> None:
        """Called when the loss or a gradient of a batch is not finite."""
        if self.raise_error:
            raise RuntimeError(f"NaN or Inf loss encountered at batch {batch}.")
        print(f"Batch {batch}: Invalid loss, terminating training")
        self.model.stop_training = True

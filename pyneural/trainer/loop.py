"""Runs the batches of an epoch and keeps callbacks informed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pyneural import _core, tree
from pyneural.trainer.data import Work
from pyneural.trainer.errors import not_finite_loss


class Loop:
    """The batches of one epoch of training or evaluation.

    Args:
        model: the model.
        mode: "train" or "test".
        callbacks: a `CallbackList`.
        epoch: number of the epoch, for messages.
    """

    def __init__(self, model: Any, mode: str, callbacks: Any, epoch: int | None = None):
        self._model = model
        self._mode = mode
        self._callbacks = callbacks
        self._epoch = epoch
        self._each_batch = callbacks.wants_batches(mode)
        self._own_logs: dict | None = None
        self._done = 0

    def run(self, data: Any, steps: int | None, prepare: Callable[[tuple], None] | None = None) -> dict:
        """Runs an epoch.

        Args:
            data: where batches come from.
            steps: number of batches, or None for all.
            prepare: called with the arrays of each piece of work before it runs.

        Returns:
            The results, by name.
        """
        for work in data.epoch(steps):
            if prepare is not None:
                prepare(work.data)
            try:
                go_on = self._run(data, work)
            except _core.NotFiniteError as error:
                return self._not_finite(self._done + getattr(error, "batch", 0))
            if not go_on:
                break
        return self.logs()

    def logs(self) -> dict:
        """The results of the epoch so far."""
        return self._own_logs if self._own_logs is not None else self._model._python_results()

    def _run(self, data: Any, work: Work) -> bool:
        """Runs one piece of work; False if training is to stop."""
        model, mode = self._model, self._mode
        step = None if model.run_eagerly else model._step(mode, work.data, work.rows)
        arrays = None if step is None else data.arrays(work.data, step.plan.device)
        row, left = work.first_row, work.batches
        while left:
            batches = 1 if self._each_batch or step is None else left
            if self._each_batch:
                getattr(self._callbacks, f"on_{mode}_batch_begin")(self._done)
            if step is None:
                self._own_logs = self._run_eagerly(work, row)
                ran = 1
            else:
                outputs = step.output_arrays(batches) if step.structure else None
                ran = step.run(arrays, work.order, row, batches, outputs)
                if outputs:
                    last = tree.pack_as(step.structure, [output[ran - 1] for output in outputs])
                    self._own_logs = python_logs(last)
            self._done += ran
            row += ran * work.rows
            left -= ran
            if self._each_batch:
                getattr(self._callbacks, f"on_{mode}_batch_end")(self._done - 1, self.logs())
            self._callbacks.on_progress(mode, self._done, self.logs)
            if mode == "train" and model.stop_training:
                return False
        return True

    def _run_eagerly(self, work: Work, row: int) -> dict:
        rows = slice(row, row + work.rows)
        index = rows if work.order is None else work.order[rows]
        batch = tree.map_structure(lambda a: None if a is None else _core.tensor(a[index]), work.data)
        step = self._model.train_step if self._mode == "train" else self._model.test_step
        return python_logs(step(batch))

    def _not_finite(self, batch: int) -> dict:
        handlers = [c for c in self._callbacks.callbacks if hasattr(c, "on_not_finite")]
        if not handlers:
            raise not_finite_loss(self._epoch, batch) from None
        for handler in handlers:
            handler.on_not_finite(batch)
        return {**self.logs(), "loss": float("nan")}


def python_logs(logs: Any) -> dict:
    """Results as Python numbers (arrays where they are not scalars), in alphabetical order."""
    if not isinstance(logs, dict):
        logs = {"loss": logs}
    return {key: _python_value(logs[key]) for key in sorted(logs)}


def _python_value(value: Any) -> Any:
    array = np.asarray(value)
    return float(array) if array.size == 1 else array

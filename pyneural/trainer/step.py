"""One step of training, evaluation or prediction, traced into a plan."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from pyneural import _core, tree

# Layers keep state while they are called (the list of losses, for one): one trace at a time.
_trace_lock = threading.RLock()

# Time after which a run of batches comes back to Python: for Ctrl-C, the progress bar and other threads.
_STRETCH_SECONDS = 0.1


class Step:
    """A traced step for batches of fixed shapes.

    Args:
        function: takes (x,), (x, y) or (x, y, sample_weight) of tensors and returns tensors, or None.
        data: the arrays that batches are taken from.
        rows: rows of a batch.
        keep_outputs: whether the returned tensors are wanted.
    """

    def __init__(self, function: Callable, data: tuple, rows: int, keep_outputs: bool):
        with _trace_lock, _core.Trace() as trace:
            symbols = tree.map_structure(
                lambda a: None if a is None else trace.input((rows, *a.shape[1:]), a.dtype.name), data
            )
            result = function(symbols)
            if not keep_outputs:
                result = ()
            elif not isinstance(result, dict) and not tree.is_nested(result):
                result = _as_tensor(result)
            self.structure = tree.map_structure(lambda _: None, result)
            self.plan = trace.compile([_as_tensor(leaf) for leaf in tree.flatten(result)])
        self.rows = rows

    def run(
        self, arrays: list, order: np.ndarray | None, first_row: int, batches: int, outputs: list | None = None
    ) -> int:
        """Runs batches until all are done or it is time to look after other things. Returns how many."""
        return self.plan.run_batches(arrays, order, first_row, batches, _STRETCH_SECONDS, outputs)

    def output_arrays(self, batches: int) -> list[np.ndarray]:
        """Arrays for the outputs of that many batches, [batches, ...]."""
        return [np.empty((batches, *shape), dtype) for shape, dtype in self.plan.output_specs]


def _as_tensor(value: Any) -> Any:
    return value if isinstance(value, _core.Tensor) else _core.tensor(value)


def signature(data: tuple, rows: int) -> tuple:
    """What a traced step depends on: structure, shapes and dtypes."""
    return (rows, _skeleton(data))


def _skeleton(part: Any) -> Any:
    if isinstance(part, dict):
        return tuple((key, _skeleton(part[key])) for key in sorted(part, key=str))
    if isinstance(part, (list, tuple)):
        return tuple(_skeleton(item) for item in part)
    return None if part is None else (part.shape[1:], part.dtype.char)

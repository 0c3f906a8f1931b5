"""Prediction: outputs of all rows, written where they belong by the engine."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyneural import _core, tree
from pyneural.trainer.arrays import leaves
from pyneural.trainer.data import ArrayData, Work


class Predictor:
    """Runs a model forward.

    Args:
        model: the model.
    """

    def __init__(self, model: Any):
        self._model = model
        self._small: dict[tuple, Any] = {}

    def small_batch(self, x: Any, batch_size: int | None) -> np.ndarray | None:
        """The output for a few rows of one array, if a plan for just that shape is at hand."""
        if type(x) is not np.ndarray:
            return None
        step = self._small.get((x.shape, x.dtype.char, batch_size))
        if step is None:
            return None
        (shape, dtype) = step.plan.output_specs[0]
        output = np.empty(shape, dtype)
        step.plan.run_batches([np.ascontiguousarray(x, step.input_dtype)], None, 0, 1, 0.0, [output])
        return output

    def run(self, data: Any, steps: int | None = None, callbacks: Any = None) -> Any:
        """The outputs for all batches, in the structure that the model returns.

        Args:
            data: where batches come from.
            steps: number of batches, or None for all.
            callbacks: a `CallbackList`, or None.
        """
        each_batch = callbacks is not None and callbacks.wants_batches("predict")
        pieces: list[list[np.ndarray]] = []
        structure: Any = None
        done = 0
        for work in data.epoch(steps):
            if not self._model.built:
                first = tree.map_structure(lambda a: _core.tensor(a[:1]), work.data[0])
                self._model(first, training=False)
            if self._model.run_eagerly:
                structure, outputs = self._run_eagerly(work)
                done += work.batches
            else:
                step = self._model._step("predict", work.data[:1], work.rows)
                structure = step.structure
                outputs = self._run(step, data, work, callbacks, each_batch, done)
                done += work.batches
                self._remember(step, data, work)
            pieces.append(outputs)
        if not pieces:
            raise ValueError("The data has no batches.")
        joined = [parts[0] if len(parts) == 1 else np.concatenate(parts) for parts in zip(*pieces)]
        return joined[0] if structure is None else tree.pack_as(structure, joined)

    def _run(self, step: Any, data: Any, work: Work, callbacks: Any, each_batch: bool, done: int) -> list[np.ndarray]:
        arrays = data.arrays(work.data[:1], step.plan.device)
        specs = step.plan.output_specs
        for shape, _ in specs:
            if not shape or shape[0] != work.rows:
                raise ValueError(
                    f"`predict` joins the outputs of all batches along their first axis, but for {work.rows} rows the "
                    f"model gives an output of shape {tuple(shape)}. Call the model itself instead: `model(x)`."
                )
        outputs = [np.empty((work.batches * shape[0], *shape[1:]), dtype) for shape, dtype in specs]
        ran = 0
        while ran < work.batches:
            rest = [output[ran * work.rows :] for output in outputs]
            if each_batch:
                callbacks.on_predict_batch_begin(done + ran)
            batches = 1 if each_batch else work.batches - ran
            ran += step.run(arrays, work.order, work.first_row + ran * work.rows, batches, rest)
            if each_batch:
                of_batch = tree.pack_as(step.structure, [output[: work.rows] for output in rest])
                callbacks.on_predict_batch_end(done + ran - 1, {"outputs": of_batch})
            if callbacks is not None:
                callbacks.on_progress("predict", done + ran, dict)
        return outputs

    def _run_eagerly(self, work: Work) -> tuple[Any, list[np.ndarray]]:
        pieces = []
        result: Any = None
        for i in range(work.batches):
            row = work.first_row + i * work.rows
            batch = tree.map_structure(lambda a: _core.tensor(a[row : row + work.rows]), work.data[:1])  # noqa: B023
            result = self._model.predict_step(batch)
            pieces.append([np.asarray(leaf) for leaf in tree.flatten(result)])
        outputs = [np.concatenate(parts) for parts in zip(*pieces)]
        return tree.map_structure(lambda _: None, result), outputs

    def _remember(self, step: Any, data: Any, work: Work) -> None:
        """Keeps the plan of a single small batch at hand for the next `predict` of that shape."""
        arrays = leaves(work.data[:1])
        if not isinstance(data, ArrayData) or data.rows != work.rows or len(arrays) != 1 or step.structure is not None:
            return
        array = arrays[0]
        step.input_dtype = array.dtype
        for batch_size in {None, data.batch_size} if data.rows <= 32 else {data.batch_size}:
            for char in {array.dtype.char, "d"} if array.dtype.kind == "f" else {array.dtype.char}:
                self._small[(array.shape, char, batch_size)] = step

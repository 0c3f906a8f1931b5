"""Training, evaluation and prediction: what `Model` inherits."""

from __future__ import annotations

import functools
import warnings
from typing import Any

import numpy as np

from pyneural import _core, config, ops, tree
from pyneural.callbacks.callback import CallbackList
from pyneural.devices import device, place
from pyneural.gradient_tape import GradientTape
from pyneural.random import make_default_seed
from pyneural.trainer import checks
from pyneural.trainer.compiled import Compiled
from pyneural.trainer.data import ArrayData, make_data, train_validation_split, unpack_x_y_sample_weight
from pyneural.trainer.loop import Loop
from pyneural.trainer.outputs import list_outputs
from pyneural.trainer.predictor import Predictor
from pyneural.trainer.step import Step, signature


def _at_home(method: Any) -> Any:
    """What the method makes (optimizer slots, metrics, copies of data) is made where the model lives."""

    @functools.wraps(method)
    def run(self: Any, *args: Any, **kwargs: Any) -> Any:
        with device(self.device):
            return method(self, *args, **kwargs)

    return run


class Trainer(Compiled):
    """`compile`, `fit`, `evaluate`, `predict` and their kin for models.

    A step of training is traced once per shape of a batch: the forward pass, the loss, the gradients, the update of
    the weights and of the metrics. From then on whole stretches of an epoch are single calls of the engine.
    """

    # Steps: what is traced. Own models may override these.

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """The loss of a batch: the compiled losses plus those of layers (regularizers, `add_loss`).

        Args:
            x: inputs.
            y: targets.
            y_pred: outputs of the model.
            sample_weight: weights of the samples.
            training: whether this is a training step.

        Returns:
            A scalar tensor.

        Raises:
            ValueError: there is neither a compiled loss nor one of a layer.
        """
        total = None
        if self._compile_loss is not None:
            if y is None:
                raise ValueError("The model was compiled with a loss, but no targets `y` were given.")
            total = self._compile_loss(y, y_pred, sample_weight)
        for extra in self.losses:
            extra = ops.sum(extra)
            total = extra if total is None else total + extra
        if total is None:
            raise ValueError("No loss to compute. Provide a `loss` argument in `compile()`.")
        return total

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict:
        """Updates the compiled metrics with a batch and returns the results of all metrics."""
        if self._compile_metrics is not None and y is not None:
            self._compile_metrics.update_state(y, y_pred, sample_weight)
        return self.get_metrics_result()

    def train_step(self, data: tuple) -> dict:
        """One step of training on (x, y) or (x, y, sample_weight). Returns results by name."""
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        with GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=True)
            scaled = self.optimizer.scale_loss(loss) if self.optimizer is not None else loss
        self._loss_tracker.update_state(loss, sample_weight=_count(x))
        variables = self.trainable_variables
        if self.optimizer is not None and variables:
            gradients = tape.gradient(scaled, variables)
            if self._check_finite:
                _core.guard_finite(loss, *(g for g in gradients if g is not None))
            self.optimizer.apply(gradients, variables)
        else:
            warnings.warn("The model does not have any trainable weights.", stacklevel=2)
        return self.compute_metrics(x, y, y_pred, sample_weight=sample_weight)

    def test_step(self, data: tuple) -> dict:
        """One step of evaluation. Returns results by name."""
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        y_pred = self(x, training=False)
        if self._compile_loss is not None or self.losses:
            loss = self.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=False)
            self._loss_tracker.update_state(loss, sample_weight=_count(x))
        return self.compute_metrics(x, y, y_pred, sample_weight=sample_weight)

    def predict_step(self, data: tuple) -> Any:
        """One step of prediction. Returns the outputs of the model."""
        x, _, _ = unpack_x_y_sample_weight(data)
        return self(x, training=False)

    def _step(self, mode: str, data: tuple, rows: int) -> Step:
        """The traced step for batches like these, from the cache if there is one."""
        if self._plans is None:
            self._plans = {}
        key = (mode, signature(data, rows), self._trained_ids if mode == "train" else None)
        step = self._plans.get(key)
        if step is None:
            functions = {"train": self.train_step, "test": self.test_step, "predict": self.predict_step}
            keep = mode == "predict" or self._returns_own_logs(mode)
            step = self._plans[key] = Step(functions[mode], data, rows, keep)
            self._clear_losses()  # symbolic ones of the trace
        return step

    def _returns_own_logs(self, mode: str) -> bool:
        cls = type(self)
        own_step = getattr(cls, f"{mode}_step") is not getattr(Trainer, f"{mode}_step")
        return own_step or cls.compute_metrics is not Trainer.compute_metrics

    # Preparation

    def _build_for(self, data: tuple) -> None:
        """Builds the model, its losses and metrics from the shapes of a batch, and checks that they fit."""
        x, y, _ = unpack_x_y_sample_weight(data)
        row = tree.map_structure(lambda a: a[:1], x)
        own_step = type(self).train_step is not Trainer.train_step
        if not self.built:
            try:
                self(tree.map_structure(_core.tensor, row), training=False)
            except (NotImplementedError, ValueError, TypeError):
                # An own step may do without `call`, or call it on something else (a generator on noise).
                if not own_step:
                    raise
        if y is None or self._target_ranges is not None:
            return
        if own_step:
            self._target_ranges = []
            self._build_for_own_step(row, y)
            return
        if self._compile_loss is None:
            self._target_ranges = []
            return
        with _core.Trace() as trace:
            symbols = tree.map_structure(lambda a: trace.input(a.shape, a.dtype.name), row)
            y_pred = self(symbols, training=False)
            first = tree.map_structure(lambda a: None if a is None else a[:1], y)
            if not self._compile_loss.built:
                self._compile_loss.build(first, y_pred)
            if not self._compile_metrics.built:
                self._compile_metrics.build(first, y_pred)
            ranges = self._compile_loss.label_ranges(y_pred)
            self._names = list_outputs(y_pred, getattr(self, "output_names", None))[1]
            suspects = checks.check_activations(self._compile_loss, y_pred, self._names)
        self._clear_losses()
        for i in suspects:
            few = tree.map_structure(lambda a: a[:32], x)
            values = tree.flatten(Predictor(self).run(ArrayData(few, batch_size=32)))[i]
            checks.check_probabilities(values, self._compile_loss.losses[i].name, self._names[i])
        self._target_ranges = ranges

    def _build_for_own_step(self, row: Any, y: Any) -> None:
        """Creates the compiled metrics, which an own `train_step` may update through `self.metrics`.

        An own step may also take something else for x and y than the model does: then there is nothing to build.
        """
        try:
            with _core.Trace() as trace:
                y_pred = self(tree.map_structure(lambda a: trace.input(a.shape, a.dtype.name), row), training=False)
                first = tree.map_structure(lambda a: None if a is None else a[:1], y)
                if self._compile_loss is not None and not self._compile_loss.built:
                    self._compile_loss.build(first, y_pred)
                if not self._compile_metrics.built:
                    self._compile_metrics.build(first, y_pred)
        except (ValueError, TypeError, AttributeError, NotImplementedError):
            return
        finally:
            self._clear_losses()

    def _check_data(self, data: tuple) -> None:
        """One pass over the values of arrays that are about to be trained on."""
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        if self._check_finite:
            for part, argument in ((x, "x"), (y, "y"), (sample_weight, "sample_weight")):
                if part is not None:
                    checks.check_finite(part, argument)
        if y is not None and self._target_ranges:
            checks.check_targets(y, self._target_ranges, self._names)

    def _prepare(self, data: Any, train: bool) -> Any:
        """Builds what is missing; checks arrays at once, and returns the check for other data, batch by batch."""
        first = data.first_batch()
        self._build_for(first)
        if train:
            variables = self.trainable_variables
            self._trained_ids = tuple(map(id, variables))
            if self.optimizer is not None and not self.optimizer.built and variables:
                self.optimizer.build(variables)
        place(self._state(), self.device)
        if isinstance(data, ArrayData):
            self._check_data(data.data)
            return None
        return self._check_data

    # Loops

    @_at_home
    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: Any = True,
        class_weight: dict | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: Any = 1,
    ) -> Any:
        """Trains the model.

        Args:
            x: inputs, arrays [samples, ...] (a list or dict for several inputs), or an iterable of batches (x, y) or
                (x, y, sample_weight).
            y: targets, arrays [samples, ...].
            batch_size: samples per step, 32 by default.
            epochs: number of the epoch to end before.
            verbose: 0 for silence, 1 for a progress bar, 2 for one line per epoch, "auto" for what fits the output.
            callbacks: list of callbacks.
            validation_split: share of the samples, taken from the end, to validate on.
            validation_data: (x, y) or (x, y, sample_weight) to validate on, or an iterable of batches.
            shuffle: whether to shuffle the samples before each epoch.
            class_weight: weight of each class number.
            sample_weight: weight of each sample, [samples].
            initial_epoch: number of the first epoch.
            steps_per_epoch: batches per epoch.
            validation_steps: batches per validation.
            validation_batch_size: samples per step of validation.
            validation_freq: validate every so many epochs, or in the epochs of a list (counted from 1).

        Returns:
            A `History`; its `history` has one list of results per metric.

        Raises:
            ValueError: data that do not fit the model, the loss or each other.
            NotFiniteLossError: the loss or a gradient became NaN or infinite.
        """
        self._require_compiled()
        _check_counts(epochs=epochs, steps_per_epoch=steps_per_epoch, validation_steps=validation_steps)
        _check_counts(validation_batch_size=validation_batch_size)
        self.stop_training = False
        if validation_split and validation_data is None:
            (x, y, sample_weight), validation_data = train_validation_split((x, y, sample_weight), validation_split)
        data = make_data(x, y, sample_weight, batch_size, shuffle, class_weight, make_default_seed())
        prepare = self._prepare(data, train=True)
        validation = None
        if validation_data is not None:
            validation = self._validation_data(validation_data, validation_batch_size or batch_size)
        callbacks = self._callback_list(
            callbacks,
            verbose,
            history=True,
            epochs=epochs,
            steps=steps_per_epoch or data.num_batches,
            validation=validation is not None,
        )
        callbacks.on_train_begin()
        logs: dict = {}
        for epoch in range(initial_epoch, epochs):
            self.reset_metrics()
            callbacks.on_epoch_begin(epoch)
            data.begin_epoch()
            logs = Loop(self, "train", callbacks, epoch).run(data, steps_per_epoch, prepare)
            data.end_epoch()
            if validation is not None and _validates(epoch, validation_freq):
                results = self._evaluate(*validation, validation_steps, callbacks)
                logs = {**logs, **{f"val_{name}": value for name, value in results.items()}}
            callbacks.on_epoch_end(epoch, logs)
            if self.stop_training:
                break
        if self.optimizer is not None and epochs > initial_epoch:
            self.optimizer.finalize_variable_values(self.trainable_variables)
        callbacks.on_train_end(logs)
        return callbacks.history

    def _validation_data(self, validation_data: Any, batch_size: int | None) -> tuple:
        parts: tuple = (validation_data,)
        if isinstance(validation_data, (list, tuple)):
            parts = tuple(validation_data)
            if len(parts) not in (1, 2, 3):
                raise ValueError(
                    "`validation_data` is expected to be (x, y) or (x, y, sample_weight). Received a "
                    f"{type(validation_data).__name__} of {len(parts)} entries."
                )
        data = make_data(*parts, batch_size=batch_size if isinstance(validation_data, (list, tuple)) else None)
        return data, self._prepare(data, train=False)

    def _evaluate(self, data: Any, prepare: Any, steps: int | None, callbacks: Any) -> dict:
        self.reset_metrics()
        callbacks.on_test_begin()
        data.begin_epoch()
        logs = Loop(self, "test", callbacks).run(data, steps, prepare)
        data.end_epoch()
        callbacks.on_test_end(logs)
        return logs

    @_at_home
    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
        **kwargs: Any,
    ) -> Any:
        """The loss and metrics on given data.

        Args:
            x: inputs, or an iterable of batches; see `fit`.
            y: targets.
            batch_size: samples per step, 32 by default.
            verbose: see `fit`.
            sample_weight: weight of each sample.
            steps: number of batches.
            callbacks: list of callbacks.
            return_dict: whether to return a dict.

        Returns:
            The loss, or a list of the loss and the metrics in the order of `metrics_names`, or all by name.
        """
        if kwargs:
            raise ValueError(f"Arguments not recognized: {kwargs}")
        self._require_compiled()
        _check_counts(steps=steps)
        data = make_data(x, y, sample_weight, batch_size)
        prepare = self._prepare(data, train=False)
        callbacks = self._callback_list(callbacks, verbose, steps=steps or data.num_batches, epochs=1)
        logs = self._evaluate(data, prepare, steps, callbacks)
        return logs if return_dict else self._in_order(logs)

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Any:
        """The outputs of the model.

        Args:
            x: inputs, arrays [samples, ...], or an iterable of batches.
            batch_size: samples per step, 32 by default.
            verbose: 0 or "auto" for silence (`predict` is often called in loops), 1 for a progress bar, 2 for one line.
            steps: number of batches.
            callbacks: list of callbacks.

        Returns:
            Arrays [samples, ...] in the structure of the outputs.
        """
        predictor = self._predictor
        if predictor is None:
            predictor = self._predictor = Predictor(self)
        if callbacks is None and steps is None and (verbose == "auto" or verbose == 0):
            small = predictor.small_batch(x, batch_size)
            if small is not None:
                return small
        _check_counts(steps=steps)
        data = make_data(x, batch_size=batch_size)
        callbacks = self._callback_list(
            callbacks, 0 if verbose == "auto" else verbose, steps=steps or data.num_batches, epochs=1
        )
        callbacks.on_predict_begin()
        with device(self.device):
            outputs = predictor.run(data, steps, callbacks)
        callbacks.on_predict_end({"outputs": outputs})
        return outputs

    # Single batches

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: dict | None = None,
        return_dict: bool = False,
    ) -> Any:
        """One step of training. Returns the results of this batch, as `evaluate` does."""
        self._require_compiled()
        return self._on_batch("train", x, y, sample_weight, class_weight, return_dict)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """One step of evaluation. Returns the results of this batch, as `evaluate` does."""
        self._require_compiled()
        return self._on_batch("test", x, y, sample_weight, None, return_dict)

    @_at_home
    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for one batch, arrays."""
        data = ArrayData(x)
        data.batch_size = data.rows
        return Predictor(self).run(data)

    @_at_home
    def _on_batch(
        self, mode: str, x: Any, y: Any, sample_weight: Any, class_weight: dict | None, return_dict: bool
    ) -> Any:
        data = ArrayData(x, y, sample_weight, class_weight=class_weight)
        data.batch_size = data.rows
        self._prepare(data, train=mode == "train")
        self.reset_metrics()
        logs = Loop(self, mode, CallbackList(model=self)).run(data, None)
        return logs if return_dict else self._in_order(logs)

    # Helpers

    def _callback_list(self, callbacks: Any, verbose: Any, history: bool = False, **params: Any) -> CallbackList:
        if isinstance(callbacks, CallbackList):
            return callbacks
        verbose = _resolve_verbose(verbose)
        return CallbackList(
            callbacks, add_history=history, add_progbar=verbose != 0, verbose=verbose, model=self, **params
        )

    def _in_order(self, logs: dict) -> Any:
        names = [name for name in dict.fromkeys(self.metrics_names) if name in logs]
        values = [logs[name] for name in names] + [logs[name] for name in sorted(logs) if name not in names]
        return values[0] if len(values) == 1 else values


def _count(x: Any) -> float:
    return float(tree.flatten(x)[0].shape[0])


def _resolve_verbose(verbose: Any) -> int:
    from pyneural.utils.progbar import is_terminal

    if verbose == "auto":
        return 1 if config.is_interactive_logging_enabled() and is_terminal() else 2
    if verbose is True or verbose is False:
        return int(verbose)
    if verbose not in (0, 1, 2):
        raise ValueError(f'`verbose` must be 0, 1, 2 or "auto". Received: verbose={verbose}')
    return verbose


def _validates(epoch: int, validation_freq: Any) -> bool:
    if isinstance(validation_freq, (list, tuple, set)):
        return epoch + 1 in validation_freq
    return (epoch + 1) % validation_freq == 0


def _check_counts(**counts: Any) -> None:
    for name, count in counts.items():
        if count is not None and (not isinstance(count, (int, np.integer)) or count < (0 if name == "epochs" else 1)):
            raise ValueError(f"`{name}` must be a positive integer. Received: {name}={count}")

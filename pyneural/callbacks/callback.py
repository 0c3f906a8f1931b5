"""Hooks that `fit`, `evaluate` and `predict` call."""

from __future__ import annotations

from typing import Any


class Callback:
    """Base of callbacks: override what you need.

    Methods named `on_*_batch_*` make training come back to Python after every batch; callbacks without them cost
    nothing per batch.

    Attributes:
        model: the model.
        params: `{"verbose": ..., "epochs": ..., "steps": ...}`.
    """

    def __init__(self) -> None:
        self.params: dict = {}
        self._model: Any = None

    @property
    def model(self) -> Any:
        return self._model

    def set_params(self, params: dict) -> None:
        self.params = params

    def set_model(self, model: Any) -> None:
        self._model = model

    def on_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Same as `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Same as `on_train_batch_end`."""

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Before an epoch of `fit`."""

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """After an epoch of `fit` and its validation; `logs` has the results."""

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Before a training batch."""
        self.on_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """After a training batch; `logs` has the results of the epoch so far."""
        self.on_batch_end(batch, logs=logs)

    def on_test_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Before a batch of `evaluate` or of validation."""

    def on_test_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """After a batch of `evaluate` or of validation."""

    def on_predict_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Before a batch of `predict`."""

    def on_predict_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """After a batch of `predict`; `logs` has its outputs."""

    def on_train_begin(self, logs: dict | None = None) -> None:
        """At the start of `fit`."""

    def on_train_end(self, logs: dict | None = None) -> None:
        """At the end of `fit`; `logs` are those of the last epoch."""

    def on_test_begin(self, logs: dict | None = None) -> None:
        """At the start of `evaluate` or of validation."""

    def on_test_end(self, logs: dict | None = None) -> None:
        """At the end of `evaluate` or of validation."""

    def on_predict_begin(self, logs: dict | None = None) -> None:
        """At the start of `predict`."""

    def on_predict_end(self, logs: dict | None = None) -> None:
        """At the end of `predict`."""

    def _on_progress(self, mode: str, batches: int, logs: Any) -> None:
        """A few times a second: batches done so far, and a function that gives the results so far."""


class CallbackList:
    """Several callbacks as one.

    Args:
        callbacks: the callbacks.
        add_history: whether to add a `History` if there is none.
        add_progbar: whether to add a `ProgbarLogger` if there is none.
        model: the model.
        **params: what the callbacks find in `params`.
    """

    def __init__(
        self,
        callbacks: Any = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Any = None,
        **params: Any,
    ):
        self.callbacks = _flat_list(callbacks)
        if add_progbar:
            from pyneural.callbacks.progbar_logger import ProgbarLogger

            if not any(isinstance(callback, ProgbarLogger) for callback in self.callbacks):
                self.callbacks.append(ProgbarLogger())
        self._history = None
        if add_history:
            from pyneural.callbacks.history import History

            found = [callback for callback in self.callbacks if isinstance(callback, History)]
            self._history = found[0] if found else History()
            if not found:
                self.callbacks.append(self._history)
        self.params: dict = {}
        self.model: Any = None
        if model is not None:
            self.set_model(model)
        if params:
            self.set_params(params)

    @property
    def history(self) -> Any:
        """The `History` among the callbacks, if it was asked for."""
        return self._history

    def append(self, callback: Callback) -> None:
        self.callbacks.append(callback)

    def set_params(self, params: dict) -> None:
        self.params = params
        for callback in self.callbacks:
            callback.set_params(params)

    def set_model(self, model: Any) -> None:
        self.model = model
        if self._history is not None:
            model.history = self._history
        for callback in self.callbacks:
            callback.set_model(model)

    def wants_batches(self, mode: str) -> bool:
        """Whether any callback looks at single batches of "train", "test" or "predict"."""
        names = [f"on_{mode}_batch_begin", f"on_{mode}_batch_end"]
        if mode == "train":
            names += ["on_batch_begin", "on_batch_end"]
        return any(_overrides(callback, name) for callback in self.callbacks for name in names)

    def _call(self, hook: str, *args: Any) -> None:
        for callback in self.callbacks:
            getattr(callback, hook)(*args)

    def on_progress(self, mode: str, batches: int, logs: Any) -> None:
        for callback in self.callbacks:
            progress = getattr(callback, "_on_progress", None)
            if progress is not None:
                progress(mode, batches, logs)


def _overrides(callback: Any, name: str) -> bool:
    method = getattr(type(callback), name, None)
    if name in vars(callback):
        return True
    return method is not None and method is not getattr(Callback, name)


def _flat_list(callbacks: Any) -> list:
    if callbacks is None:
        return []
    if isinstance(callbacks, (list, tuple)):
        return [leaf for callback in callbacks for leaf in _flat_list(callback)]
    if isinstance(callbacks, CallbackList):
        return list(callbacks.callbacks)
    if isinstance(callbacks, type) or not hasattr(callbacks, "set_model"):
        raise TypeError(
            f"`callbacks` must hold `Callback` objects. Received: {callbacks!r} (of type {type(callbacks)})"
        )
    return [callbacks]


def _forward(hook: str) -> Any:
    def call(self: CallbackList, *args: Any, **kwargs: Any) -> None:
        logs = kwargs.get("logs", args[-1] if args and isinstance(args[-1], dict) else None) or {}
        numbers = [arg for arg in args if arg is not None and not isinstance(arg, dict)]
        self._call(hook, *numbers, logs)

    call.__name__ = hook
    call.__doc__ = f"Calls `{hook}` of each callback."
    return call


for _hook in [name for name in vars(Callback) if name.startswith("on_")]:
    setattr(CallbackList, _hook, _forward(_hook))

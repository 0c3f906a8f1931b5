"""What a model is trained with: the arguments of `compile`, and the metrics."""

from __future__ import annotations

from typing import Any

from pyneural import _core, metrics, optimizers
from pyneural.devices import place
from pyneural.trainer.compile_loss import CompileLoss
from pyneural.trainer.compile_metrics import CompileMetrics
from pyneural.trainer.loop import python_logs
from pyneural.trainer.predictor import Predictor


class Compiled:
    """`compile` and the metrics of a model. Base of `Trainer`."""

    _untracked = (
        "optimizer",
        "history",
        "loss",
        "_compile_config",
        "_compile_loss",
        "_compile_metrics",
        "_loss_tracker",
        "_plans",
        "_predictor",
        "_home",
        "_names",
        "_target_ranges",
        "_trained_ids",
    )

    compiled = False
    stop_training = False
    run_eagerly = False
    optimizer: Any = None
    loss: Any = None
    history: Any = None
    steps_per_execution = 1
    jit_compile = True
    _compile_loss: CompileLoss | None = None
    _compile_metrics: CompileMetrics | None = None
    _compile_config: dict | None = None
    _loss_tracker: Any = None
    _check_finite = True
    _plans: dict | None = None
    _predictor: Predictor | None = None
    _target_ranges: list | None = None
    _trained_ids: tuple = ()
    _home = "cpu"  # the device on which the model was made

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: Any = "auto",
        auto_scale_loss: bool = True,
        check_finite: bool = True,
    ) -> None:
        """Sets how the model is trained.

        Args:
            optimizer: an optimizer or its name.
            loss: a loss or its name; with several outputs a list or dict of them.
            loss_weights: with several outputs the weight of each loss.
            metrics: list of metrics or their names ("accuracy" takes the one that fits the shapes); with several
                outputs a list or dict of such lists.
            weighted_metrics: the same; these take sample weights into account.
            run_eagerly: whether to run each step op by op, for debugging.
            steps_per_execution: accepted for compatibility: as many steps as possible run in one go anyway.
            jit_compile: accepted for compatibility: nothing is compiled at run time.
            auto_scale_loss: accepted for compatibility.
            check_finite: whether a loss or gradient that is NaN or infinite is an error, raised before it reaches the
                weights; with False training goes on.
        """
        self._compile_config = {
            "optimizer": optimizer,
            "loss": loss,
            "loss_weights": loss_weights,
            "metrics": metrics,
            "weighted_metrics": weighted_metrics,
            "run_eagerly": run_eagerly,
            "steps_per_execution": steps_per_execution,
            "jit_compile": jit_compile,
        }
        self.optimizer = optimizers.get(optimizer)
        names = getattr(self, "output_names", None)
        self._compile_loss = CompileLoss(loss, loss_weights, names) if loss is not None else None
        self._compile_metrics = CompileMetrics(metrics, weighted_metrics, names)
        self._loss_tracker = _new_loss_tracker()
        self.loss = loss
        self.run_eagerly = bool(run_eagerly)
        self.steps_per_execution = steps_per_execution
        self._check_finite = check_finite
        self._target_ranges = None
        self.stop_training = False
        self.compiled = True
        self._reset_plans()

    def get_compile_config(self) -> dict:
        """The arguments of `compile`, as plain data; empty if the model is not compiled."""
        if not self.compiled or self._compile_config is None:
            return {}
        from pyneural.serialization import serialize_keras_object

        given = {**self._compile_config, "optimizer": self.optimizer}
        return {key: serialize_keras_object(value) for key, value in given.items()}

    def compile_from_config(self, config: dict) -> None:
        """`compile` with the arguments that `get_compile_config` returned."""
        from pyneural.serialization import deserialize_keras_object

        known = ("loss", "loss_weights", "metrics", "weighted_metrics", "run_eagerly", "steps_per_execution")
        given = {key: deserialize_keras_object(config[key]) for key in known if key in config}
        self.compile(optimizer=deserialize_keras_object(config.get("optimizer", "rmsprop")), **given)
        if self.optimizer is not None and getattr(self, "built", False):
            self.optimizer.build(self.trainable_variables)

    def _reset_plans(self) -> None:
        """Forgets all traced steps: the model or its training has changed."""
        self._plans = None
        self._predictor = None

    # Devices

    @property
    def device(self) -> str:
        """Where the weights are; for a model without any, where it was made: "cpu" or "cuda:<number>"."""
        variable = self._any_variable()
        return self._home if variable is None else variable.device

    def to(self, device: str) -> Any:
        """Moves the model to a device: weights, state of the optimizer and metrics.

        Args:
            device: `"cpu"`, `"cuda"`, `"cuda:<number>"` or `"auto"`.

        Returns:
            The model itself.

        Raises:
            RuntimeError: there is no such device.
        """
        self._home = _core.resolve_device(device)
        place(self._state(), self._home)
        self._reset_plans()
        return self

    def _state(self) -> list:
        """All variables that training reads or writes."""
        state = list(self.variables)
        if self.optimizer is not None:
            state += self.optimizer.variables
        return state + [variable for metric in self.metrics for variable in metric.variables]

    def _require_compiled(self) -> None:
        if not self.compiled:
            raise ValueError("You must call `compile()` before using the model.")

    # Metrics

    @property
    def metrics(self) -> list:
        """The mean loss, the model's own metrics, the compiled ones, and the mean loss of each of several outputs."""
        found = [self._loss_tracker] if self._loss_tracker is not None else []
        found += self._metrics
        if self._compile_metrics is not None:
            found += self._compile_metrics.metrics
        if self._compile_loss is not None:
            found += self._compile_loss.metrics
        return found

    @property
    def metrics_names(self) -> list[str]:
        """The names of `metrics`."""
        return [metric.name for metric in self.metrics]

    def reset_metrics(self) -> None:
        """Lets all metrics start over."""
        for metric in self.metrics:
            metric.reset_state()

    def get_metrics_result(self) -> dict:
        """Results of all metrics by name, tensors."""
        compiled = set()
        results: dict = {}
        if self._compile_metrics is not None:
            compiled = {id(metric) for metric in self._compile_metrics.metrics}
        for metric in self.metrics:
            if id(metric) in compiled:
                continue
            result = metric.result()
            results.update(result if isinstance(result, dict) else {metric.name: result})
        if self._compile_metrics is not None:
            results.update(self._compile_metrics.result())
        return results

    def _python_results(self) -> dict:
        return python_logs(self.get_metrics_result())


def _new_loss_tracker() -> Any:
    return metrics.Mean(name="loss")

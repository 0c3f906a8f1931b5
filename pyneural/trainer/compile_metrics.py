"""The metrics given to `compile`, for one output or several."""

from __future__ import annotations

from typing import Any

from pyneural import metrics as metrics_module
from pyneural import tree
from pyneural.metrics.metric import Metric
from pyneural.trainer.outputs import is_binary_or_sparse_categorical, list_for_outputs, list_outputs


class CompileMetrics:
    """All compiled metrics.

    Args:
        metrics: list of metrics, or a list or dict with a list per output.
        weighted_metrics: the same; these are given the sample weights.
        output_names: names of the model's outputs, if it has any.
    """

    def __init__(self, metrics: Any, weighted_metrics: Any = None, output_names: list[str] | None = None):
        for argument, value in (("metrics", metrics), ("weighted_metrics", weighted_metrics)):
            if value and not isinstance(value, (list, tuple, dict)):
                raise ValueError(
                    f"Expected `{argument}` argument to be a list, tuple, or dict. Received instead: "
                    f"{argument}={value} of type {type(value)}"
                )
        self._user = (metrics, weighted_metrics)
        self._output_names = output_names
        self.built = False
        self._lists: list[list[list[Metric]]] = [[], []]  # [unweighted, weighted][output]

    @property
    def metrics(self) -> list[Metric]:
        """All metrics, the unweighted ones first."""
        return [metric for lists in self._lists for metrics in lists for metric in metrics]

    def build(self, y_true: Any, y_pred: Any) -> None:
        """Creates the metrics, now that the outputs and their shapes are known."""
        preds, names = list_outputs(y_pred, self._output_names)
        trues = list_for_outputs(y_true, names, "y")
        self._names = names
        self._lists = [
            [
                [_get_metric(m, t, p) for m in chosen if m is not None] if t is not None else []
                for chosen, t, p in zip(self._per_output(given, names, argument), trues, preds)
            ]
            for given, argument in zip(self._user, ("metrics", "weighted_metrics"))
        ]
        self.built = True

    def _per_output(self, given: Any, names: list, argument: str) -> list[list]:
        if not given:
            return [[] for _ in names]
        if len(names) == 1:
            return [tree.flatten(given)]
        if isinstance(given, dict):
            unknown = [key for key in given if key not in names]
            if not unknown:
                return [_as_list(given.get(name)) for name in names]
        elif len(given) == len(names):
            return [_as_list(entry) for entry in given]
        raise ValueError(
            f"Invalid `{argument}`. `{argument}` should contain metrics objects and either be a dict or a list "
            f"matching the output names of the functional model {names}.\nReceived: {argument}={given}"
        )

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Updates all metrics with a batch."""
        if not any(self._user):
            return
        if not self.built:
            self.build(y_true, y_pred)
        preds, names = list_outputs(y_pred, self._output_names)
        trues = list_for_outputs(y_true, names, "y")
        weights = list_for_outputs(sample_weight, names, "sample_weight")
        for lists, weighted in zip(self._lists, (False, True)):
            for metrics, t, p, w in zip(lists, trues, preds, weights):
                for metric in metrics:
                    if weighted and w is not None:
                        metric.update_state(t, p, sample_weight=w)
                    else:
                        metric.update_state(t, p)

    def result(self) -> dict:
        """Results by name; with several outputs "output_metric".

        A weighted metric whose name is taken becomes "weighted_metric".
        """
        results: dict = {}
        counters: dict[str, int] = {}
        for lists, weighted in zip(self._lists, (False, True)):
            for output, metrics in zip(self._names if self.built else [], lists):
                prefix = f"{output}_" if output and len(self._names) > 1 else ""
                for metric in metrics:
                    name = f"{prefix}{metric.name}"
                    if weighted and name in results:
                        name = f"{prefix}weighted_{metric.name}"
                    key = name
                    while key in results:
                        counters[name] = counters.get(name, 0) + 1
                        key = f"{name}_{counters[name]}"
                    results[key] = metric.result()
        return results


def _as_list(entry: Any) -> list:
    return list(entry) if isinstance(entry, (list, tuple)) else [entry]


def _get_metric(identifier: Any, y_true: Any, y_pred: Any) -> Metric:
    if str(identifier).lower() in ("accuracy", "acc"):
        binary, sparse = is_binary_or_sparse_categorical(y_true, y_pred)
        if binary:
            found: Any = metrics_module.BinaryAccuracy()
        else:
            found = metrics_module.SparseCategoricalAccuracy() if sparse else metrics_module.CategoricalAccuracy()
    else:
        found = metrics_module.get(identifier)
    if not isinstance(found, Metric):
        found = metrics_module.MeanMetricWrapper(found)
    if isinstance(identifier, str):
        found.name = identifier
    return found

"""Sums and means over everything seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyneural import ops
from pyneural.metrics.metric import Metric, samplewise


class Sum(Metric):
    """The (weighted) sum of all values.

    Args:
        name: name of the metric.
        dtype: dtype of the state.
    """

    def __init__(self, name: str = "sum", dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((), "zeros", name="total")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        values, _ = samplewise(values, sample_weight, ops.sum, self._dtype)
        self.total.assign_add(ops.sum(values))

    def result(self) -> Any:
        return ops.convert_to_tensor(self.total)


class Mean(Metric):
    """The (weighted) mean of all values, 0 before the first.

    Args:
        name: name of the metric.
        dtype: dtype of the state.
    """

    def __init__(self, name: str = "mean", dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((), "zeros", name="total")
        self.count = self.add_variable((), "zeros", name="count")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        values, sample_weight = samplewise(values, sample_weight, ops.mean, self._dtype)
        if sample_weight is not None:
            count = ops.sum(sample_weight)
        else:
            count = float(values.shape[0]) if len(values.shape) else 1.0
        self.total.assign_add(ops.sum(values))
        self.count.assign_add(count)

    def result(self) -> Any:
        return ops.divide_no_nan(self.total, self.count)


class MeanMetricWrapper(Mean):
    """The mean of a function of targets and predictions.

    Args:
        fn: `fn(y_true, y_pred, **kwargs)`, values per sample.
        name: name of the metric.
        dtype: dtype of the state.
        **kwargs: further arguments of `fn`.
    """

    def __init__(self, fn: Callable, name: str | None = None, dtype: Any = None, **kwargs: Any):
        super().__init__(name=name or getattr(fn, "name", None) or fn.__name__.strip("<>"), dtype=dtype)
        self._fn = fn
        self._fn_kwargs = kwargs

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        super().update_state(self._fn(y_true, y_pred, **self._fn_kwargs), sample_weight=sample_weight)

    def get_config(self) -> dict:
        return {**super().get_config(), **self._fn_kwargs}

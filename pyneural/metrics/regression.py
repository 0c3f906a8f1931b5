"""Means of the loss functions over everything seen, and what is built on them."""

from __future__ import annotations

from typing import Any

from pyneural import _core, ops
from pyneural.losses import crossentropy, margin, regression
from pyneural.losses.shapes import same_shape_operands
from pyneural.metrics.reduction import Mean, MeanMetricWrapper


class _FunctionMetric(MeanMetricWrapper):
    """A metric whose function is fixed by the class."""

    _metric_fn: Any = None
    _name = ""

    def __init__(self, name: str | None = None, dtype: Any = None):
        super().__init__(type(self)._metric_fn, name=name or self._name, dtype=dtype)


def _metric(class_name: str, fn: Any, name: str | None = None) -> type:
    members = {
        "_metric_fn": staticmethod(fn),
        "_name": name or fn.__name__,
        "__doc__": f"The mean of `losses.{fn.__name__}` over all samples.",
        "__module__": __name__,
    }
    return type(class_name, (_FunctionMetric,), members)


MeanSquaredError = _metric("MeanSquaredError", regression.mean_squared_error)
MeanAbsoluteError = _metric("MeanAbsoluteError", regression.mean_absolute_error)
MeanAbsolutePercentageError = _metric("MeanAbsolutePercentageError", regression.mean_absolute_percentage_error)
MeanSquaredLogarithmicError = _metric("MeanSquaredLogarithmicError", regression.mean_squared_logarithmic_error)
LogCoshError = _metric("LogCoshError", regression.log_cosh, "logcosh")
Poisson = _metric("Poisson", regression.poisson)
KLDivergence = _metric("KLDivergence", regression.kl_divergence)
Hinge = _metric("Hinge", margin.hinge)
SquaredHinge = _metric("SquaredHinge", margin.squared_hinge)
CategoricalHinge = _metric("CategoricalHinge", margin.categorical_hinge)


class RootMeanSquaredError(Mean):
    """The square root of the mean squared error of all elements."""

    def __init__(self, name: str = "root_mean_squared_error", dtype: Any = None):
        super().__init__(name=name, dtype=dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_true, y_pred = same_shape_operands(y_true, y_pred, "root_mean_squared_error")
        super().update_state(_core.squared_difference(y_true, y_pred), sample_weight=sample_weight)

    def result(self) -> Any:
        return ops.sqrt(super().result())


def _cosine(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    return -regression.cosine_similarity(y_true, y_pred, axis)


class CosineSimilarity(MeanMetricWrapper):
    """The mean cosine of the angle between targets and predictions (1 for the same direction)."""

    def __init__(self, name: str = "cosine_similarity", dtype: Any = None, axis: int = -1):
        super().__init__(_cosine, name=name, dtype=dtype, axis=axis)


class BinaryCrossentropy(MeanMetricWrapper):
    """The mean of `losses.binary_crossentropy` over all samples."""

    def __init__(
        self,
        name: str = "binary_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
    ):
        super().__init__(
            crossentropy.binary_crossentropy,
            name=name,
            dtype=dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
        )


class CategoricalCrossentropy(MeanMetricWrapper):
    """The mean of `losses.categorical_crossentropy` over all samples."""

    def __init__(
        self,
        name: str = "categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
        axis: int = -1,
    ):
        super().__init__(
            crossentropy.categorical_crossentropy,
            name=name,
            dtype=dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


class SparseCategoricalCrossentropy(MeanMetricWrapper):
    """The mean of `losses.sparse_categorical_crossentropy` over all samples."""

    def __init__(
        self,
        name: str = "sparse_categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ):
        super().__init__(
            crossentropy.sparse_categorical_crossentropy,
            name=name,
            dtype=dtype,
            from_logits=from_logits,
            ignore_class=ignore_class,
            axis=axis,
        )

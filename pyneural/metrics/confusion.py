"""Metrics on the confusion matrix: counts of true/false positives/negatives at one or more thresholds."""

from __future__ import annotations

from typing import Any

from pyneural import ops
from pyneural.losses.shapes import same_shape_operands, squeeze_or_expand_to_same_rank
from pyneural.metrics.metric import Metric

_COUNTS = ("true_positives", "false_positives", "true_negatives", "false_negatives")


class ConfusionMetric(Metric):
    """Keeps the counts named in `_kept`, one per threshold. A prediction is positive if it exceeds the threshold."""

    _kept: tuple = _COUNTS

    def __init__(
        self,
        thresholds: float | list | tuple | None = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(name=name, dtype=dtype)
        self.init_thresholds = thresholds
        self.top_k = top_k
        self.class_id = class_id
        default = 0.5 if top_k is None else float("-inf")
        self.thresholds = _threshold_list(thresholds, default)
        self._create_counts()

    def _create_counts(self) -> None:
        for count in self._kept:
            setattr(self, count, self.add_variable((len(self.thresholds),), "zeros", name=count))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Counts a batch.

        Args:
            y_true: targets 0 or 1, [batch, ...].
            y_pred: predictions in [0, 1], same shape.
            sample_weight: [batch], or broadcastable to the targets, or None.
        """
        y_true, y_pred = same_shape_operands(y_true, y_pred, self.name)
        positive, negative = _weighted_labels(y_true, sample_weight)
        if self.top_k is not None:
            y_pred = _keep_top_k(y_pred, self.top_k)
        if self.class_id is not None:
            y_pred, positive, negative = (_column(t, self.class_id) for t in (y_pred, positive, negative))
        self._count(ops.reshape(y_pred, (1, -1)), ops.reshape(positive, (-1,)), ops.reshape(negative, (-1,)))

    def _count(self, y_pred: Any, positive: Any, negative: Any) -> None:
        limits = ops.reshape(ops.convert_to_tensor(self.thresholds, dtype=y_pred.dtype), (-1, 1))
        above = ops.cast(ops.greater(y_pred, limits), self._dtype)  # [thresholds, samples]
        counts = {}
        if "true_positives" in self._kept or "false_negatives" in self._kept:
            counts["true_positives"] = ops.sum(above * positive, axis=1)
            counts["false_negatives"] = ops.sum(positive) - counts["true_positives"]
        if "false_positives" in self._kept or "true_negatives" in self._kept:
            counts["false_positives"] = ops.sum(above * negative, axis=1)
            counts["true_negatives"] = ops.sum(negative) - counts["false_positives"]
        for count in self._kept:
            getattr(self, count).assign_add(counts[count])

    def _per_threshold(self, values: Any) -> Any:
        return values[0] if len(self.thresholds) == 1 else values

    def get_config(self) -> dict:
        config = {
            "thresholds": self.init_thresholds,
            "top_k": self.top_k,
            "class_id": self.class_id,
        }
        return {**super().get_config(), **config}


class _SingleCount(ConfusionMetric):
    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None):
        super().__init__(thresholds=thresholds, name=name, dtype=dtype)

    def result(self) -> Any:
        return self._per_threshold(ops.convert_to_tensor(getattr(self, self._kept[0])))

    def get_config(self) -> dict:
        return {"name": self.name, "dtype": self._dtype, "thresholds": self.init_thresholds}


class TruePositives(_SingleCount):
    """Number (or weight) of positive targets predicted positive."""

    _kept = ("true_positives",)


class FalsePositives(_SingleCount):
    """Number (or weight) of negative targets predicted positive."""

    _kept = ("false_positives",)


class TrueNegatives(_SingleCount):
    """Number (or weight) of negative targets predicted negative."""

    _kept = ("true_negatives",)


class FalseNegatives(_SingleCount):
    """Number (or weight) of positive targets predicted negative."""

    _kept = ("false_negatives",)


class Precision(ConfusionMetric):
    """Share of the positive predictions that are right.

    Args:
        thresholds: one or more thresholds in [0, 1]; 0.5 by default.
        top_k: only the k largest predictions of each sample count as positive.
        class_id: only this class counts.
        name: name of the metric.
        dtype: dtype of the state.
    """

    _kept = ("true_positives", "false_positives")

    def result(self) -> Any:
        return self._per_threshold(
            ops.divide_no_nan(self.true_positives, ops.add(self.true_positives, self.false_positives))
        )


class Recall(ConfusionMetric):
    """Share of the positive targets that are found. Arguments as of `Precision`."""

    _kept = ("true_positives", "false_negatives")

    def result(self) -> Any:
        return self._per_threshold(
            ops.divide_no_nan(self.true_positives, ops.add(self.true_positives, self.false_negatives))
        )


def _threshold_list(thresholds: Any, default: float) -> list:
    if thresholds is None:
        return [default]
    values = list(thresholds) if isinstance(thresholds, (list, tuple)) else [thresholds]
    wrong = [t for t in values if t is None or not 0 <= t <= 1]
    if wrong:
        raise ValueError(f"Threshold values must be in [0, 1]. Received: {wrong}")
    return values


def _weighted_labels(y_true: Any, sample_weight: Any) -> tuple:
    """Weights of the positive and of the negative targets, in the shape of the targets."""
    positive = ops.cast(ops.cast(y_true, "bool"), y_true.dtype)
    negative = 1.0 - positive
    if sample_weight is None:
        return positive, negative
    weight = ops.convert_to_tensor(sample_weight, dtype=y_true.dtype)
    _, weight = squeeze_or_expand_to_same_rank(y_true, weight)
    if len(weight.shape) < len(y_true.shape):
        weight = ops.reshape(weight, tuple(weight.shape) + (1,) * (len(y_true.shape) - len(weight.shape)))
    return positive * weight, negative * weight


def _keep_top_k(y_pred: Any, k: int) -> Any:
    """Predictions [..., classes] with all but the k largest set to -inf."""
    values, _ = ops.top_k(y_pred, k)
    return ops.where(y_pred >= values[..., -1:], y_pred, float("-inf"))


def _column(x: Any, class_id: int) -> Any:
    if len(x.shape) == 1:
        raise ValueError(
            "When class_id is provided, y_pred must be a 2D array with shape (num_samples, num_classes), "
            f"found shape: {tuple(x.shape)}"
        )
    return x[..., class_id]

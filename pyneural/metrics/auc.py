"""Area under the ROC or precision-recall curve, from counts at fixed thresholds."""

from __future__ import annotations

from typing import Any

from pyneural import config, ops
from pyneural.metrics.confusion import ConfusionMetric
from pyneural.metrics.metric import Metric

_CURVES = ("ROC", "PR")
_SUMMATIONS = ("interpolation", "minoring", "majoring")


class AUC(ConfusionMetric):
    """Area under a curve, approximated by a Riemann sum over thresholds.

    Args:
        num_thresholds: how many thresholds to spread over [0, 1].
        curve: "ROC" or "PR".
        summation_method: "interpolation" (for PR after Davis and Goadrich 2006), "minoring" or "majoring".
        name: name of the metric.
        dtype: dtype of the state.
        thresholds: the thresholds themselves, instead of `num_thresholds`.
        multi_label: only False.
        num_labels: only None.
        label_weights: only None.
        from_logits: whether predictions are logits.
    """

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: Any = None,
        thresholds: list | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Any = None,
        from_logits: bool = False,
    ):
        if curve not in _CURVES:
            raise ValueError(f'Invalid AUC curve value: "{curve}". Expected values are {list(_CURVES)}')
        if summation_method.lower() not in _SUMMATIONS:
            raise ValueError(
                f'Invalid AUC summation method value: "{summation_method}". Expected values are {list(_SUMMATIONS)}'
            )
        if multi_label or num_labels is not None or label_weights is not None:
            raise ValueError(
                "`AUC` averages over all elements: `multi_label` is not available; use one AUC per output."
            )
        if thresholds is None:
            if num_thresholds <= 1:
                raise ValueError(f"Argument `num_thresholds` must be an integer > 1. Received: {num_thresholds}")
            thresholds = [i / (num_thresholds - 1) for i in range(1, num_thresholds - 1)]
            self._user_thresholds = None
        else:
            thresholds = self._user_thresholds = sorted(thresholds)
        Metric.__init__(self, name=name, dtype=dtype)
        self.curve = curve
        self.summation_method = summation_method.lower()
        self.top_k = self.class_id = None
        # End points a little outside, so that 0 and 1 lie strictly between them.
        self.thresholds = [-config.epsilon(), *thresholds, 1.0 + config.epsilon()]
        self._from_logits = from_logits
        self._create_counts()

    @property
    def num_thresholds(self) -> int:
        return len(self.thresholds)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        if self._from_logits:
            y_pred = ops.sigmoid(y_pred)
        super().update_state(y_true, y_pred, sample_weight)

    def result(self) -> Any:
        if self.curve == "PR" and self.summation_method == "interpolation":
            return self._interpolated_pr()
        true_pos, false_pos = (
            ops.convert_to_tensor(self.true_positives),
            ops.convert_to_tensor(self.false_positives),
        )
        recall = ops.divide_no_nan(true_pos, true_pos + self.false_negatives)
        if self.curve == "ROC":
            x, y = ops.divide_no_nan(false_pos, false_pos + self.true_negatives), recall
        else:
            x, y = recall, ops.divide_no_nan(true_pos, true_pos + false_pos)
        left, right = y[:-1], y[1:]
        if self.summation_method == "interpolation":
            heights = (left + right) / 2.0
        elif self.summation_method == "minoring":
            heights = ops.minimum(left, right)
        else:
            heights = ops.maximum(left, right)
        return ops.sum((x[:-1] - x[1:]) * heights)

    def _interpolated_pr(self) -> Any:
        """Precision interpolated between thresholds as a function of the true positives, integrated exactly."""
        true_pos = ops.convert_to_tensor(self.true_positives)
        predicted = true_pos + self.false_positives
        step_tp = true_pos[:-1] - true_pos[1:]
        step_p = predicted[:-1] - predicted[1:]
        slope = ops.divide_no_nan(step_tp, ops.maximum(step_p, 0.0))
        intercept = true_pos[1:] - slope * predicted[1:]
        both = ops.logical_and(predicted[:-1] > 0, predicted[1:] > 0)
        ratio = ops.where(both, ops.divide_no_nan(predicted[:-1], ops.maximum(predicted[1:], 0.0)), 1.0)
        total = ops.maximum(true_pos[1:] + self.false_negatives[1:], 0.0)
        return ops.sum(ops.divide_no_nan(slope * (step_tp + intercept * ops.log(ratio)), total))

    def get_config(self) -> dict:
        return {
            "name": self.name,
            "dtype": self._dtype,
            "num_thresholds": self.num_thresholds,
            "curve": self.curve,
            "summation_method": self.summation_method,
            "from_logits": self._from_logits,
            "thresholds": self._user_thresholds,
        }

"""The base of all losses: values per sample, weighted and reduced to a scalar."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from pyneural import config, ops
from pyneural.losses.shapes import squeeze_or_expand_to_same_rank
from pyneural.naming import to_snake_case

REDUCTIONS = ("sum_over_batch_size", "sum", None, "none", "mean", "mean_with_sample_weight")


class Loss:
    """Loss base class. Subclasses implement `call(y_true, y_pred)`.

    Args:
        name: name of the loss.
        reduction: "sum_over_batch_size" or "mean" (sum over the number of values), "sum",
            "mean_with_sample_weight" (sum over the sum of weights), or None / "none".
        dtype: dtype of the computation, `config.floatx()` by default.
    """

    _casts_targets = True  # False where targets are class numbers, which stay integers

    def __init__(
        self,
        name: str | None = None,
        reduction: str | None = "sum_over_batch_size",
        dtype: Any = None,
    ):
        if reduction not in REDUCTIONS:
            raise ValueError(
                f"Invalid value for argument `reduction`. Expected one of {set(REDUCTIONS)}. "
                f"Received: reduction={reduction}"
            )
        self.name = name or to_snake_case(type(self).__name__)
        self.reduction = reduction
        self._dtype = dtype or config.floatx()

    @property
    def dtype(self) -> str:
        return self._dtype

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        y_pred = ops.convert_to_tensor(y_pred, dtype=self._dtype)
        y_true = ops.convert_to_tensor(y_true, dtype=self._dtype if self._casts_targets else None)
        values = self.call(y_true, y_pred)
        return reduce_weighted_values(values, sample_weight, self._mask(y_true, y_pred), self.reduction, self._dtype)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Values per sample, [batch, d0, ..., dN-1], of targets and predictions [batch, d0, ..., dN]."""
        raise NotImplementedError

    def _mask(self, y_true: Any, y_pred: Any) -> Any:
        """Which values count; None for all."""
        return None

    def get_config(self) -> dict:
        return {"name": self.name, "reduction": self.reduction}

    @classmethod
    def from_config(cls, config: dict) -> Loss:
        return cls(**config)


class LossFunctionWrapper(Loss):
    """A loss from a function `fn(y_true, y_pred, **kwargs)`."""

    def __init__(
        self,
        fn: Callable,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ):
        super().__init__(name=name or getattr(fn, "__name__", None), reduction=reduction, dtype=dtype)
        self.fn = fn
        self._fn_kwargs = kwargs
        self._casts_targets = not getattr(fn, "takes_class_numbers", False)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        if self._casts_targets:
            y_true, y_pred = squeeze_or_expand_to_same_rank(y_true, y_pred)
        return self.fn(y_true, y_pred, **self._fn_kwargs)

    def get_config(self) -> dict:
        return {**super().get_config(), **self._fn_kwargs}

    def __repr__(self) -> str:
        return f"<LossFunctionWrapper({self.fn}, kwargs={self._fn_kwargs})>"


def apply_mask(sample_weight: Any, mask: Any, dtype: str, reduction: str | None) -> Any:
    """Merges a mask into the weights, so that masked values count neither in the sum nor in the mean."""
    if mask is None:
        return sample_weight
    mask = ops.cast(mask, dtype)
    if reduction in ("mean", "sum_over_batch_size"):
        total = float(math.prod(mask.shape))
        mask = ops.multiply(mask, ops.divide_no_nan(total, ops.sum(mask)))
    if sample_weight is None:
        return mask
    sample_weight = ops.convert_to_tensor(sample_weight, dtype=dtype)
    mask, sample_weight = squeeze_or_expand_to_same_rank(mask, sample_weight)
    return ops.multiply(sample_weight, mask)


def reduce_weighted_values(
    values: Any,
    sample_weight: Any = None,
    mask: Any = None,
    reduction: str | None = "sum_over_batch_size",
    dtype: str | None = None,
) -> Any:
    """Applies sample weights [batch] or [batch, d0, ...] and a mask to the values, then reduces them."""
    dtype = dtype or config.floatx()
    values = ops.convert_to_tensor(values, dtype=dtype)
    sample_weight = apply_mask(sample_weight, mask, dtype, reduction)
    if sample_weight is not None:
        sample_weight = ops.convert_to_tensor(sample_weight, dtype=dtype)
        values, sample_weight = squeeze_or_expand_to_same_rank(values, sample_weight)
        missing = len(values.shape) - len(sample_weight.shape)
        if missing > 0:
            sample_weight = ops.reshape(sample_weight, tuple(sample_weight.shape) + (1,) * missing)
        values = ops.multiply(values, sample_weight)
    if reduction in (None, "none") or tuple(values.shape) in ((), (0,)):
        return values
    if reduction == "sum":
        return ops.sum(values)
    if reduction == "mean_with_sample_weight" and sample_weight is not None:
        weights = ops.broadcast_to(sample_weight, values.shape)
        return ops.divide_no_nan(ops.sum(values), ops.sum(weights))
    return ops.mean(values)

"""The loss classes: each is one function with its options."""

from __future__ import annotations

from typing import Any

from pyneural import ops
from pyneural.losses import crossentropy, margin, regression
from pyneural.losses.loss import LossFunctionWrapper


class _NamedLoss(LossFunctionWrapper):
    """A loss whose function is fixed by the class."""

    _fn: Any = None
    _name = ""

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(type(self)._fn, name=name or self._name, reduction=reduction, dtype=dtype)


def _loss(class_name: str, fn: Any, name: str | None = None) -> type:
    doc = f"`losses.{fn.__name__}`, reduced over the batch.\n\n{fn.__doc__}"
    members = {
        "_fn": staticmethod(fn),
        "_name": name or fn.__name__,
        "__doc__": doc,
        "__module__": __name__,
    }
    return type(class_name, (_NamedLoss,), members)


MeanSquaredError = _loss("MeanSquaredError", regression.mean_squared_error)
MeanAbsoluteError = _loss("MeanAbsoluteError", regression.mean_absolute_error)
MeanAbsolutePercentageError = _loss("MeanAbsolutePercentageError", regression.mean_absolute_percentage_error)
MeanSquaredLogarithmicError = _loss("MeanSquaredLogarithmicError", regression.mean_squared_logarithmic_error)
LogCosh = _loss("LogCosh", regression.log_cosh)
Poisson = _loss("Poisson", regression.poisson)
KLDivergence = _loss("KLDivergence", regression.kl_divergence)
Hinge = _loss("Hinge", margin.hinge)
SquaredHinge = _loss("SquaredHinge", margin.squared_hinge)
CategoricalHinge = _loss("CategoricalHinge", margin.categorical_hinge)


class CosineSimilarity(LossFunctionWrapper):
    """`losses.cosine_similarity`, reduced over the batch."""

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "cosine_similarity",
        dtype: Any = None,
    ):
        super().__init__(regression.cosine_similarity, name=name, reduction=reduction, dtype=dtype, axis=axis)


class Huber(LossFunctionWrapper):
    """`losses.huber`, reduced over the batch."""

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str = "huber_loss",
        dtype: Any = None,
    ):
        super().__init__(regression.huber, name=name, reduction=reduction, dtype=dtype, delta=delta)


class BinaryCrossentropy(LossFunctionWrapper):
    """`losses.binary_crossentropy`, reduced over the batch."""

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "binary_crossentropy",
        dtype: Any = None,
    ):
        super().__init__(
            crossentropy.binary_crossentropy,
            name=name,
            reduction=reduction,
            dtype=dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


class CategoricalCrossentropy(LossFunctionWrapper):
    """`losses.categorical_crossentropy`, reduced over the batch."""

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_crossentropy",
        dtype: Any = None,
    ):
        super().__init__(
            crossentropy.categorical_crossentropy,
            name=name,
            reduction=reduction,
            dtype=dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


class SparseCategoricalCrossentropy(LossFunctionWrapper):
    """`losses.sparse_categorical_crossentropy`, reduced over the batch; ignored targets do not count in the mean."""

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str = "sparse_categorical_crossentropy",
        dtype: Any = None,
    ):
        super().__init__(
            crossentropy.sparse_categorical_crossentropy,
            name=name,
            reduction=reduction,
            dtype=dtype,
            from_logits=from_logits,
            ignore_class=ignore_class,
            axis=axis,
        )

    def _mask(self, y_true: Any, y_pred: Any) -> Any:
        ignored = self._fn_kwargs["ignore_class"]
        if ignored is None:
            return None
        return ops.not_equal(crossentropy.class_labels(y_true, y_pred, self._fn_kwargs["axis"]), ignored)

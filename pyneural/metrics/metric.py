"""The base of all metrics: state in variables, updated batch by batch."""

from __future__ import annotations

from typing import Any

from pyneural import config, ops
from pyneural.losses.shapes import squeeze_or_expand_to_same_rank
from pyneural.naming import auto_name, to_snake_case
from pyneural.variable import Variable


class Metric:
    """Metric base class. Subclasses create state with `add_variable` and implement `update_state` and `result`.

    All three are written with `pyneural.ops`: training traces them into its step.

    Args:
        dtype: dtype of the state, `config.floatx()` by default.
        name: name of the metric.
    """

    def __init__(self, dtype: Any = None, name: str | None = None):
        self.name = name or auto_name(to_snake_case(type(self).__name__))
        self._dtype = dtype or config.floatx()
        self._variables: list = []
        self._metrics: list = []

    @property
    def dtype(self) -> str:
        return self._dtype

    def add_variable(self, shape: tuple, initializer: Any, dtype: Any = None, name: str | None = None) -> Variable:
        """A state variable of this metric.

        Args:
            shape: its shape.
            initializer: initializer or its name; the value that `reset_state` restores is zero.
            dtype: its dtype, the metric's by default.
            name: its name.
        """
        variable = Variable(
            initializer,
            shape=tuple(shape),
            dtype=dtype or self._dtype,
            trainable=False,
            name=name or "variable",
        )
        self._variables.append(variable)
        return variable

    def add_weight(
        self,
        shape: tuple = (),
        initializer: Any = "zeros",
        dtype: Any = None,
        name: str | None = None,
    ) -> Variable:
        """Same as `add_variable`, all arguments optional."""
        return self.add_variable(shape=shape, initializer=initializer, dtype=dtype, name=name)

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Metric):
            self._metrics.append(value)
        super().__setattr__(name, value)

    @property
    def variables(self) -> list:
        """State variables, those of inner metrics included."""
        return self._variables + [v for metric in self._metrics for v in metric.variables]

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError

    def result(self) -> Any:
        raise NotImplementedError

    def reset_state(self) -> None:
        """Starts over: sets all state to zero."""
        for variable in self.variables:
            variable.assign(ops.zeros(variable.shape, dtype=variable.dtype))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.update_state(*args, **kwargs)
        return self.result()

    def get_config(self) -> dict:
        return {"name": self.name, "dtype": self._dtype}

    @classmethod
    def from_config(cls, config: dict) -> Metric:
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"

    __str__ = __repr__


def samplewise(values: Any, sample_weight: Any, reduce_fn: Any, dtype: str) -> tuple:
    """Values reduced to one per sample, multiplied by their weights.

    Args:
        values: [batch, d0, ...].
        sample_weight: [batch], [batch, d0, ...] or None.
        reduce_fn: `ops.mean` or `ops.sum`.
        dtype: dtype of the results.

    Returns:
        (values [batch], weights [batch] or None).
    """
    values = ops.convert_to_tensor(values, dtype=dtype)
    if sample_weight is not None:
        sample_weight = ops.convert_to_tensor(sample_weight, dtype=dtype)
        values, sample_weight = squeeze_or_expand_to_same_rank(values, sample_weight)
        weight_rank = len(sample_weight.shape)
        if len(values.shape) > weight_rank:
            values = reduce_fn(values, axis=list(range(weight_rank, len(values.shape))))
        sample_weight = ops.broadcast_to(sample_weight, values.shape)
        values = ops.multiply(values, sample_weight)
        if weight_rank > 1:
            sample_weight = reduce_fn(sample_weight, axis=list(range(1, weight_rank)))
    if len(values.shape) > 1:
        values = reduce_fn(values, axis=list(range(1, len(values.shape))))
    return values, sample_weight

"""Penalties on weights and activations that are added to the loss."""

from __future__ import annotations

from typing import Any

from pyneural import _core, registry
from pyneural.registry import Configurable


class Regularizer(Configurable):
    """Base of regularizers: functions of a tensor that return a scalar."""

    def __call__(self, x: Any) -> Any:
        """The penalty on `x`."""
        return 0.0


class L1L2(Regularizer):
    """l1 * sum(|x|) + l2 * sum(x^2).

    Args:
        l1: Factor of the sum of magnitudes.
        l2: Factor of the sum of squares.
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0):
        self.l1 = _factor("l1", 0.0 if l1 is None else l1)
        self.l2 = _factor("l2", 0.0 if l2 is None else l2)

    def __call__(self, x: Any) -> Any:
        penalties = []
        if self.l1:
            penalties.append(_core.multiply(_core.sum(_core.absolute(x)), self.l1))
        if self.l2:
            penalties.append(_core.multiply(_core.sum(_core.square(x)), self.l2))
        return sum(penalties[1:], penalties[0]) if penalties else _core.multiply(_core.sum(x), 0.0)

    def get_config(self) -> dict[str, Any]:
        return {"l1": self.l1, "l2": self.l2}


class L1(L1L2):
    """l1 * sum(|x|)."""

    def __init__(self, l1: float = 0.01):
        super().__init__(l1=0.01 if l1 is None else l1)

    def get_config(self) -> dict[str, Any]:
        return {"l1": self.l1}


class L2(L1L2):
    """l2 * sum(x^2)."""

    def __init__(self, l2: float = 0.01):
        super().__init__(l2=0.01 if l2 is None else l2)

    def get_config(self) -> dict[str, Any]:
        return {"l2": self.l2}


class OrthogonalRegularizer(Regularizer):
    """Pushes the rows (or columns) of a matrix towards being orthogonal to each other.

    Args:
        factor: Factor of the mean of |cosine| over all pairs.
        mode: `"rows"` or `"columns"`.
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows"):
        if mode not in ("rows", "columns"):
            raise ValueError(
                f"Invalid value for argument `mode`. Expected one of {{'rows', 'columns'}}. Received: mode={mode}"
            )
        self.factor = _factor("factor", factor)
        self.mode = mode

    def __call__(self, x: Any) -> Any:
        from pyneural.ops import eye, normalize

        if len(x.shape) != 2:
            raise ValueError(
                f"Inputs to OrthogonalRegularizer must have rank 2. Received: inputs.shape={tuple(x.shape)}"
            )
        rows = self.mode == "rows"
        unit = normalize(x, axis=1 if rows else 0)
        products = _core.matmul(unit, unit, not rows, rows)
        size = x.shape[0 if rows else 1]
        off_diagonal = _core.multiply(products, _core.subtract(1.0, eye(size, dtype=x.dtype)))
        pairs = size * (size - 1) / 2.0
        return _core.multiply(_core.sum(_core.absolute(off_diagonal)), self.factor * 0.5 / pairs)

    def get_config(self) -> dict[str, Any]:
        return {"factor": self.factor, "mode": self.mode}


def _factor(name: str, value: Any) -> float:
    if isinstance(value, (int, float)) and value == value and abs(value) != float("inf") and value >= 0:
        return float(value)
    if isinstance(value, (int, float)):
        raise ValueError(
            f"Invalid value for argument `{name}`: expected a non-negative float. Received: {name}={value}"
        )
    raise ValueError(
        f"Invalid value for argument `{name}`: expected a non-negative float. "
        f"Received: {name}={value} of type {type(value)}"
    )


l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer
_TABLE = {
    "L1": L1, "L2": L2, "L1L2": L1L2, "OrthogonalRegularizer": OrthogonalRegularizer,
    "l1": L1, "l2": L2, "l1l2": L1L2, "l1_l2": L1L2, "orthogonal_regularizer": OrthogonalRegularizer,
}  # fmt: skip


def get(identifier: Any) -> Any:
    """A regularizer from its name, class, configuration, or a function of a tensor; None for None.

    Raises:
        ValueError: If there is none of that name.
    """
    return registry.get(identifier, _TABLE, "regularizer")


def serialize(regularizer: Regularizer) -> Any:
    """The configuration of a regularizer."""
    from pyneural.serialization import serialize_keras_object

    return serialize_keras_object(regularizer)


def deserialize(config: Any, custom_objects: dict | None = None) -> Any:
    """A regularizer from its configuration."""
    from pyneural.serialization import deserialize_keras_object

    return deserialize_keras_object(config, custom_objects)

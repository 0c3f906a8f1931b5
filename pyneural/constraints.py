"""Projections of weights that are applied after each training step."""

from __future__ import annotations

from typing import Any

from pyneural import _core, registry
from pyneural.config import epsilon
from pyneural.registry import Configurable


class Constraint(Configurable):
    """Base of constraints: functions of a weight that return its projection."""

    def __call__(self, w: Any) -> Any:
        """The projection of `w`."""
        return w


def _norm(w: Any, axis: Any) -> Any:
    return _core.sqrt(_core.sum(_core.square(w), axis, True))


class MaxNorm(Constraint):
    """Scales vectors down to a norm of at most `max_value`.

    Args:
        max_value: The largest norm.
        axis: Axis (or axes) along which the vectors lie.
    """

    def __init__(self, max_value: float = 2, axis: Any = 0):
        self.max_value = max_value
        self.axis = axis

    def __call__(self, w: Any) -> Any:
        norms = _norm(w, self.axis)
        return _core.multiply(w, _core.clip(norms, 0.0, float(self.max_value)) / (norms + epsilon()))

    def get_config(self) -> dict[str, Any]:
        return {"max_value": self.max_value, "axis": self.axis}


class NonNeg(Constraint):
    """Replaces negative weights by 0."""

    def __call__(self, w: Any) -> Any:
        return _core.maximum(w, 0.0)


class UnitNorm(Constraint):
    """Scales vectors to norm 1.

    Args:
        axis: Axis (or axes) along which the vectors lie.
    """

    def __init__(self, axis: Any = 0):
        self.axis = axis

    def __call__(self, w: Any) -> Any:
        return _core.divide(w, _norm(w, self.axis) + epsilon())

    def get_config(self) -> dict[str, Any]:
        return {"axis": self.axis}


class MinMaxNorm(Constraint):
    """Moves the norms of vectors towards the interval from `min_value` to `max_value`.

    Args:
        min_value: The smallest norm.
        max_value: The largest norm.
        rate: How far each step goes: 1 all the way, 0 not at all.
        axis: Axis (or axes) along which the vectors lie.
    """

    def __init__(self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Any = 0):
        self.min_value = min_value
        self.max_value = max_value
        self.rate = rate
        self.axis = axis

    def __call__(self, w: Any) -> Any:
        norms = _norm(w, self.axis)
        clipped = _core.clip(norms, float(self.min_value), float(self.max_value))
        wanted = clipped * float(self.rate) + norms * (1.0 - self.rate)
        return _core.multiply(w, wanted / (norms + epsilon()))

    def get_config(self) -> dict[str, Any]:
        return {"min_value": self.min_value, "max_value": self.max_value, "rate": self.rate, "axis": self.axis}


max_norm, non_neg, unit_norm, min_max_norm = MaxNorm, NonNeg, UnitNorm, MinMaxNorm
_TABLE = {
    "MaxNorm": MaxNorm, "NonNeg": NonNeg, "UnitNorm": UnitNorm, "MinMaxNorm": MinMaxNorm,
    "max_norm": MaxNorm, "non_neg": NonNeg, "unit_norm": UnitNorm, "min_max_norm": MinMaxNorm,
}  # fmt: skip


def get(identifier: Any) -> Any:
    """A constraint from its name, class, configuration, or a function of a weight; None for None.

    Raises:
        ValueError: If there is none of that name.
    """
    return registry.get(identifier, _TABLE, "constraint")


def serialize(constraint: Constraint) -> Any:
    """The configuration of a constraint."""
    from pyneural.serialization import serialize_keras_object

    return serialize_keras_object(constraint)


def deserialize(config: Any, custom_objects: dict | None = None) -> Any:
    """A constraint from its configuration."""
    from pyneural.serialization import deserialize_keras_object

    return deserialize_keras_object(config, custom_objects)

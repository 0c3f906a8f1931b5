"""Checks and conversions of the arguments of layers."""

from __future__ import annotations

from typing import Any

from pyneural import activations, constraints, initializers, regularizers

_KINDS = {
    "activation": activations,
    "initializer": initializers,
    "regularizer": regularizers,
    "constraint": constraints,
}


def _kind(name: str) -> Any:
    return _KINDS.get(name.rsplit("_", 1)[-1])


def interpret_argument(name: str, value: Any) -> Any:
    """The object that an argument such as `kernel_initializer="zeros"` stands for; other values as they are."""
    kind = _kind(name)
    if kind is None:
        return value
    if kind is initializers and isinstance(value, initializers.Initializer):
        return value.clone()  # two weights must not get the same random values
    return kind.get(value)


def serialize_argument(name: str, value: Any) -> Any:
    """An argument as it stands in a configuration."""
    if value is None:
        return None
    if _kind(name) is activations:
        return activations.serialize(value)
    from pyneural.serialization import serialize_keras_object

    return serialize_keras_object(value)


def int_tuple(value: Any, n: int, name: str, allow_zero: bool = False) -> tuple[int, ...]:
    """`value` as a tuple of n integers, from one integer or n.

    Raises:
        ValueError: If it is anything else, or holds a number that is not positive (not negative, if zero is allowed).
    """
    message = f"The `{name}` argument must be a tuple of {n} integers. Received {name}={value}"
    if isinstance(value, bool):
        raise ValueError(message)
    if hasattr(value, "__index__"):
        values = (int(value),) * n
    else:
        try:
            values = tuple(value)
        except TypeError:
            raise ValueError(message) from None
        if len(values) != n or not all(hasattr(v, "__index__") and not isinstance(v, bool) for v in values):
            raise ValueError(message)
        values = tuple(int(v) for v in values)
    bad = {v for v in values if v < 0 or (v == 0 and not allow_zero)}
    if bad:
        condition = ">= 0" if allow_zero else "> 0"
        raise ValueError(f"{message}, including values {bad} that do not satisfy `value {condition}`")
    return values


def padding_mode(value: Any) -> str:
    """A `padding` argument in lower case.

    Raises:
        ValueError: If it is neither `"valid"` nor `"same"`.
    """
    mode = value.lower() if isinstance(value, str) else value
    if mode not in ("valid", "same"):
        raise ValueError(f"The `padding` argument must be one of {{'valid', 'same'}}. Received: {value}")
    return mode


def positive_int(name: str, value: Any) -> int:
    """`value` as an int.

    Raises:
        ValueError: If it is not a positive integer.
    """
    if isinstance(value, bool) or not hasattr(value, "__index__") or int(value) <= 0:
        raise ValueError(
            f"Received an invalid value for `{name}`, expected a positive integer. Received: {name}={value}"
        )
    return int(value)


def reject(layer: str, **arguments: Any) -> None:
    """Raises ValueError if an argument that is not supported was given a value."""
    for name, value in arguments.items():
        if value is not None and value is not False:
            raise ValueError(f"Argument `{name}` of layer {layer} is not supported. Received: {name}={value}")

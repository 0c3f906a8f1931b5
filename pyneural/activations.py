"""Activation functions, and their lookup by name."""

from __future__ import annotations

from typing import Any

from pyneural import _core, ops, registry
from pyneural.ops import (
    celu,
    elu,
    glu,
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_tanh,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    mish,
    relu6,
    selu,
    sigmoid,
    silu,
    soft_shrink,
    softmax,
    softplus,
    softsign,
    sparse_plus,
    sparse_sigmoid,
    sparsemax,
    squareplus,
    tanh,
    tanh_shrink,
    threshold,
)
from pyneural.ops.wrap import op


@op
def relu(x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Any:
    """Rectified linear unit.

    Args:
        x: Tensor.
        negative_slope: Slope below `threshold`.
        max_value: Largest output; None for no limit.
        threshold: Where the linear part begins.
    """
    return _core.relu(x, negative_slope, max_value, threshold)


@op
def gelu(x: Any, approximate: bool = False) -> Any:
    """Gaussian error linear unit, x * P(X <= x) for a normal X; by the tanh formula if `approximate`."""
    return _core.gelu(x, approximate)


def linear(x: Any) -> Any:
    """`x` itself."""
    return x


def exponential(x: Any) -> Any:
    """exp(x)."""
    return ops.exp(x)


swish = silu
hard_swish = hard_silu
_FUNCTIONS = (
    celu, elu, exponential, gelu, glu, hard_shrink, hard_sigmoid, hard_silu, hard_tanh, leaky_relu, linear, log_sigmoid,
    log_softmax, mish, relu, relu6, selu, sigmoid, silu, soft_shrink, softmax, softplus, softsign, sparse_plus,
    sparse_sigmoid, sparsemax, squareplus, tanh, tanh_shrink, threshold,
)  # fmt: skip
_TABLE = {function.__name__: function for function in _FUNCTIONS}
_TABLE.update({"swish": silu, "hard_swish": hard_silu})


def get(identifier: Any) -> Any:
    """An activation function from its name, configuration, or a function; `linear` for None.

    Raises:
        ValueError: If there is none of that name.
    """
    if identifier is None:
        return linear
    return registry.get(identifier, _TABLE, "activation function")


def serialize(activation: Any) -> Any:
    """The name of a built-in activation function, or the configuration of another."""
    if getattr(activation, "__name__", None) in _TABLE and _TABLE[activation.__name__] is activation:
        return activation.__name__
    from pyneural.serialization import serialize_keras_object

    return serialize_keras_object(activation)


def deserialize(config: Any, custom_objects: dict | None = None) -> Any:
    """An activation function from its name or configuration."""
    if isinstance(config, str) and config in _TABLE:
        return _TABLE[config]
    from pyneural.serialization import deserialize_keras_object

    return deserialize_keras_object(config, custom_objects)

"""How a function of `ops` becomes a step of a functional model when it is called on KerasTensors."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from pyneural import _core
from pyneural.keras_tensor import KerasTensor, any_keras_tensor

# How many leading arguments of an op are tensors (1 where nothing is said). The others are settings: they stand in the
# configuration of the step, as in Keras's files.
_OPERANDS = {
    "allclose": 2, "batch_normalization": 3, "binary_crossentropy": 2, "categorical_crossentropy": 2,
    "conv": 2, "depthwise_conv": 2, "dot": 2, "get_item": 2, "isclose": 2, "logaddexp": 2, "logical_xor": 2,
    "matmul": 2, "outer": 2, "separable_conv": 3, "sparse_categorical_crossentropy": 2, "take": 2,
    "take_along_axis": 2, "tensordot": 2, "where": 3,
}  # fmt: skip


def record(function: Callable, *args: Any, operands: int | None = None, **kwargs: Any) -> Any:
    """Adds a call of an op on KerasTensors to the functional graph."""
    from pyneural.operation import OpCall

    operands = _OPERANDS.get(function.__name__, 1) if operands is None else operands
    code = getattr(function, "__wrapped__", function).__code__
    names = code.co_varnames[: code.co_argcount]
    settings = dict(zip(names[operands:], args[operands:]))
    settings.update({key: kwargs.pop(key) for key in list(kwargs) if key not in names[:operands]})
    if any_keras_tensor((settings,)):
        return OpCall(function).symbolic_call(*args[:operands], **settings, **kwargs)
    return OpCall(function, **settings).symbolic_call(*args[:operands], **kwargs)


def op(function: Callable) -> Callable:
    """Decorator: called on KerasTensors, the function returns KerasTensors and remembers the call."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if any_keras_tensor(args, kwargs):
            return record(wrapper, *args, **kwargs)
        return function(*args, **kwargs)

    return wrapper


def unary_ops(table: dict[str, str]) -> dict[str, Callable]:
    """Functions of one tensor from a table of names and what they compute."""

    def make(name: str, text: str) -> Callable:
        kernel = getattr(_core, name)

        def function(x: Any) -> Any:
            if isinstance(x, KerasTensor):
                return record(function, x)
            return kernel(x)

        return _named(function, name, f"Element-wise {text}.\n\n    Args:\n        x: Tensor of any shape.\n    ")

    return {name: make(name, text) for name, text in table.items()}


def binary_ops(table: dict[str, str]) -> dict[str, Callable]:
    """Functions of two tensors, which are broadcast against each other, from a table like that of `unary_ops`."""

    def make(name: str, text: str) -> Callable:
        kernel = getattr(_core, name)

        def function(x1: Any, x2: Any) -> Any:
            if isinstance(x1, KerasTensor) or isinstance(x2, KerasTensor):
                return record(function, x1, x2, operands=2)
            return kernel(x1, x2)

        arguments = "x1: Tensor.\n        x2: Tensor that broadcasts against x1."
        doc = f"Element-wise {text}.\n\n    Args:\n        {arguments}\n    "
        return _named(function, name, doc)

    return {name: make(name, text) for name, text in table.items()}


def _named(function: Callable, name: str, doc: str) -> Callable:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    function.__module__ = "pyneural.ops"
    return function


def public_names(module: dict[str, Any]) -> list[str]:
    """The names in a module of `ops` that are functions of this package, for its `__all__`."""
    return [
        name
        for name, value in module.items()
        if not name.startswith("_")
        and (getattr(value, "__module__", None) or "").startswith("pyneural.ops")
        and value.__module__ != __name__
    ]

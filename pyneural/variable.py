"""Variable: a tensor that can be assigned to; the weights of layers are variables."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pyneural import _core
from pyneural.config import floatx
from pyneural.dtypes import standardize_dtype
from pyneural.naming import auto_name, current_path


class Variable(_core.Variable):
    """A tensor with a name that can be assigned to.

    Args:
        initializer: First value (array, tensor, number), or an initializer: a name, an object, or a function of
            (shape, dtype).
        shape: Dimensions; required with an initializer.
        dtype: Dtype; if None that of the value, but `config.floatx()` for float64 values and initializers.
        trainable: Whether optimizers may change it.
        autocast: Accepted for compatibility; weights always have their layer's dtype.
        aggregation: Accepted for compatibility.
        synchronization: Accepted for compatibility.
        name: Name; made up if None.
        regularizer: Function of the variable that gives a penalty.
        constraint: Function that projects the variable after each training step.

    Raises:
        ValueError: If the shape is missing, unknown in part, or not that of the value.
    """

    # Attributes live in the dict of the base class: with a second one the garbage collector counts the same references
    # twice and never frees a variable that is part of a cycle.
    __slots__ = ()

    def __init__(
        self,
        initializer: Any,
        shape: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        aggregation: str | None = None,
        synchronization: str = "auto",
        name: str | None = None,
        regularizer: Any = None,
        constraint: Any = None,
    ):
        name = name or auto_name("variable")
        shape = (shape,) if isinstance(shape, int) else shape
        if not isinstance(name, str) or "/" in name:
            raise ValueError(
                f"Argument `name` must be a string and cannot contain character `/`. Received: name={name}"
            )
        path = f"{current_path()}/{name}".lstrip("/")
        if isinstance(initializer, str):
            from pyneural import initializers

            initializer = initializers.get(initializer)
        if callable(initializer) and not isinstance(initializer, (_core.Tensor, _core.Variable)):
            value = _initial_value(initializer, shape, dtype, path)
        else:
            value = _core.tensor(initializer, None if dtype is None else standardize_dtype(dtype))
            if dtype is None and value.dtype == "float64":  # what NumPy makes of any numbers
                value = _core.cast(value, floatx())
        if shape is not None and tuple(value.shape) != tuple(shape):
            raise ValueError(
                f"The initial value of variable path='{path}' has shape {tuple(value.shape)}, expected {tuple(shape)}."
            )
        super().__init__(value)
        self.name = name
        self.trainable = bool(trainable)
        self.path = path
        self.regularizer = regularizer
        self.constraint = constraint

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    def __reduce__(self) -> tuple:
        attributes = {name: getattr(self, name) for name in ("name", "path", "trainable", "regularizer", "constraint")}
        return _restore, (self.numpy(), attributes)

    def __repr__(self) -> str:
        return f"<Variable path={self.path}, shape={tuple(self.shape)}, dtype={self.dtype}, value={self.numpy()}>"


def _restore(value: Any, attributes: dict[str, Any]) -> Variable:
    variable = Variable(value, dtype=value.dtype.name)
    for name, attribute in attributes.items():
        setattr(variable, name, attribute)
    return variable


def _initial_value(initializer: Any, shape: Any, dtype: Any, path: str) -> Any:
    if shape is None:
        raise ValueError(
            "When creating a Variable from an initializer, the `shape` argument should be specified. "
            f"Received: initializer={initializer} and shape={shape}"
        )
    shape = tuple(shape)
    if None in shape:
        raise ValueError(
            "Shapes used to initialize variables must be fully-defined (no `None` dimensions). "
            f"Received: shape={shape} for variable path='{path}'"
        )
    dtype = standardize_dtype(dtype)
    if isinstance(initializer, type):
        initializer = initializer()
    _charge(math.prod(shape), path)
    value = initializer(shape, dtype=dtype)
    return _core.tensor(value, dtype) if not isinstance(value, _core.Tensor) else value


_allocation = threading.local()


@contextmanager
def limited_allocation(limit: int) -> Iterator[None]:
    """Within it, initializers of this thread may make variables of at most `limit` numbers in all.

    A file from elsewhere could otherwise ask for more memory than there is.
    """
    before = getattr(_allocation, "left", None)
    _allocation.left = limit
    try:
        yield
    finally:
        _allocation.left = before


def _charge(size: int, path: str) -> None:
    left = getattr(_allocation, "left", None)
    if left is None:
        return
    if size > left:
        raise ValueError(f"Variable '{path}' would hold {size} numbers, more than its file has weights for.")
    _allocation.left = left - size

"""Symbolic tensors of the functional API, and how the outputs of a call on them are found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyneural import tree
from pyneural._core import Trace, tensor
from pyneural.dtypes import standardize_dtype
from pyneural.naming import auto_name

# What stands for unknown dimensions while a call is traced: (first axis, other axes), twice. A dimension of a result
# that comes out the same both times does not depend on them. Other axes get multiples of 256, so that
# networks that halve and double their images fit together.
_FILLS = ((6, 768), (10, 1280))


class KerasTensor:
    """A tensor that has a shape and a dtype but no values: what `Input` returns.

    Args:
        shape: Dimensions; None where unknown.
        dtype: Name of the dtype.
        name: Name; made up if None.
    """

    __slots__ = ("_keras_history", "dtype", "name", "shape")

    def __init__(self, shape: tuple, dtype: str = "float32", name: str | None = None):
        self.shape = tuple(shape)
        self.dtype = standardize_dtype(dtype)
        self.name = name or auto_name("keras_tensor")
        self._keras_history = None  # (operation, index of the node, index among the node's outputs)

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    def __len__(self) -> int:
        raise TypeError("A symbolic KerasTensor has no length. Use `ops.shape(x)[0]` inside a layer.")

    def __getitem__(self, key: Any) -> Any:
        from pyneural import ops

        return ops.get_item(self, ops.convert_to_tensor(key) if isinstance(key, list) else key)

    def __iter__(self):
        raise NotImplementedError("Iterating over a symbolic KerasTensor is not supported.")

    def __bool__(self) -> bool:
        raise TypeError("A symbolic KerasTensor cannot be used as a boolean.")

    def __array__(self, *unused: Any, **unused_too: Any):
        raise ValueError(
            "A KerasTensor is symbolic: it stands for a shape and a dtype and has no values. It cannot be converted "
            "to a NumPy array, nor be passed to a NumPy function. Use a function of `ops`, or put the computation "
            "into the `call` method of a layer."
        )

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}, name={self.name}>"


def _operator(name: str, reflected: bool) -> Callable:
    def method(self: KerasTensor, other: Any) -> Any:
        from pyneural import ops

        function = getattr(ops, name)
        return function(other, self) if reflected else function(self, other)

    return method


def _unary_operator(name: str) -> Callable:
    def method(self: KerasTensor) -> Any:
        from pyneural import ops

        return getattr(ops, name)(self)

    return method


for _symbol, _name in {
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "truediv": "divide",
    "floordiv": "floor_divide",
    "mod": "mod",
    "pow": "power",
    "matmul": "matmul",
}.items():
    setattr(KerasTensor, f"__{_symbol}__", _operator(_name, reflected=False))
    setattr(KerasTensor, f"__r{_symbol}__", _operator(_name, reflected=True))
for _symbol, _name in {
    "eq": "equal",
    "ne": "not_equal",
    "lt": "less",
    "le": "less_equal",
    "gt": "greater",
    "ge": "greater_equal",
}.items():
    setattr(KerasTensor, f"__{_symbol}__", _operator(_name, reflected=False))
for _symbol, _name in {"neg": "negative", "abs": "absolute"}.items():
    setattr(KerasTensor, f"__{_symbol}__", _unary_operator(_name))
KerasTensor.__array_priority__ = 100  # so that ndarray + KerasTensor reaches __radd__
KerasTensor.__array_ufunc__ = None


def is_keras_tensor(value: Any) -> bool:
    """Whether `value` is a symbolic tensor of the functional API."""
    return isinstance(value, KerasTensor)


def any_keras_tensor(args: Any, kwargs: dict | None = None) -> bool:
    """Whether a KerasTensor lies anywhere in (nested) arguments."""
    for value in args:
        if isinstance(value, KerasTensor):
            return True
        if isinstance(value, (list, tuple)):
            if any_keras_tensor(value):
                return True
        elif isinstance(value, dict) and any_keras_tensor(value.values()):
            return True
    return bool(kwargs) and any_keras_tensor(kwargs.values())


def infer_outputs(function: Callable, args: tuple, kwargs: dict) -> Any:
    """What `function(*args, **kwargs)` returns, as KerasTensors, where some of the arguments are KerasTensors.

    The call is traced on symbolic tensors of the engine, which run nothing. Unknown dimensions are filled in twice with
    different numbers: dimensions of the results that differ are unknown too.
    """
    unknown = any(None in leaf.shape for leaf in tree.flatten([list(args), kwargs]) if isinstance(leaf, KerasTensor))
    first = _trace(function, args, kwargs, _FILLS[0])
    second = _trace(function, args, kwargs, _FILLS[1]) if unknown else first

    def merge(a: Any, b: Any) -> Any:
        if a is None:
            return None
        if len(a[0]) != len(b[0]):
            raise ValueError(f"The rank of an output depends on the size of an input: got shapes {a[0]} and {b[0]}.")
        return KerasTensor(tuple(m if m == n else None for m, n in zip(a[0], b[0])), a[1])

    leaves = [merge(a, b) for a, b in zip(first[1], second[1])]
    return tree.pack_as(first[0], leaves)


def _trace(function: Callable, args: tuple, kwargs: dict, fill: tuple[int, int]) -> tuple[Any, list]:
    with Trace() as trace:

        def stand_in(leaf: Any) -> Any:
            if not isinstance(leaf, KerasTensor):
                return leaf
            shape = tuple(fill[axis > 0] if dim is None else dim for axis, dim in enumerate(leaf.shape))
            return trace.input(shape, leaf.dtype)

        outputs = function(*tree.map_structure(stand_in, tuple(args)), **tree.map_structure(stand_in, dict(kwargs)))
        specs = []
        for leaf in tree.flatten(outputs):
            if leaf is not None:
                value = leaf if hasattr(leaf, "dtype") and hasattr(leaf, "shape") else tensor(leaf)
                leaf = (tuple(value.shape), standardize_dtype(value.dtype))
            specs.append(leaf)
        return tree.map_structure(lambda _: None, outputs), specs

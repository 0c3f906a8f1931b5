"""`@pyneural.function`: a Python function that is traced once per kind of inputs and then runs as a plan."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from pyneural import _core, tree
from pyneural.gradient_tape import is_recording


class Function:
    """A traced function.

    Args:
        python_function: Function of tensors (in any nested lists, tuples and dicts) and other hashable values.
        name: Name; that of the function if None.

    Tensors, variables and arrays are inputs of the plan; all other arguments belong to its key: another value, shape or
    dtype means another trace. Variables may be read and assigned. Python's side effects happen while tracing only.
    """

    def __init__(self, python_function: Callable, name: str | None = None):
        functools.update_wrapper(self, python_function)
        self.python_function = python_function
        self.name = name or python_function.__name__
        self._plans: dict[Any, tuple[Any, Any]] = {}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Calls the function."""
        if _core.is_tracing() or is_recording():
            return self.python_function(*args, **kwargs)
        leaves = tree.flatten([list(args), kwargs])
        inputs = [_as_input(leaf) for leaf in leaves]
        key = (
            _structure([args, kwargs]),
            tuple(
                _constant(leaf) if value is None else (tuple(value.shape), str(value.dtype))
                for leaf, value in zip(leaves, inputs)
            ),
        )
        found = self._plans.get(key)
        if found is None:
            found = self._plans[key] = self._trace(args, kwargs, leaves, inputs)
        plan, outputs = found
        results = iter(plan.run([value for value in inputs if value is not None]))
        return tree.map_structure(lambda leaf: next(results) if leaf is _RESULT else leaf, outputs)

    def __get__(self, instance: Any, owner: type) -> Any:
        """Methods can be decorated too."""
        return self if instance is None else functools.partial(self, _Bound(instance))

    def _trace(self, args: tuple, kwargs: dict, leaves: list, inputs: list) -> tuple[Any, Any]:
        with _core.Trace() as trace:
            symbols = [
                leaf if value is None else trace.input(tuple(value.shape), str(value.dtype))
                for leaf, value in zip(leaves, inputs)
            ]
            args_kwargs = tree.pack_as([list(args), kwargs], symbols)
            positional = [a.instance if isinstance(a, _Bound) else a for a in args_kwargs[0]]
            outputs = self.python_function(*positional, **args_kwargs[1])
            results = []

            def collect(leaf: Any) -> Any:
                if isinstance(leaf, (_core.Tensor, _core.Variable)):
                    results.append(leaf.value if isinstance(leaf, _core.Variable) else leaf)
                    return _RESULT
                return leaf

            outputs = tree.map_structure(collect, outputs)
            return trace.compile(results), outputs


class _Bound:
    """An object (a variable, or that whose method is called) that is part of the key by identity."""

    def __init__(self, instance: Any):
        self.instance = instance

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Bound) and other.instance is self.instance

    def __hash__(self) -> int:
        return id(self.instance)


class _Constant:
    """A value that is part of the key: told apart by type too, since 1 == True."""

    def __init__(self, value: Any):
        self.value = value
        try:
            self._hash = hash((type(value), value))
        except TypeError:
            raise TypeError(
                "Arguments of a traced function must be tensors, arrays or hashable values. "
                f"Received: {value} (of type {type(value)})"
            ) from None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Constant) and type(other.value) is type(self.value) and other.value == self.value

    def __hash__(self) -> int:
        return self._hash


_RESULT = object()


def _constant(leaf: Any) -> Any:
    return _Bound(leaf) if isinstance(leaf, _core.Variable) else _Constant(leaf)


def _as_input(leaf: Any) -> Any:
    """The tensor or array that an argument passes to the plan; None for arguments that are constants of the trace."""
    if isinstance(leaf, _core.Tensor):
        return leaf
    if isinstance(leaf, _core.Variable) or not hasattr(leaf, "__array__"):
        return None
    return _core.tensor(leaf)


def _structure(value: Any) -> Any:
    if isinstance(value, dict):
        return ("dict", tuple((key, _structure(item)) for key, item in value.items()))
    if isinstance(value, (list, tuple)):
        return (type(value).__name__, tuple(_structure(item) for item in value))
    return None


def function(python_function: Callable | None = None, **options: Any) -> Any:
    """Decorator: traces a function once per kind of inputs and runs it as a plan afterwards.

    Args:
        python_function: The function.
        **options: `name`: name of the traced function.
    """
    if python_function is None:
        return lambda f: Function(f, **options)
    return Function(python_function, **options)

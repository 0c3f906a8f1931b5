"""How a layer is built: its weights are created once the shapes of its inputs are known."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from pyneural import tree
from pyneural.layers.call_spec import parameters
from pyneural.naming import current_path, name_scope


def building(build: Callable) -> Callable:
    """Wraps a class's `build`: opens the layer's name scope, remembers the shapes, marks the layer as built."""

    @functools.wraps(build)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> None:
        if self._in_build:  # a subclass calls super().build()
            return build(self, *args, **kwargs)
        self._in_build = True
        try:
            with name_scope(self.name, self):
                if self._path is None:
                    self._path = current_path()
                build(self, *args, **kwargs)
            names = parameters(build).positional
            self._build_shapes = {**dict(zip(names, args)), **kwargs} or None
            self.built = self._locked = True
        finally:
            self._in_build = False
        return None

    return wrapper


def shapes_of_inputs(layer: Any, spec: Any, args: tuple, kwargs: dict) -> dict[str, Any]:
    """The arguments of `build` for the arguments of a call.

    A `build` of several parameters gets the shape of argument `x` as `x_shape`, one of a single parameter the shape (or
    structure of shapes) of the first argument.
    """
    inputs = {**dict(zip(spec.positional, args)), **kwargs}
    if not spec.positional:  # call(*args): all of them
        inputs = {f"input{i}": arg for i, arg in enumerate(args)} | kwargs
    shapes = {
        name: tree.map_structure(lambda x: tuple(x.shape), value)
        for name, value in inputs.items()
        if value is not None and all(hasattr(x, "shape") for x in tree.flatten(value))
    }
    names = parameters(type(layer).build).positional
    if len(names) <= 1:
        return {names[0]: next(iter(shapes.values()), None)} if names else {}
    return {name: shapes[key] for key in shapes for name in names if name == f"{key}_shape"}

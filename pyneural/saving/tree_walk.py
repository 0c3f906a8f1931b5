"""Which group of a weights file holds which variables: Keras's layout."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyneural.layers.layer import Layer
from pyneural.naming import to_snake_case
from pyneural.random import SeedGenerator

_CONTAINERS = (list, tuple, dict)


def walk(layer: Layer, path: str = "", visited: set[int] | None = None) -> Iterator[tuple[str, Any]]:
    """Yields (path, layer or seed generator) for a layer and all inside it, each once.

    The layers of sequential and functional models are under `layers/<class name>`, those of other layers under the
    name of the attribute that holds them.
    """
    visited = set() if visited is None else visited
    if id(layer) in visited:
        return
    visited.add(id(layer))
    yield path, layer
    if _lists_layers(layer):
        yield from _walk_container(layer.layers, f"{path}/layers".lstrip("/"), visited)
    ignored = frozenset().union(*(vars(cls).get("_untracked", ()) for cls in type(layer).__mro__))
    for name in sorted(vars(layer)):
        value = vars(layer)[name]
        if name in ignored or name == "_tracker":
            continue
        inner = f"{path}/{name.lstrip('_')}".lstrip("/")
        if isinstance(value, Layer):
            yield from walk(value, inner, visited)
        elif isinstance(value, SeedGenerator):
            yield from _walk_seed(value, inner, visited)
        elif isinstance(value, _CONTAINERS):
            yield from _walk_container(value, inner, visited)


def _lists_layers(layer: Layer) -> bool:
    from pyneural.models.sequential import Sequential

    return isinstance(layer, Sequential) or getattr(layer, "_graph", None) is not None


def _walk_container(container: Any, path: str, visited: set[int]) -> Iterator[tuple[str, Any]]:
    counts: dict[str, int] = {}
    for item in container.values() if isinstance(container, dict) else container:
        if not isinstance(item, (Layer, SeedGenerator)):
            continue
        name = to_snake_case(type(item).__name__)
        count = counts[name] = counts.get(name, -1) + 1
        inner = f"{path}/{name}_{count}" if count else f"{path}/{name}"
        yield from walk(item, inner, visited) if isinstance(item, Layer) else _walk_seed(item, inner, visited)


def _walk_seed(seed: SeedGenerator, path: str, visited: set[int]) -> Iterator[tuple[str, Any]]:
    if id(seed) not in visited:
        visited.add(id(seed))
        yield path, seed

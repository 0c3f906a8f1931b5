"""Tables of names for `pyneural.registry`."""

from __future__ import annotations

from collections.abc import Iterable

from pyneural.naming import to_snake_case


def names_of(classes: Iterable[type]) -> dict[str, type]:
    """The names that mean each class: MeanSquaredError, mean_squared_error, meansquarederror."""
    table: dict[str, type] = {}
    for cls in classes:
        name = cls.__name__
        table[name] = table[to_snake_case(name)] = table[name.lower()] = cls
    return table

"""Tables of names for `pyneural.registry`."""

from __future__ import annotations

from collections.abc import Iterable

from pyneural.naming import to_snake_case


def names_of(classes: Iterable[type]) -> dict[str, type]:
    """The names that mean each class: MeanSquaredError and mean_squared_error."""
    table: dict[str, type] = {}
    for cls in classes:
        table[cls.__name__] = table[to_snake_case(cls.__name__)] = cls
    return table

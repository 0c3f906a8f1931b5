"""Nested lists, tuples and dicts of values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def is_nested(value: Any) -> bool:
    """Whether `value` is a list, tuple or dict."""
    return isinstance(value, (list, tuple, dict))


def flatten(value: Any) -> list:
    """The leaves of a structure from left to right; a dict's leaves in the order of its sorted keys."""
    if isinstance(value, dict):
        return [leaf for key in _sorted_keys(value) for leaf in flatten(value[key])]
    if isinstance(value, (list, tuple)):
        return [leaf for item in value for leaf in flatten(item)]
    return [value]


def map_structure(function: Callable[..., Any], value: Any, *others: Any) -> Any:
    """The same structure with each leaf replaced by `function(leaf, *leaves_of_others)`."""
    if isinstance(value, dict):
        mapped = {key: map_structure(function, value[key], *(o[key] for o in others)) for key in _sorted_keys(value)}
        return {key: mapped[key] for key in value}
    if isinstance(value, (list, tuple)):
        items = [map_structure(function, *parts) for parts in zip(value, *others)]
        if isinstance(value, list):
            return items
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    return function(value, *others)


def pack_as(structure: Any, leaves: list) -> Any:
    """`leaves` in the shape of `structure`: the inverse of `flatten`."""
    rest = iter(leaves)
    return map_structure(lambda _: next(rest), structure)


def _sorted_keys(value: dict) -> list:
    try:
        return sorted(value)
    except TypeError:
        return list(value)

"""How a layer finds the variables, layers, metrics and seed generators among its attributes."""

from __future__ import annotations

import sys
from typing import Any

from pyneural.random import SeedGenerator
from pyneural.variable import Variable

_PLAIN = frozenset((type(None), bool, int, float, str, bytes, slice))


class Tracker:
    """The state of one layer, in the order in which it was found.

    Args:
        owner: The layer.
        ignored: Names of attributes that are no state.
    """

    def __init__(self, owner: Any, ignored: frozenset[str]):
        self._owner = owner
        self._ignored = ignored
        self._known: dict[int, tuple[str, Any]] = {}  # id -> (kind, object)
        self._added: list = []

    def add(self, value: Any) -> None:
        """Tracks an object that need not be an attribute."""
        self._added.append(value)
        self._collect(value, self._known)

    def is_state(self, name: str, value: Any) -> bool:
        """Whether an attribute is, or holds, something to track."""
        return name not in self._ignored and bool(self._collect(value, {}))

    def refresh(self) -> None:
        """Looks through the attributes: keeps the order of what is known, adds what is new, drops what is gone."""
        found: dict[int, tuple[str, Any]] = {}
        for value in self._added:
            self._collect(value, found)
        for name, value in vars(self._owner).items():
            if type(value) not in _PLAIN and name not in self._ignored:
                self._collect(value, found)
        known = {key: found[key] for key in self._known if key in found}
        known.update(found)
        # The kind of a variable is the one it had when it was found: freezing a layer does not reorder its weights.
        self._known = {key: self._known.get(key, entry) for key, entry in known.items()}

    def of(self, kind: str) -> list:
        """The tracked objects of one kind: trainable, non_trainable, layer, metric or seed."""
        self.refresh()
        return [value for found, value in self._known.values() if found == kind]

    def _collect(self, value: Any, found: dict) -> dict:
        if type(value) in _PLAIN:
            return found
        if isinstance(value, (list, tuple, set)):
            for item in value:
                self._collect(item, found)
        elif isinstance(value, dict):
            for item in value.values():
                self._collect(item, found)
        else:
            kind = _kind(value)
            if kind and value is not self._owner:
                found.setdefault(id(value), (kind, value))
        return found


def _kind(value: Any) -> str | None:
    if isinstance(value, Variable):
        return "trainable" if value.trainable else "non_trainable"
    if isinstance(value, SeedGenerator):
        return "seed"
    if isinstance(value, sys.modules["pyneural.layers.layer"].Layer):
        return "layer"
    metrics = sys.modules.get("pyneural.metrics")
    if metrics is not None and isinstance(value, getattr(metrics, "Metric", ())):
        return "metric"
    return None

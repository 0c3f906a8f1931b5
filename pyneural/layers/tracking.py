"""How a layer finds the variables, layers, metrics and seed generators among its attributes."""

from __future__ import annotations

import sys
from typing import Any

from pyneural.random import SeedGenerator
from pyneural.variable import Variable

_PLAIN = frozenset((type(None), bool, int, float, str, bytes, slice))
_CONTAINERS = (list, tuple, dict, set)


class Tracker:
    """The state of one layer, in the order in which it was found.

    Lists, dicts and sets are looked through each time, as things may be appended to them; what was found once keeps its
    place.

    Args:
        owner: The layer.
        ignored: Names of attributes that are no state.
    """

    def __init__(self, owner: Any, ignored: frozenset[str]):
        self._owner = owner
        self._ignored = ignored
        self._names: dict[str, bool] = {}  # attributes that are state, or may change (True)
        self._known: dict[int, tuple[str, Any]] = {}  # id -> (kind, object)
        self._added: list = []
        self._by_kind: dict[str, list] | None = None  # None: look again

    def add(self, value: Any) -> None:
        """Tracks an object that need not be an attribute."""
        self.refresh()
        self._added.append(value)
        self._by_kind = None
        self.refresh()

    def is_state(self, name: str, value: Any) -> bool:
        """Whether an attribute is, or holds, something to track."""
        return name not in self._ignored and bool(self._collect(value, {}))

    def note(self, name: str, value: Any) -> None:
        """Hears that an attribute is about to get a value."""
        if type(value) not in _PLAIN and name not in self._ignored:
            changes = _may_change(value)
            if changes or _is_state(value):
                self.refresh()  # what was appended to lists before comes first
                self._names[name] = changes
                self._by_kind = None
                for key, entry in self._collect(value, {}).items():
                    self._known.setdefault(key, entry)
                return
        self.forget(name)

    def forget(self, name: str) -> None:
        """Hears that an attribute is gone, or no state any more."""
        if self._names.pop(name, None) is not None:
            self._by_kind = None

    def refresh(self) -> None:
        """Looks through the attributes: keeps the order of what is known, adds what is new, drops what is gone."""
        if self._by_kind is not None:
            return
        found: dict[int, tuple[str, Any]] = {}
        for value in self._added:
            self._collect(value, found)
        attributes = vars(self._owner)
        for name in self._names:
            self._collect(attributes.get(name), found)
        known = {key: found[key] for key in self._known if key in found}
        known.update(found)
        # The kind of a variable is the one it had when it was found: freezing a layer does not reorder its weights.
        self._known = {key: self._known.get(key, entry) for key, entry in known.items()}
        if not any(self._names.values()):
            self._by_kind = self._sorted()

    def of(self, kind: str) -> list:
        """The tracked objects of one kind: trainable, non_trainable, layer, metric or seed."""
        by_kind = self._by_kind
        if by_kind is None:
            self.refresh()
            by_kind = self._sorted() if self._by_kind is None else self._by_kind
        return by_kind.get(kind, [])

    def _sorted(self) -> dict[str, list]:
        by_kind: dict[str, list] = {}
        for kind, value in self._known.values():
            by_kind.setdefault(kind, []).append(value)
        return by_kind

    def _collect(self, value: Any, found: dict) -> dict:
        if type(value) in _PLAIN:
            return found
        if isinstance(value, dict):
            value = value.values()
        elif not isinstance(value, _CONTAINERS):
            kind = _kind(value)
            if kind and value is not self._owner:
                found.setdefault(id(value), (kind, value))
            return found
        for item in value:
            self._collect(item, found)
        return found


def _may_change(value: Any) -> bool:
    """Whether something may be appended to a value, or to a part of it."""
    if isinstance(value, tuple):
        return any(map(_may_change, value))
    return isinstance(value, _CONTAINERS)


def _is_state(value: Any) -> bool:
    """Whether a value that does not change is, or holds, something to track."""
    return any(map(_is_state, value)) if isinstance(value, tuple) else _kind(value) is not None


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

"""Automatic names ("dense", "dense_1", ...) and name scopes ("model/dense/kernel")."""

from __future__ import annotations

import re
import threading

_counters: dict[str, int] = {}
_local = threading.local()


def to_snake_case(name: str) -> str:
    """`MaxPooling2D` becomes `max_pooling2d`, `LeakyReLU` becomes `leaky_re_lu`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=.)(?=[A-Z][a-z])", "_", name).lower().strip("_")


def auto_name(prefix: str) -> str:
    """The next free name: `prefix`, `prefix_1`, `prefix_2`, ..."""
    count = _counters.get(prefix, 0)
    _counters[prefix] = count + 1
    return f"{prefix}_{count}" if count else prefix


def reset_names() -> None:
    """Starts all automatic names over."""
    _counters.clear()


def _scopes() -> list[tuple[str, object]]:
    try:
        return _local.scopes
    except AttributeError:
        _local.scopes = []
        return _local.scopes


def current_path() -> str:
    """Names of the open scopes, joined by slashes."""
    return "/".join(name for name, _ in _scopes())


class name_scope:
    """Puts `name/` before the paths of the variables created inside.

    Args:
        name: Name of the scope, without slashes.
        caller: Object that opens the scope; nothing happens when it opens its own scope again directly inside.
    """

    def __init__(self, name: str, caller: object = None):
        if not isinstance(name, str) or "/" in name:
            raise ValueError(
                f"Argument `name` must be a string and cannot contain character `/`. Received: name={name}"
            )
        self.name = name
        self._caller = caller
        self._opened = False

    def __enter__(self) -> name_scope:
        scopes = _scopes()
        self._opened = not (scopes and self._caller is not None and scopes[-1][1] is self._caller)
        if self._opened:
            scopes.append((self.name, self._caller))
        return self

    def __exit__(self, *unused: object) -> None:
        if self._opened:
            _scopes().pop()

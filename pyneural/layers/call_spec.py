"""The parameters of a layer's `call` and `build`, read once per class."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_TAKES_KEYWORDS = 0x08  # bit of a code object's flags: it has **kwargs


class Parameters:
    """Names of the parameters of a method.

    Args:
        function: The method as a plain function.
    """

    def __init__(self, function: Callable):
        while hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        code = function.__code__
        count = code.co_argcount
        self.positional = code.co_varnames[1:count]  # without self
        self.names = frozenset(self.positional + code.co_varnames[count : count + code.co_kwonlyargcount])
        self.takes_any = bool(code.co_flags & _TAKES_KEYWORDS)
        defaults = function.__defaults__ or ()
        values = dict(zip(self.positional[len(self.positional) - len(defaults) :], defaults))
        values.update(function.__kwdefaults__ or {})
        self.defaults: dict[str, Any] = values


_cache: dict[Any, Parameters] = {}


def parameters(function: Callable) -> Parameters:
    """The parameters of a method."""
    function = getattr(function, "__func__", function)
    found = _cache.get(function)
    if found is None:
        found = _cache[function] = Parameters(function)
    return found

"""Optimizers: how gradients change weights."""

from __future__ import annotations

from typing import Any

from pyneural import registry, serialization
from pyneural.optimizers import schedules
from pyneural.optimizers.adam import Adam, AdamW
from pyneural.optimizers.adaptive import Adadelta, Adagrad, RMSprop
from pyneural.optimizers.optimizer import Optimizer
from pyneural.optimizers.sgd import SGD

_CLASSES = (
    Adadelta,
    Adagrad,
    Adam,
    AdamW,
    RMSprop,
    SGD,
)
_NAMES = {name: cls for cls in _CLASSES for name in (cls.__name__, cls.__name__.lower())}


def get(identifier: Any) -> Any:
    """An optimizer from its name ("adam"), its configuration or itself; None for None.

    Raises:
        ValueError: unknown optimizer; the message lists the names.
    """
    if identifier is None or isinstance(identifier, Optimizer):
        return identifier
    if isinstance(identifier, str):
        found = registry.get(identifier, _NAMES, "optimizer", instantiate=False)()
    elif isinstance(identifier, dict):
        found = registry.from_config(identifier, _NAMES)
    else:
        found = None
    if not isinstance(found, Optimizer):
        raise ValueError(f"Could not interpret optimizer identifier: {identifier}")
    return found


def serialize(optimizer: Any) -> Any:
    """The configuration of an optimizer."""
    return serialization.serialize_keras_object(optimizer)


def deserialize(config: Any, custom_objects: dict | None = None) -> Any:
    """The optimizer of a configuration made by `serialize`."""
    with serialization.CustomObjectScope(custom_objects):
        return get(config)


__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Optimizer",
    "RMSprop",
    "deserialize",
    "get",
    "schedules",
    "serialize",
]

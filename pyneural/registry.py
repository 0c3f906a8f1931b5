"""Lookup of objects by name or configuration, shared by initializers, regularizers, constraints and activations."""

from __future__ import annotations

from typing import Any


def get(identifier: Any, table: dict[str, Any], kind: str, instantiate: bool = True) -> Any:
    """The object that `identifier` stands for.

    Args:
        identifier: None, a name in `table` or among the custom objects, a configuration, or a callable.
        table: Names and what they mean.
        kind: What is looked for, for the message.
        instantiate: Whether a class is called to make the object.

    Raises:
        ValueError: If it stands for nothing.
    """
    if identifier is None:
        return None
    if isinstance(identifier, dict):
        found = from_config(identifier, table)
    elif isinstance(identifier, str):
        from pyneural.serialization import get_registered_object

        found = table.get(identifier)
        if found is None:
            found = get_registered_object(identifier)
        if found is None:
            names = sorted(name for name in table if name == name.lower())
            raise ValueError(
                f"Could not interpret {kind} identifier: {identifier}. Expected one of {names}, an object, or the name "
                "of a registered custom object."
            )
    else:
        found = identifier
    if isinstance(found, type) and instantiate:
        found = found()
    if not callable(found):
        raise ValueError(f"Could not interpret {kind} identifier: {identifier}")
    return found


def from_config(identifier: dict, table: dict[str, Any]) -> Any:
    """The object of a configuration. One that names no module means a class in `table`: `{"class_name": "SGD"}`."""
    from pyneural.serialization import CustomObjectScope, deserialize_keras_object

    classes = {name: entry for name, entry in table.items() if isinstance(entry, type)}
    with CustomObjectScope({} if "module" in identifier else classes):
        return deserialize_keras_object(identifier)


class Configurable:
    """Base of small objects that a configuration describes."""

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this object again."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Makes an object from what `get_config` returned."""
        return cls(**config)

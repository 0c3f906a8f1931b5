"""Configurations of layers, models, initializers, ...: from objects to plain data and back.

A configuration names a class; only classes of this package and classes that the program has registered or passed as
`custom_objects` can be named. Nothing is imported and no code is run because of what a configuration says.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_custom_objects: dict[str, Any] = {}
_registered_names: dict[Any, str] = {}
_local = threading.local()

# Where the classes of a Keras module live here: the module's name without the leading package.
_MODULES = (
    "layers",
    "initializers",
    "regularizers",
    "constraints",
    "losses",
    "metrics",
    "optimizers",
    "optimizers.schedules",
    "activations",
    "models",
    "ops",
    "random",
)
_OPS_MODULES = ("keras.src.ops.numpy", "keras.src.ops.nn", "keras.src.ops.math", "keras.src.ops.core")
_MAX_DEPTH = 100


def get_custom_objects() -> dict[str, Any]:
    """The registered custom objects by name; may be changed in place."""
    return _custom_objects


class CustomObjectScope:
    """Lets names in configurations mean the given classes and functions while the scope is open.

    Args:
        custom_objects: Names and what they mean.
    """

    def __init__(self, custom_objects: dict[str, Any] | None):
        self.custom_objects = custom_objects or {}

    def __enter__(self) -> CustomObjectScope:
        _scopes().append(self.custom_objects)
        return self

    def __exit__(self, *unused: Any) -> None:
        _scopes().pop()


custom_object_scope = CustomObjectScope


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable:
    """Decorator that lets configurations name a class or function.

    Args:
        package: First part of its name.
        name: Second part of its name; that of the class if None.

    Raises:
        ValueError: If it is a class without `get_config`.
    """

    def register(target: Any) -> Any:
        registered = f"{package}>{name or target.__name__}"
        if isinstance(target, type) and not hasattr(target, "get_config"):
            raise ValueError("Cannot register a class that does not have a get_config() method.")
        _custom_objects[registered] = target
        _registered_names[target] = registered
        return target

    return register


def get_registered_name(target: Any) -> str:
    """The name under which a class or function is registered; its own name if it is not."""
    return _registered_names.get(target, getattr(target, "__name__", str(target)))


def get_registered_object(name: str, custom_objects: dict | None = None, module_objects: dict | None = None) -> Any:
    """The class or function that a name means; None if nothing."""
    for table in (custom_objects, *reversed(_scopes()), _custom_objects, module_objects):
        if table and name in table:
            return table[name]
    return _custom_objects.get(f"Custom>{name}")


@contextmanager
def noting_custom_objects() -> Iterator[dict[str, Any]]:
    """Gathers the classes and functions beside built-in ones that are serialized meanwhile, by name."""
    before = getattr(_local, "noted", None)
    _local.noted = noted = {}
    try:
        yield noted
    finally:
        _local.noted = before


def _note(target: Any) -> str:
    name = get_registered_name(target)
    if getattr(_local, "noted", None) is not None:
        _local.noted.update({name: target, target.__name__: target})
    return name


def serialize_keras_object(obj: Any) -> Any:
    """Plain data (dicts, lists, strings, numbers, None) that describe an object.

    Args:
        obj: An object with `get_config`, a registered or built-in function, an array, or a structure of these.

    Raises:
        ValueError: If it cannot be described, as a `lambda`.
    """
    if obj is None or isinstance(obj, (str, bool, int, float)):
        return obj
    if isinstance(obj, (list, tuple)):
        return (
            type(obj)(serialize_keras_object(item) for item in obj)
            if not hasattr(obj, "_fields")
            else [serialize_keras_object(item) for item in obj]
        )
    if isinstance(obj, dict):
        return {key: serialize_keras_object(value) for key, value in obj.items()}
    special = _serialize_value(obj)
    if special is not None:
        return special
    if hasattr(obj, "get_config") and not isinstance(obj, type):
        return _serialize_instance(obj)
    if callable(obj):
        return _serialize_function(obj)
    raise ValueError(f"Cannot serialize object {obj} of type {type(obj)}.")


def _serialize_value(obj: Any) -> Any:
    if isinstance(obj, slice):
        parts = (obj.start, obj.stop, obj.step)
        return {"class_name": "__slice__", "config": dict(zip(("start", "stop", "step"), parts))}
    if obj is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    if isinstance(obj, bytes):
        return {"class_name": "__bytes__", "config": {"value": obj.decode()}}
    if hasattr(obj, "__array__") and hasattr(obj, "shape") and not hasattr(obj, "get_config"):
        import numpy as np

        if isinstance(obj, np.generic):
            return obj.item()
        is_array = isinstance(obj, np.ndarray)
        values = np.asarray(obj)
        config = {"value": values.tolist(), "dtype": values.dtype.name}
        return {"class_name": "__numpy__" if is_array else "__tensor__", "config": config}
    return None


def _serialize_instance(obj: Any) -> dict[str, Any]:
    cls = type(obj)
    module = builtin_module(cls)
    config = {
        "module": module,
        "class_name": getattr(obj, "class_name", cls.__name__),
        "config": obj.get_config(),
        "registered_name": None if module and module.startswith("keras") else _note(cls),
    }
    if hasattr(obj, "get_build_config"):
        build_config = obj.get_build_config()
        if build_config is not None:
            config["build_config"] = serialize_keras_object(build_config)
    if hasattr(obj, "get_compile_config"):
        compile_config = obj.get_compile_config()
        if compile_config:
            config["compile_config"] = compile_config
    return config


def _serialize_function(function: Any) -> Any:
    if getattr(function, "__name__", "<lambda>") == "<lambda>":
        raise ValueError(
            f"A `lambda` cannot be serialized: {function}. Use a named function and decorate it with "
            "`@register_keras_serializable()`."
        )
    return {
        "module": "builtins",
        "class_name": "function",
        "config": _note(function),
        "registered_name": "function",
    }


def builtin_module(cls: type) -> str | None:
    """The public Keras module of a class of this package, such as `keras.layers`; None for other classes."""
    parts = cls.__module__.split(".")
    if parts[0] != "pyneural":
        return None
    if parts[1] == "operation":
        return "keras.src.ops.numpy"
    if parts[1] == "dtypes":
        return "keras"
    if parts[1] == "models":
        return "keras.src.models.functional" if cls.__name__ == "Functional" else "keras"
    if "schedules" in parts:
        return "keras.optimizers.schedules"
    return f"keras.{parts[1]}"


def deserialize_keras_object(
    config: Any, custom_objects: dict | None = None, safe_mode: bool = True, **unused: Any
) -> Any:
    """The object that `serialize_keras_object` described.

    Args:
        config: The description.
        custom_objects: Names and the classes and functions that they mean.
        safe_mode: Accepted for compatibility: configurations never run code.

    Raises:
        TypeError: If a class is unknown, or its configuration does not fit it.
        ValueError: If the description is malformed.
    """
    if custom_objects:
        with CustomObjectScope(custom_objects):
            return _deserialize(config, 0)
    return _deserialize(config, 0)


def _deserialize(config: Any, depth: int) -> Any:
    if depth > _MAX_DEPTH:
        raise ValueError("The configuration is nested too deeply.")
    if isinstance(config, (list, tuple)):
        return type(config)(_deserialize(item, depth + 1) for item in config)
    if not isinstance(config, dict):
        return config
    if "class_name" not in config or "config" not in config:
        return {key: _deserialize(value, depth + 1) for key, value in config.items()}
    class_name, inner = config["class_name"], config["config"]
    if not isinstance(class_name, str):
        raise ValueError(f"Expected `class_name` to be a string. Received: {class_name!r}")
    if class_name in _VALUES:
        return _VALUES[class_name](inner)
    if class_name == "function":
        return _find_function(inner)
    if class_name == "__lambda__":
        raise ValueError(
            "The configuration contains the code of a `lambda`, which is never run. Use a named function, register it "
            "and save again."
        )
    cls = _find_class(config)
    if not isinstance(inner, dict):
        raise ValueError(f"Expected the configuration of {class_name!r} to be a dict. Received: {inner!r}")
    obj = cls(dict(inner)) if not isinstance(cls, type) else _from_config(cls, inner)
    build_config = config.get("build_config")
    if build_config and hasattr(obj, "build_from_config"):
        obj.build_from_config(build_config)
    compile_config = config.get("compile_config")
    if compile_config and hasattr(obj, "compile_from_config"):
        obj.compile_from_config(compile_config)
    return obj


def _from_config(cls: type, inner: dict) -> Any:
    try:
        return cls.from_config(dict(inner))
    except TypeError as error:
        raise TypeError(
            f"{cls.__name__!r} could not be made from its configuration {_shortened(inner)}. Parts of it that are "
            f"objects must be deserialized in the class's `from_config()`. {error}"
        ) from error


def _shortened(config: dict) -> str:
    text = str(config)
    return text if len(text) <= 500 else f"{text[:500]}..."


def _find_function(name: Any) -> Any:
    found = get_registered_object(name) if isinstance(name, str) else None
    for module in ("activations", "losses", "metrics", "ops"):
        if found is None and isinstance(name, str):
            found = _public(module, name)
    if not callable(found) or isinstance(found, type):
        raise TypeError(_unknown("function", name))
    return found


def _find_class(config: dict) -> Any:
    class_name, module = config["class_name"], config.get("module")
    for name in (config.get("registered_name"), class_name):
        found = get_registered_object(name) if isinstance(name, str) else None
        if isinstance(found, type):
            return found
    if module is None and config.get("registered_name") is None:
        candidates = ("layers", "models", "initializers", "regularizers", "constraints")
    elif not isinstance(module, str):
        candidates = ()
    elif module in ("keras", "keras.src.models.functional", "keras.src.models.sequential", "keras.src.models.model"):
        candidates = ("models", "dtypes")
    elif module in _OPS_MODULES:
        return _op_maker(class_name)
    else:
        tail = module.removeprefix("keras.").removeprefix("src.")
        candidates = tuple(m for m in (tail, tail.split(".")[0]) if m in _MODULES)
    for candidate in candidates:
        found = _public(candidate, class_name)
        if isinstance(found, type):
            return found
    raise TypeError(_unknown("class", class_name))


def _unknown(kind: str, name: Any) -> str:
    return (
        f"Could not locate {kind} {name!r}. Custom classes and functions must be decorated with "
        "`@register_keras_serializable()` or passed as `custom_objects`."
    )


def _public(module: str, name: str) -> Any:
    """A class or function of this package; never anything that one of its modules imported from elsewhere."""
    import pyneural

    if name.startswith("_"):
        return None
    namespace: Any = pyneural
    for part in module.split("."):
        namespace = getattr(namespace, part, None)
    found = getattr(namespace, name, None)
    return found if (getattr(found, "__module__", None) or "").startswith("pyneural") else None


def _op_maker(class_name: str) -> Callable:
    from pyneural.naming import to_snake_case
    from pyneural.operation import OpCall

    function = _public("ops", to_snake_case(class_name))
    if function is None or isinstance(function, type):
        raise TypeError(_unknown("op", class_name))
    return lambda config: OpCall(function, **{key: _deserialize(value, 0) for key, value in config.items()})


def _array(config: dict) -> Any:
    import numpy as np

    return np.array(config["value"], dtype=config["dtype"])


def _tensor(config: dict) -> Any:
    from pyneural._core import tensor

    return tensor(_array(config))


_VALUES: dict[str, Callable[[dict], Any]] = {
    "__slice__": lambda config: slice(config["start"], config["stop"], config["step"]),
    "__ellipsis__": lambda config: Ellipsis,
    "__bytes__": lambda config: config["value"].encode(),
    "__numpy__": _array,
    "__tensor__": _tensor,
}


def _scopes() -> list[dict]:
    try:
        return _local.scopes
    except AttributeError:
        _local.scopes = []
        return _local.scopes

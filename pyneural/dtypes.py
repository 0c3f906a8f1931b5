"""Names of dtypes, and the dtype policy of a layer."""

from __future__ import annotations

from typing import Any

from pyneural import config

FLOATS = ("float16", "bfloat16", "float32", "float64")
INTEGERS = ("uint8", "int8", "int16", "int32", "int64")
ALL = (*FLOATS, *INTEGERS, "bool")
_PYTHON_TYPES = {bool: "bool", int: "int32", float: None}


def standardize_dtype(dtype: Any) -> str:
    """The name of a dtype given as a name, a NumPy or Python type, or None (the default float type).

    Raises:
        ValueError: If there is no such dtype.
    """
    if dtype is None or dtype is float:
        return config.floatx()
    if isinstance(dtype, type) and dtype in _PYTHON_TYPES:
        return _PYTHON_TYPES[dtype]
    name = dtype if isinstance(dtype, str) else getattr(dtype, "name", None) or getattr(dtype, "__name__", None)
    if name == "bool_":
        name = "bool"
    if name not in ALL:
        raise ValueError(f"Invalid dtype: {dtype}. Expected one of {ALL}")
    return name


def is_float(dtype: str) -> bool:
    """Whether `dtype` names a floating-point type."""
    return dtype in FLOATS


class DTypePolicy:
    """The dtype in which a layer computes and keeps its weights.

    Args:
        name: `"float32"` or `"float64"`; None stands for `config.floatx()`.
    """

    def __init__(self, name: str | None = None):
        name = config.floatx() if name is None else name
        if name in ("mixed_float16", "mixed_bfloat16", "float16", "bfloat16"):
            raise ValueError(f"DTypePolicy {name!r} is not supported. Use 'float32' or 'float64'.")
        if not isinstance(name, str) or name not in ALL:
            raise ValueError(
                f"Cannot convert {name!r} to a DTypePolicy. Valid policies are the names of float dtypes "
                "such as 'float32'."
            )
        self.name = name

    @property
    def compute_dtype(self) -> str:
        """The dtype in which the layer computes."""
        return self.name

    @property
    def variable_dtype(self) -> str:
        """The dtype of the layer's weights."""
        return self.name

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this policy again."""
        return {"name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> DTypePolicy:
        """Makes a policy from what `get_config` returned."""
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicy) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f'<DTypePolicy "{self.name}">'


def get_policy(identifier: Any) -> DTypePolicy:
    """A policy from a policy, a dtype, a config dict or None."""
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, dict):
        return DTypePolicy(identifier.get("config", identifier).get("name"))
    if identifier is None or isinstance(identifier, str):
        return DTypePolicy(identifier)
    return DTypePolicy(standardize_dtype(identifier))

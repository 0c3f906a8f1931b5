"""pyneural: Keras 3's API with C++ kernels of its own.

`import pyneural as keras` runs ordinary Keras code. Modules are loaded when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from pyneural._version import __version__

if TYPE_CHECKING:
    from pyneural import (
        activations,
        backend,
        callbacks,
        config,
        constraints,
        datasets,
        initializers,
        layers,
        losses,
        metrics,
        models,
        ops,
        optimizers,
        random,
        regularizers,
        saving,
        tree,
        utils,
    )
    from pyneural.devices import device
    from pyneural.dtypes import DTypePolicy
    from pyneural.gradient_tape import GradientTape
    from pyneural.initializers import Initializer
    from pyneural.keras_tensor import KerasTensor
    from pyneural.layers import Input, InputSpec, Layer
    from pyneural.losses import Loss
    from pyneural.metrics import Metric
    from pyneural.models import Model, Sequential
    from pyneural.naming import name_scope
    from pyneural.operation import Operation
    from pyneural.optimizers import Optimizer
    from pyneural.regularizers import Regularizer
    from pyneural.traced_function import function
    from pyneural.variable import Variable

__all__ = [
    "DTypePolicy", "GradientTape", "Initializer", "Input", "InputSpec", "KerasTensor", "Layer", "Loss",
    "Metric", "Model", "Operation", "Optimizer", "Regularizer", "Sequential", "Variable", "__version__",
    "activations", "backend", "callbacks", "config", "constraints", "datasets", "device", "function", "initializers",
    "layers", "losses", "metrics", "models", "name_scope", "ops", "optimizers", "random", "regularizers", "saving",
    "tree", "utils", "version",
]  # fmt: skip

_MODULES = (
    "activations", "backend", "callbacks", "config", "constraints", "datasets", "initializers", "layers", "losses",
    "metrics", "models", "ops", "optimizers", "random", "regularizers", "saving", "tree", "utils",
)  # fmt: skip
# Where public names live.
_NAMES = {
    "DTypePolicy": "dtypes",
    "GradientTape": "gradient_tape",
    "Initializer": "initializers",
    "Input": "layers",
    "InputSpec": "layers",
    "KerasTensor": "keras_tensor",
    "Layer": "layers",
    "Loss": "losses",
    "Metric": "metrics",
    "Model": "models",
    "Operation": "operation",
    "Optimizer": "optimizers",
    "Regularizer": "regularizers",
    "Sequential": "models",
    "Variable": "variable",
    "device": "devices",
    "function": "traced_function",
    "name_scope": "naming",
}


def version() -> str:
    """The version of the package."""
    return __version__


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"pyneural.{name}")
    if name in _NAMES:
        value = getattr(importlib.import_module(f"pyneural.{_NAMES[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'pyneural' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

"""Models: Sequential, Model, and how they are copied, saved and read."""

from __future__ import annotations

from typing import Any

from pyneural.models.cloning import clone_model, model_from_json
from pyneural.models.functional import Functional
from pyneural.models.model import Model
from pyneural.models.sequential import Sequential

__all__ = ["Functional", "Model", "Sequential", "clone_model", "load_model", "model_from_json", "save_model"]


def load_model(
    filepath: Any, custom_objects: dict | None = None, compile: bool = True, safe_mode: bool = True
) -> Model:
    """Reads a model that `Model.save` wrote; see `saving.load_model`."""
    from pyneural import saving

    return saving.load_model(filepath, custom_objects=custom_objects, compile=compile, safe_mode=safe_mode)


def save_model(model: Model, filepath: Any, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any) -> None:
    """Saves a model; see `Model.save`."""
    model.save(filepath, overwrite=overwrite, zipped=zipped, **kwargs)

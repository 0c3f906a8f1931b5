"""Weights files (".weights.h5") in Keras's layout."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from pyneural.random import SeedGenerator
from pyneural.saving.atomic import replacing
from pyneural.saving.hdf5 import Malformed, Store, child_group
from pyneural.saving.tree_walk import walk


def save_weights(model: Any, filepath: Any, overwrite: bool = True, max_shard_size: Any = None) -> None:
    """Writes the weights of a model, and of its optimizer if it has one.

    Args:
        model: the model, built.
        filepath: where to; ends in ".weights.h5".
        overwrite: whether an existing file may be replaced.
        max_shard_size: only None.

    Raises:
        ValueError: wrong ending, or an unbuilt model.
        FileExistsError: the file exists and may not be replaced.
    """
    path = _checked_path(filepath)
    if max_shard_size is not None:
        raise ValueError("`max_shard_size` is not available: weights go into one file.")
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists; pass `overwrite=True` to replace it.")
    _require_built(model, "save")
    with replacing(path) as temporary:
        write_weights(model, temporary)


def load_weights(model: Any, filepath: Any, skip_mismatch: bool = False, **kwargs: Any) -> None:
    """Reads the weights of a model, and of its optimizer if both have one.

    Args:
        model: the model, built.
        filepath: the file, as `save_weights` or Keras wrote it, or a model file (".keras").
        skip_mismatch: whether layers that do not fit are skipped with a warning.

    Raises:
        ValueError: wrong ending, a model that is not built or does not fit the file, or a malformed file. The weights
            are unchanged then.
        FileNotFoundError: there is no such file.
    """
    if kwargs:
        raise ValueError(f"Invalid keyword arguments: {kwargs}")
    is_model = os.fspath(filepath).endswith(".keras")
    path = Path(os.fspath(filepath)) if is_model else _checked_path(filepath)
    if not path.is_file():
        raise FileNotFoundError(f"File not found: {path}")
    _require_built(model, "load")
    source: Any = path
    if is_model:
        from pyneural.saving.model_file import weights_of_model_file

        source = weights_of_model_file(path)
    read_weights(model, source, skip_mismatch)


def _checked_path(filepath: Any) -> Path:
    text = os.fspath(filepath)
    if not text.endswith(".weights.h5"):
        raise ValueError(f"The filename must end in `.weights.h5`. Received: filepath={text}")
    return Path(text)


def _require_built(model: Any, verb: str) -> None:
    if not model.built:
        raise ValueError(
            f"You are {'sav' if verb == 'save' else 'load'}ing the weights of model '{model.name}', which has not been "
            "built yet. Build it first by calling it on some data, or with `build(input_shape)`."
        )


def _own_variables(holder: Any) -> dict[str, Any]:
    """The variables of a layer (without sub-layers), seed generator or optimizer, by their names in the file."""
    if isinstance(holder, SeedGenerator):
        variables = [holder.state]
    elif hasattr(holder, "_own_variables"):
        variables = holder._own_variables()
    else:
        variables = holder.variables
    return {str(i): variable for i, variable in enumerate(variables)}


def _holders(model: Any) -> list[tuple[str, Any]]:
    holders = list(walk(model))
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None and optimizer.built:
        holders.append(("optimizer", optimizer))
    return holders


def write_weights(model: Any, file: Any) -> None:
    """Writes all variables into a new HDF5 file (a path or a file object)."""
    import h5py

    with h5py.File(file, "w") as root:
        for path, holder in _holders(model):
            group = root.require_group(f"{path}/vars".lstrip("/"))
            group.attrs["name"] = getattr(holder, "name", "")
            if hasattr(holder, "save_own_variables"):
                holder.save_own_variables(group)
            else:
                for name, variable in _own_variables(holder).items():
                    group[name] = np.asarray(variable.numpy())


def read_weights(model: Any, file: Any, skip_mismatch: bool = False) -> None:
    """Reads all variables from an HDF5 file (a path or a file object); changes none of them if something is wrong."""
    import h5py

    holders = _holders(model)
    before = [(v, v.numpy()) for _, holder in holders for v in _own_variables(holder).values()]
    try:
        with h5py.File(file, "r") as root:
            for path, holder in holders:
                try:
                    _read_holder(root, path, holder)
                except Malformed:
                    raise
                except (ValueError, KeyError) as error:
                    if not skip_mismatch:
                        raise
                    warnings.warn(f"A layer is skipped because its weights do not fit: {error}", stacklevel=3)
    except (OSError, RuntimeError, KeyError, TypeError) as error:
        _restore(before)
        raise ValueError(f"The weights file cannot be read: {error}") from error
    except ValueError:
        _restore(before)
        raise


def _restore(before: list) -> None:
    for variable, value in before:
        variable.assign(value)


def _read_holder(root: Any, path: str, holder: Any) -> None:
    expected = _own_variables(holder)
    group = child_group(root, f"{path}/vars".lstrip("/"))
    if group is None or len(group) == 0:
        # Keras writes neither seeds of every layer nor an optimizer that has not run.
        if not expected or isinstance(holder, SeedGenerator) or path == "optimizer":
            return
        raise ValueError(f"The file has no weights for layer '{holder.name}' (group '{path}').")
    store = Store(group, expected)
    if hasattr(holder, "load_own_variables"):
        holder.load_own_variables(store)
        return
    if len(store) != len(expected):
        if path == "optimizer":
            warnings.warn(
                f"Skipping variable loading for optimizer '{holder.name}', because it has {len(expected)} variables "
                f"whereas the saved optimizer has {len(store)} variables. ",
                stacklevel=5,
            )
            return
        raise ValueError(f"'{path}' has {len(store)} variables, expected {len(expected)}.")
    for name, variable in expected.items():
        variable.assign(store[name])

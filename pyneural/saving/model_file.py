"""Model files (".keras"): a zip of metadata.json, config.json and model.weights.h5. Data only: reading runs no code."""

from __future__ import annotations

import io
import json
import os
import time
import zipfile
from pathlib import Path
from typing import Any

from pyneural.saving.atomic import replacing
from pyneural.saving.hdf5 import Malformed, stored_numbers
from pyneural.saving.weights import read_weights, write_weights
from pyneural.variable import limited_allocation

_CONFIG, _METADATA, _WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
_MAX_CONFIG_BYTES = 64 << 20
_FREE_NUMBERS = 16 << 20


def save_model(model: Any, filepath: Any, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any) -> None:
    """Writes a model: its configuration, weights and optimizer.

    Args:
        model: the model.
        filepath: where to; ends in ".keras".
        overwrite: whether an existing file may be replaced.
        zipped: only None or True.

    Raises:
        ValueError: wrong ending, or a model that has no configuration.
        FileExistsError: the file exists and may not be replaced.
    """
    if kwargs:
        raise ValueError(f"The following argument(s) are not supported with the native Keras format: {list(kwargs)}")
    path = Path(os.fspath(filepath))
    if path.suffix != ".keras" or zipped is False:
        raise ValueError(
            "Invalid filepath extension for saving. Please add a `.keras` extension for the native Keras format. "
            f"Received: filepath={filepath}."
        )
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists; pass `overwrite=True` to replace it.")
    members = _members(model)
    with replacing(path) as temporary:
        _write_archive(members, temporary)


def model_to_bytes(model: Any) -> bytes:
    """What `save_model` would write."""
    archive = io.BytesIO()
    _write_archive(_members(model), archive)
    return archive.getvalue()


def model_from_bytes(data: bytes, custom_objects: dict | None = None) -> Any:
    """The model that `model_to_bytes` described; see `load_model`."""
    return _read_model(io.BytesIO(data), len(data), "The saved model", custom_objects, compile=True)


def _members(model: Any) -> dict[str, Any]:
    from pyneural import __version__
    from pyneural.serialization import serialize_keras_object

    config = json.dumps(serialize_keras_object(model))
    metadata = {
        "keras_version": "3.15.1",
        "pyneural_version": __version__,
        "date_saved": time.strftime("%Y-%m-%d@%H:%M:%S"),
    }
    weights = io.BytesIO()
    write_weights(model, weights)
    return {_METADATA: json.dumps(metadata), _CONFIG: config, _WEIGHTS: weights.getbuffer()}


def _write_archive(members: dict[str, Any], file: Any) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def load_model(filepath: Any, custom_objects: dict | None = None, compile: bool = True, safe_mode: bool = True) -> Any:
    """Reads a model.

    Args:
        filepath: the file, as `Model.save` or Keras wrote it.
        custom_objects: name -> class or function, for what the file names beside built-in ones.
        compile: whether to compile the model as it was.
        safe_mode: accepted for compatibility: code in files is never run.

    Returns:
        The model.

    Raises:
        ValueError: a malformed file, or weights that do not fit the configuration.
        TypeError: a class or function that is neither built in nor among the custom objects.
        FileNotFoundError: there is no such file.
    """
    path = Path(os.fspath(filepath))
    if not path.is_file():
        raise FileNotFoundError(
            f"File not found: filepath={path}. Please ensure the file is an accessible `.keras` zip file."
        )
    return _read_model(path, path.stat().st_size, str(path), custom_objects, compile)


def weights_of_model_file(path: Path) -> io.BytesIO:
    """The weights file inside a model file."""
    return io.BytesIO(_read_archive(path, path.stat().st_size, str(path))[1])


def _read_archive(file: Any, size: int, name: str) -> tuple[dict, bytes]:
    """The configuration and the weights file of an archive of that many bytes."""
    try:
        with zipfile.ZipFile(file) as archive:
            return _read_config(archive), _read_member(archive, _WEIGHTS, size * 1100 + 1024)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, NotImplementedError) as error:
        raise Malformed(f"{name} is not a valid `.keras` file: {error}") from error


def _read_model(file: Any, size: int, name: str, custom_objects: dict | None, compile: bool) -> Any:
    config, weights = _read_archive(file, size, name)
    from pyneural.serialization import deserialize_keras_object

    if not compile:
        config.pop("compile_config", None)
    # Weights that the file lacks (seeds, optimizer state that was not saved) take no more than twice its own again.
    with limited_allocation(3 * stored_numbers(io.BytesIO(weights)) + _FREE_NUMBERS):
        model = deserialize_keras_object(config, custom_objects)
    from pyneural.models.model import Model

    if not isinstance(model, Model):
        raise Malformed(f"{name} does not hold a model but a {type(model).__name__}.")
    read_weights(model, io.BytesIO(weights))
    return model


def _read_config(archive: zipfile.ZipFile) -> dict:
    text = _read_member(archive, _CONFIG, _MAX_CONFIG_BYTES)
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"{_CONFIG} is not valid JSON: {error}") from error
    if not isinstance(config, dict):
        raise Malformed(f"{_CONFIG} is not an object.")
    return config


def _read_member(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    """Reads a member of at most `limit` bytes; its declared size is not trusted."""
    try:
        info = archive.getinfo(name)
    except KeyError:
        raise Malformed(f"The file has no {name}.") from None
    if info.file_size > limit:
        raise Malformed(f"{name} claims {info.file_size} bytes, more than the {limit} allowed.")
    with archive.open(info) as member:
        data = member.read(limit + 1)
    if len(data) > limit:
        raise Malformed(f"{name} is larger than the {limit} bytes allowed.")
    return data

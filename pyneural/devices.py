"""Devices: the CPU and the GPUs, and where new tensors, weights and models live."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pyneural import _core


@contextmanager
def device(name: str) -> Iterator[str]:
    """Within it, tensors and variables are made on a device; models that are built there live there.

    An op runs where its operands are: only operands in the CPU's memory that meet some on a GPU are copied.

    Args:
        name: `"cpu"`, `"cuda"` or `"gpu"` (the first GPU), `"cuda:1"`, or `"auto"`: the first GPU if there is one.

    Yields:
        The full name of the device.

    Raises:
        ValueError: the name is none of these.
        RuntimeError: there is no such device, with the reason (no driver, a driver that is too old, ...).
    """
    before = _core.current_device()
    _core.set_current_device(name)
    try:
        yield _core.current_device()
    finally:
        _core.set_current_device(before)


def place(variables: Any, name: str) -> None:
    """Moves variables to a device, those that are not there."""
    for variable in variables:
        if variable.device != name:
            variable.move_to(name)


def free_bytes(name: str) -> int:
    """Memory of a GPU that is free now."""
    return next((gpu["free_bytes"] for gpu in _core.cuda_devices() if gpu["device"] == name), 0)

"""Settings of the whole library: default dtype, image layout, epsilon, threads, console output."""

from __future__ import annotations

from typing import Any

from pyneural._core import num_threads, set_default_float, set_num_threads, simd_level, simd_levels

__all__ = [
    "backend",
    "disable_interactive_logging",
    "dtype_policy",
    "enable_interactive_logging",
    "epsilon",
    "floatx",
    "image_data_format",
    "is_interactive_logging_enabled",
    "list_devices",
    "matmul_precision",
    "num_threads",
    "set_dtype_policy",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "set_matmul_precision",
    "set_num_threads",
    "simd_level",
    "simd_levels",
]

_FLOAT_TYPES = ("float16", "bfloat16", "float32", "float64")
_COMPUTE_TYPES = ("float32", "float64")
_DATA_FORMATS = ("channels_first", "channels_last")

_floatx = "float32"
_epsilon = 1e-7
_image_data_format = "channels_last"
_interactive_logging = True


def floatx() -> str:
    """The default float type, `"float32"` unless set otherwise."""
    return _floatx


def set_floatx(value: str) -> None:
    """Sets the default float type.

    Args:
        value: `"float32"` or `"float64"`.

    Raises:
        ValueError: For any other value.
    """
    global _floatx
    if value not in _FLOAT_TYPES:
        raise ValueError(f"Unknown `floatx` value: {value}. Expected one of {_COMPUTE_TYPES}")
    if value not in _COMPUTE_TYPES:
        raise ValueError(f"`floatx` {value!r} cannot be computed with. Expected one of {_COMPUTE_TYPES}")
    set_default_float(value)
    _floatx = value


def epsilon() -> float:
    """The small number that keeps divisions and logarithms finite."""
    return _epsilon


def set_epsilon(value: float) -> None:
    """Sets the small number that keeps divisions and logarithms finite."""
    global _epsilon
    _epsilon = float(value)


def list_devices() -> list[dict[str, Any]]:
    """The devices that can be used: the CPU, then the GPUs.

    Returns:
        For each a dict: `device` (its name for `pyneural.device`), `name` (of the processor), `memory_bytes` (in all);
        for GPUs also `free_bytes`, `l2_bytes`, `compute_capability` and `multiprocessors`.
    """
    import os

    from pyneural._core import cuda_devices
    from pyneural.bench.limits import processor_name

    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return [{"device": "cpu", "name": processor_name(), "memory_bytes": memory}, *cuda_devices()]


def matmul_precision() -> str:
    """How GPUs multiply float32 matrices: `"float32"` unless set otherwise."""
    from pyneural._core import matmul_precision

    return matmul_precision()


def set_matmul_precision(precision: str) -> None:
    """Sets how GPUs multiply float32 matrices, in products and convolutions; the CPU always computes in float32.

    Sums are float32 in any case. What has been traced before keeps the precision that it was traced with. Products with
    at most 16 columns and depthwise convolutions stay float32: they wait for memory, and would not be faster.

    Args:
        precision: `"float32"`; `"tf32"`, factors rounded to 10 bits of mantissa; or `"bf16"`, to 7 bits.

    Raises:
        ValueError: it is none of these.
        RuntimeError: a GPU of this machine cannot do it (compute capability below 8.0).
    """
    from pyneural._core import set_matmul_precision

    set_matmul_precision(precision)


def image_data_format() -> str:
    """Where images have their channels: `"channels_last"` or `"channels_first"`."""
    return _image_data_format


def set_image_data_format(data_format: str) -> None:
    """Sets the default image layout."""
    global _image_data_format
    _image_data_format = standardize_data_format(data_format)


def standardize_data_format(data_format: str | None) -> str:
    """Checks a `data_format` argument; None stands for the default.

    Raises:
        ValueError: If it is neither `"channels_first"` nor `"channels_last"`.
    """
    if data_format is None:
        return _image_data_format
    lowered = str(data_format).lower()
    if lowered not in _DATA_FORMATS:
        raise ValueError(
            "The `data_format` argument must be one of {'channels_first', 'channels_last'}. "
            f"Received: data_format={data_format}"
        )
    return lowered


def dtype_policy():
    """The dtype policy of layers that are given none."""
    from pyneural.dtypes import DTypePolicy

    return DTypePolicy(_floatx)


def set_dtype_policy(policy) -> None:
    """Sets the dtype policy of layers that are given none: `"float32"` or `"float64"`."""
    from pyneural.dtypes import get_policy

    set_floatx(get_policy(policy).name)


def is_interactive_logging_enabled() -> bool:
    """Whether `fit` and its kin draw a progress bar (True) or print plain lines (False)."""
    return _interactive_logging


def enable_interactive_logging() -> None:
    """Lets `fit` and its kin draw a progress bar."""
    global _interactive_logging
    _interactive_logging = True


def disable_interactive_logging() -> None:
    """Lets `fit` and its kin print plain lines."""
    global _interactive_logging
    _interactive_logging = False


def backend() -> str:
    """Name of the array engine."""
    return "pyneural"

"""One sample input of an op. The tables in tests/ops/samples/ feed every generic check in test_samples.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass
class Sample:
    """An op, its arguments, and what must come out.

    Attributes:
        op: Name in `pyneural._core`.
        args: Positional arguments. Float arrays are given as float64 and cast to the dtype under test; other arrays
            keep their dtype.
        kwargs: Keyword arguments, handed on as they are (float arrays are cast like `args`).
        reference: The op in NumPy float64, called with the same arguments. Returns an array or a tuple of arrays.
        differentiable: Indices of `args` whose gradient is checked. Empty: the op has no gradient there.
        error: (exception class, regular expression): the call must fail like this, and nothing else is checked.
        depth: Length of the longest sum in the op: the tolerance grows with it.
        ulps: Tolerance of one step, in units of the dtype's epsilon.
        grad_tolerance: Relative tolerance of the finite-difference check in float64.
    """

    op: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)
    reference: Callable[..., Any] | None = None
    differentiable: tuple[int, ...] = ()
    error: tuple[type[Exception], str] | None = None
    depth: int = 1
    ulps: float = 16.0
    grad_tolerance: float = 1e-6
    name: str = ""

    def id(self) -> str:
        """A readable test id."""
        shapes = "-".join("x".join(map(str, a.shape)) or "scalar" for a in self.args if isinstance(a, np.ndarray))
        options = ",".join(f"{k}={v}" for k, v in self.kwargs.items() if not isinstance(v, np.ndarray))
        return f"{self.op}[{self.name or shapes}{';' + options if options else ''}]"

    def cast(self, dtype: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Arguments with every float array in `dtype`."""

        def convert(value: Any) -> Any:
            if isinstance(value, np.ndarray) and value.dtype.kind == "f":
                return value.astype(dtype)
            if isinstance(value, list | tuple) and any(isinstance(v, np.ndarray) for v in value):
                return type(value)(convert(v) for v in value)
            return value

        return tuple(convert(a) for a in self.args), {k: convert(v) for k, v in self.kwargs.items()}

"""What a layer expects of its inputs."""

from __future__ import annotations

from typing import Any

from pyneural import tree


class InputSpec:
    """Conditions on one input of a layer; a condition that is None holds always.

    Args:
        dtype: Name of the dtype.
        shape: Dimensions; None where any size will do.
        ndim: Number of dimensions.
        max_ndim: Largest number of dimensions.
        min_ndim: Smallest number of dimensions.
        axes: Sizes of some axes.
        allow_last_axis_squeeze: Whether a last axis of size 1 may be missing, or be there in addition.
        name: Name of the input.
        optional: Whether the input may be None.
    """

    def __init__(
        self,
        dtype: str | None = None,
        shape: tuple | None = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: dict[int, int | None] | None = None,
        allow_last_axis_squeeze: bool = False,
        name: str | None = None,
        optional: bool = False,
    ):
        if axes is not None and not isinstance(axes, dict):
            raise TypeError(f"Argument `axes` must be a dict. Received: axes={axes} of type {type(axes)}")
        self.dtype = dtype
        self.shape = None if shape is None else tuple(shape)
        self.ndim = ndim if shape is None else len(shape)
        self.max_ndim = max_ndim
        self.min_ndim = min_ndim
        self.axes = {int(axis): size for axis, size in (axes or {}).items()}
        self.allow_last_axis_squeeze = allow_last_axis_squeeze
        self.name = name
        self.optional = optional

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this spec again."""
        return {key: getattr(self, key) for key in ("dtype", "shape", "ndim", "max_ndim", "min_ndim", "axes")}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> InputSpec:
        """Makes a spec from what `get_config` returned."""
        return cls(**config)

    def __repr__(self) -> str:
        fields = ("dtype", "shape", "ndim", "max_ndim", "min_ndim", "axes")
        return f"InputSpec({', '.join(f'{f}={getattr(self, f)}' for f in fields if getattr(self, f))})"

    def mismatch(self, x: Any) -> str | None:
        """What is wrong with input `x`: "expected ..., found ..."; None if it fits."""
        shape = tuple(x.shape)
        ndim = len(shape)
        expected = self.shape
        if self.allow_last_axis_squeeze and expected is not None:
            if ndim == len(expected) - 1 and expected[-1] == 1:
                expected = expected[:-1]
            elif ndim == len(expected) + 1 and shape[-1] == 1:
                shape, ndim = shape[:-1], ndim - 1
        if self.ndim is not None and not self.allow_last_axis_squeeze and ndim != self.ndim:
            return f"expected ndim={self.ndim}, found ndim={ndim}. Full shape received: {shape}"
        if self.max_ndim is not None and ndim > self.max_ndim:
            return f"expected max_ndim={self.max_ndim}, found ndim={ndim}"
        if self.min_ndim is not None and ndim < self.min_ndim:
            return f"expected min_ndim={self.min_ndim}, found ndim={ndim}. Full shape received: {shape}"
        if self.dtype is not None and str(x.dtype) != self.dtype:
            return f"expected dtype={self.dtype}, found dtype={x.dtype}"
        for axis, size in self.axes.items():
            if size is not None and shape[axis] not in (size, None):
                return (
                    f"expected axis {axis} of input shape to have value {size}, but received input with shape {shape}"
                )
        if expected is not None:
            fits = ndim == len(expected) and all(m is None or n is None or m == n for m, n in zip(expected, shape))
            if not fits:
                return f"expected shape={expected}, found shape={shape}"
        return None


def check_inputs(input_spec: Any, inputs: Any, layer_name: str) -> None:
    """Checks the inputs of a layer.

    Args:
        input_spec: An InputSpec, or one per input in a list or dict; None to check nothing.
        inputs: Tensor, or tensors in a list or dict.
        layer_name: Name of the layer, for the message.

    Raises:
        ValueError: If an input does not fit.
    """
    if isinstance(input_spec, InputSpec) and not tree.is_nested(inputs):
        pairs = [(input_spec, inputs)]
    elif input_spec is None:
        return
    else:
        specs, values = tree.flatten(input_spec), tree.flatten(inputs)
        if len(values) != len(specs):
            raise ValueError(f"Layer '{layer_name}' expected {len(specs)} input(s). Received {len(values)} instead.")
        pairs = list(zip(specs, values))
    for index, (spec, x) in enumerate(pairs):
        if spec is None or (x is None and spec.optional):
            continue
        problem = spec.mismatch(x) if hasattr(x, "shape") else f"expected a tensor, received {x} (of type {type(x)})"
        if problem:
            name = f" with name '{spec.name}'" if spec.name else ""
            raise ValueError(f"Input {index}{name} of layer '{layer_name}' is incompatible with the layer: {problem}")

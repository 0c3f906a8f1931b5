"""Layers that move or repeat values without computing: flatten, reshape, pad, upsample, ..."""

from __future__ import annotations

from math import prod
from typing import Any

from pyneural import _core
from pyneural.config import standardize_data_format
from pyneural.layers.arguments import int_tuple
from pyneural.layers.input_spec import InputSpec
from pyneural.layers.layer import Layer
from pyneural.ops.nn import from_channels_last, to_channels_last


class Flatten(Layer):
    """Each row in one dimension: [batch, ...] becomes [batch, size].

    Args:
        data_format: With `"channels_first"`, channels are moved to the end first; `config.image_data_format()` if None.
        **kwargs: `name`, `dtype`, `trainable`.
    """

    _arguments = ("data_format",)

    def __init__(self, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        data_format = standardize_data_format(data_format)
        self._take_arguments(locals())
        self.input_spec = InputSpec(min_ndim=1)

    def call(self, inputs: Any) -> Any:
        """Maps [batch, ...] to [batch, size]."""
        shape = inputs.shape
        if self.data_format == "channels_first" and len(shape) > 2:
            inputs = _core.transpose(inputs, [0, *range(2, len(shape)), 1])
        return _core.reshape(inputs, [shape[0], prod(shape[1:])])


class Reshape(Layer):
    """Each row in another shape.

    Args:
        target_shape: The shape without the batch; one dimension may be -1.
        **kwargs: `name`, `dtype`, `trainable`.
    """

    _arguments = ("target_shape",)

    def __init__(self, target_shape: Any, **kwargs: Any):
        super().__init__(**kwargs)
        target_shape = (target_shape,) if hasattr(target_shape, "__index__") else tuple(target_shape)
        if target_shape.count(-1) > 1:
            raise ValueError(
                "There must be at most one unknown dimension (-1) in `target_shape`. "
                f"Received: target_shape={target_shape}."
            )
        self._take_arguments(locals())

    def call(self, inputs: Any) -> Any:
        """Maps [batch, ...] to [batch, *target_shape]."""
        size, target = prod(inputs.shape[1:]), self.target_shape
        known = prod(n for n in target if n != -1)
        if -1 in target:
            if not known or size % known:
                raise ValueError(
                    "The total size of the tensor must be unchanged, however, the input size cannot by divided by the "
                    f"specified dimensions in target_shape. Received: input_shape={tuple(inputs.shape[1:])}, "
                    f"target_shape={target}"
                )
            target = tuple(size // known if n == -1 else n for n in target)
        elif known != size:
            raise ValueError(
                "The total size of the tensor must be unchanged. "
                f"Received: input_shape={tuple(inputs.shape[1:])}, target_shape={target}"
            )
        return _core.reshape(inputs, [inputs.shape[0], *target])


class Permute(Layer):
    """The axes of each row in another order.

    Args:
        dims: The axes, counted from 1 (0 is the batch).
        **kwargs: `name`, `dtype`, `trainable`.
    """

    _arguments = ("dims",)

    def __init__(self, dims: Any, **kwargs: Any):
        super().__init__(**kwargs)
        dims = tuple(dims)
        if sorted(dims) != list(range(1, len(dims) + 1)):
            raise ValueError(
                "Invalid permutation argument `dims` for Permute Layer. The set of indices in `dims` must be "
                f"consecutive and start from 1. Received dims={dims}"
            )
        self._take_arguments(locals())
        self.input_spec = InputSpec(ndim=len(dims) + 1)

    def call(self, inputs: Any) -> Any:
        """Maps [batch, ...] to [batch, axes in the order of `dims`]."""
        return _core.transpose(inputs, [0, *self.dims])


class RepeatVector(Layer):
    """Each row repeated: [batch, features] becomes [batch, n, features].

    Args:
        n: How often.
        **kwargs: `name`, `dtype`, `trainable`.
    """

    _arguments = ("n",)

    def __init__(self, n: int, **kwargs: Any):
        super().__init__(**kwargs)
        if not hasattr(n, "__index__"):
            raise TypeError(f"Expected an integer value for `n`, got {type(n)}.")
        self._take_arguments(locals())
        self.input_spec = InputSpec(ndim=2)

    def call(self, inputs: Any) -> Any:
        """Maps [batch, features] to [batch, n, features]."""
        batch, features = inputs.shape
        return _core.broadcast_to(_core.expand_dims(inputs, 1), [batch, self.n, features])


def _pairs(value: Any, name: str) -> tuple[tuple[int, int], tuple[int, int]]:
    """(before, after) of height and of width, from one number, two, or two pairs."""
    if hasattr(value, "__index__"):
        value = int_tuple(value, 2, name, allow_zero=True)
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise ValueError(f"`{name}` should have two elements. Received: {name}={value}.")
    return tuple(int_tuple(part, 2, name, allow_zero=True) for part in value)


class ZeroPadding2D(Layer):
    """Zeros around images.

    Args:
        padding: One number, (height, width), or ((top, bottom), (left, right)).
        data_format: `"channels_last"` or `"channels_first"`; `config.image_data_format()` if None.
        **kwargs: `name`, `dtype`, `trainable`.
    """

    _arguments = ("padding", "data_format")

    def __init__(self, padding: Any = (1, 1), data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        data_format = standardize_data_format(data_format)
        padding = _pairs(padding, "padding")
        self._take_arguments(locals())
        self.input_spec = InputSpec(ndim=4)

    def call(self, inputs: Any) -> Any:
        """Maps images to larger ones."""
        none = (0, 0)
        last = self.data_format == "channels_last"
        width = [none, *self.padding, none] if last else [none, none, *self.padding]
        return _core.pad(inputs, width, "constant", 0.0)


class Cropping2D(Layer):
    """Images without their margins.

    Args:
        cropping: One number, (height, width), or ((top, bottom), (left, right)).
        data_format: `"channels_last"` or `"channels_first"`; `config.image_data_format()` if None.
        **kwargs: `name`, `dtype`, `trainable`.
    """

    _arguments = ("cropping", "data_format")

    def __init__(self, cropping: Any = ((0, 0), (0, 0)), data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        data_format = standardize_data_format(data_format)
        cropping = _pairs(cropping, "cropping")
        self._take_arguments(locals())
        self.input_spec = InputSpec(ndim=4)

    def call(self, inputs: Any) -> Any:
        """Maps images to smaller ones."""
        first = 1 if self.data_format == "channels_last" else 2
        start, shape = [0] * 4, list(inputs.shape)
        for axis, (before, after) in enumerate(self.cropping, first):
            start[axis] = before
            shape[axis] -= before + after
            if shape[axis] <= 0:
                raise ValueError(
                    "Values in `cropping` argument should be smaller than the corresponding spatial dimension of the "
                    f"input. Received: input_shape={tuple(inputs.shape)}, cropping={self.cropping}"
                )
        return _core.slice(inputs, start, shape)


class UpSampling2D(Layer):
    """Each pixel repeated.

    Args:
        size: How often, vertically and horizontally: one number or two.
        data_format: `"channels_last"` or `"channels_first"`; `config.image_data_format()` if None.
        interpolation: `"nearest"`; others are not supported.
        **kwargs: `name`, `dtype`, `trainable`.
    """

    _arguments = ("size", "data_format", "interpolation")

    def __init__(
        self, size: Any = (2, 2), data_format: str | None = None, interpolation: str = "nearest", **kwargs: Any
    ):
        super().__init__(**kwargs)
        data_format = standardize_data_format(data_format)
        size = int_tuple(size, 2, "size")
        interpolation = interpolation.lower()
        if interpolation != "nearest":
            raise ValueError(
                "Argument `interpolation` of layer UpSampling2D: only 'nearest' is supported. "
                f"Received: interpolation={interpolation}"
            )
        self._take_arguments(locals())
        self.input_spec = InputSpec(ndim=4)

    def call(self, inputs: Any) -> Any:
        """Maps images to larger ones."""
        x = to_channels_last(inputs, self.data_format)
        return from_channels_last(_core.upsample2d(x, self.size), self.data_format)


class Rescaling(Layer):
    """inputs * scale + offset.

    Args:
        scale: Factor: a number, or an array that broadcasts against the inputs.
        offset: Offset: a number, or an array that broadcasts against the inputs.
        **kwargs: `name`, `dtype`, `trainable`.
    """

    _stateless = True
    _arguments = ("scale", "offset")

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        self._take_arguments(locals())

    def call(self, inputs: Any) -> Any:
        """Element-wise; integers become floats."""
        x = _core.cast(inputs, self.compute_dtype)
        return _core.add(_core.multiply(x, self._like(self.scale)), self._like(self.offset))

    def _like(self, value: Any) -> Any:
        return _core.cast(_core.tensor(value), self.compute_dtype)

"""Pooling over images."""

from __future__ import annotations

from typing import Any

from pyneural import _core
from pyneural.config import standardize_data_format
from pyneural.layers.arguments import int_tuple, padding_mode
from pyneural.layers.input_spec import InputSpec
from pyneural.layers.layer import Layer
from pyneural.ops.nn import from_channels_last, to_channels_last


class BasePooling2D(Layer):
    """What the pooling layers share.

    Args:
        pool_size: Height and width of the window: one number or two.
        strides: Step of the window; `pool_size` if None.
        padding: `"valid"` or `"same"`.
        data_format: `"channels_last"` or `"channels_first"`; `config.image_data_format()` if None.
        name: Name.
        **kwargs: `dtype`, `trainable`.
    """

    _stateless = True
    _arguments = ("pool_size", "padding", "strides", "data_format")
    _pool: Any = None

    def __init__(
        self,
        pool_size: Any,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        pool_size = int_tuple(pool_size, 2, "pool_size")
        strides = pool_size if strides is None else int_tuple(strides, 2, "strides")
        padding = padding_mode(padding)
        data_format = standardize_data_format(data_format)
        self._take_arguments(locals())
        self.input_spec = InputSpec(ndim=4)

    def call(self, inputs: Any) -> Any:
        """Maps images [batch, height, width, channels] to smaller ones."""
        x = to_channels_last(inputs, self.data_format)
        if self.padding == "valid" and (x.shape[1] < self.pool_size[0] or x.shape[2] < self.pool_size[1]):
            raise ValueError(
                f"Computed output size would be zero or negative. Received: inputs.shape={tuple(inputs.shape)}, "
                f"pool_size={self.pool_size}, strides={self.strides}, padding={self.padding}."
            )
        y = type(self)._pool(x, self.pool_size, self.strides, self.padding)
        return from_channels_last(y, self.data_format)


class MaxPooling2D(BasePooling2D):
    """The largest value in each window. The arguments are those of `BasePooling2D`."""

    _pool = staticmethod(_core.max_pool2d)

    def __init__(
        self,
        pool_size: Any = (2, 2),
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)


class AveragePooling2D(BasePooling2D):
    """The mean of each window; padding does not count. The arguments are those of `BasePooling2D`."""

    _pool = staticmethod(_core.average_pool2d)


class BaseGlobalPooling2D(Layer):
    """What the global pooling layers share.

    Args:
        data_format: `"channels_last"` or `"channels_first"`; `config.image_data_format()` if None.
        keepdims: Whether height and width stay, with size 1.
        **kwargs: `name`, `dtype`, `trainable`.
    """

    _stateless = True
    _arguments = ("data_format", "keepdims")
    _reduce: Any = None

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        data_format = standardize_data_format(data_format)
        self._take_arguments(locals())
        self.input_spec = InputSpec(ndim=4)

    def call(self, inputs: Any) -> Any:
        """Maps images [batch, height, width, channels] to [batch, channels]."""
        axes = [1, 2] if self.data_format == "channels_last" else [2, 3]
        return type(self)._reduce(inputs, axes, self.keepdims)


class GlobalMaxPooling2D(BaseGlobalPooling2D):
    """The largest value of each channel. The arguments are those of `BaseGlobalPooling2D`."""

    _reduce = staticmethod(_core.max)


class GlobalAveragePooling2D(BaseGlobalPooling2D):
    """The mean of each channel. The arguments are those of `BaseGlobalPooling2D`."""

    _reduce = staticmethod(_core.mean)


MaxPool2D = MaxPooling2D
AvgPool2D = AveragePooling2D
GlobalMaxPool2D = GlobalMaxPooling2D
GlobalAvgPool2D = GlobalAveragePooling2D

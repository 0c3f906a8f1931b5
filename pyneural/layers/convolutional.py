"""Convolutions over images."""

from __future__ import annotations

from typing import Any

from pyneural import _core
from pyneural.config import standardize_data_format
from pyneural.layers.arguments import int_tuple, padding_mode
from pyneural.layers.input_spec import InputSpec
from pyneural.layers.layer import Layer
from pyneural.ops.nn import from_channels_last, to_channels_last


class BaseConv2D(Layer):
    """What the convolution layers share: their geometry, bias and activation.

    Args:
        kernel_size: Height and width of the window: one number or two.
        strides: Step of the window.
        padding: `"valid"` (none) or `"same"` (the output is the input's size divided by the strides, rounded up).
        data_format: `"channels_last"` or `"channels_first"`; `config.image_data_format()` if None.
        dilation_rate: Distance of the taps of the kernel.
        activation: Name or function; None for none.
        use_bias: Whether there is a bias.
        bias_initializer: First values of `bias`, [filters].
        bias_regularizer: Penalty on `bias`.
        bias_constraint: Projection of `bias` after each step.
        **kwargs: `name`, `dtype`, `trainable`, `activity_regularizer`.
    """

    _shared = (
        "kernel_size", "strides", "padding", "data_format", "dilation_rate", "activation", "use_bias",
        "bias_initializer", "bias_regularizer", "activity_regularizer", "bias_constraint",
    )  # fmt: skip

    def __init__(self, values: dict[str, Any], kwargs: dict[str, Any]):
        super().__init__(activity_regularizer=values["activity_regularizer"], **kwargs)
        values["kernel_size"] = int_tuple(values["kernel_size"], 2, "kernel_size")
        values["strides"] = int_tuple(values["strides"], 2, "strides")
        values["dilation_rate"] = int_tuple(values["dilation_rate"], 2, "dilation_rate")
        values["padding"] = padding_mode(values["padding"])
        values["data_format"] = standardize_data_format(values["data_format"])
        if max(values["strides"]) > 1 and max(values["dilation_rate"]) > 1:
            raise ValueError(
                "`strides > 1` not supported in conjunction with `dilation_rate > 1`. "
                f"Received: strides={values['strides']} and dilation_rate={values['dilation_rate']}"
            )
        self._take_arguments(values)
        self.input_spec = InputSpec(min_ndim=4, max_ndim=4)

    def _channels(self, input_shape: Any) -> int:
        """The number of channels; from now on it is checked."""
        axis = -1 if self.data_format == "channels_last" else 1
        channels = input_shape[axis]
        if channels is None:
            raise ValueError(
                f"The channel dimension of the inputs of layer '{self.name}' should be defined. "
                f"The input shape is {tuple(input_shape)}, where `None` is at axis {axis}."
            )
        self.input_spec = InputSpec(ndim=4, axes={axis: channels})
        return channels

    def _check_size(self, input_shape: Any, kernel_shape: tuple) -> None:
        """Raises ValueError if the window does not fit into the images."""
        if self.padding == "same":
            return
        sizes = input_shape[1:3] if self.data_format == "channels_last" else input_shape[2:4]
        for size, kernel, dilation in zip(sizes, self.kernel_size, self.dilation_rate):
            if size is not None and size < (kernel - 1) * dilation + 1:
                raise ValueError(
                    f"Layer '{self.name}': computed output size would be zero or negative. Received: "
                    f"inputs shape={tuple(input_shape)}, kernel shape={kernel_shape}, "
                    f"dilation_rate={self.dilation_rate}, strides={self.strides}, padding={self.padding}."
                )

    def _add_kernel(self, name: str, shape: tuple) -> Any:
        prefix = name.removesuffix("_kernel")
        return self.add_weight(
            shape,
            getattr(self, f"{prefix}_initializer"),
            regularizer=getattr(self, f"{prefix}_regularizer"),
            constraint=getattr(self, f"{prefix}_constraint"),
            name=name,
        )

    def _add_bias(self, filters: int) -> None:
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                (filters,),
                self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
                name="bias",
            )


class Conv2D(BaseConv2D):
    """Two-dimensional convolution.

    Args:
        filters: Number of output channels.
        groups: Number of groups of channels that are convolved by themselves.
        kernel_initializer: First values of `kernel`, [height, width, channels / groups, filters].
        kernel_regularizer: Penalty on `kernel`.
        kernel_constraint: Projection of `kernel` after each step.

    The other arguments are those of `BaseConv2D`.
    """

    _arguments = (
        "filters", *BaseConv2D._shared, "groups", "kernel_initializer", "kernel_regularizer", "kernel_constraint"
    )  # fmt: skip

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = (1, 1),
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = (1, 1),
        groups: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ):
        _check_filters(filters)
        if not hasattr(groups, "__index__") or groups <= 0:
            raise ValueError(f"The number of groups must be a positive integer. Received: groups={groups}.")
        if filters % groups:
            raise ValueError(
                "The number of filters must be evenly divisible by the number of groups. "
                f"Received: groups={groups}, filters={filters}."
            )
        super().__init__(locals(), kwargs)

    def build(self, input_shape: Any) -> None:
        channels = self._channels(input_shape)
        if channels % self.groups:
            raise ValueError(
                "The number of input channels must be evenly divisible by the number of groups. Received "
                f"groups={self.groups}, but the input has {channels} channels "
                f"(full input shape is {tuple(input_shape)})."
            )
        shape = (*self.kernel_size, channels // self.groups, self.filters)
        self._check_size(input_shape, shape)
        self.kernel = self._add_kernel("kernel", shape)
        self._add_bias(self.filters)

    def call(self, inputs: Any) -> Any:
        """Maps images [batch, height, width, channels] to images with `filters` channels."""
        x = to_channels_last(inputs, self.data_format)
        y = _core.conv2d(x, self.kernel, self.bias, self.strides, self.padding, self.dilation_rate, self.groups)
        return self.activation(from_channels_last(y, self.data_format))


class DepthwiseConv2D(BaseConv2D):
    """Convolution of each channel by itself.

    Args:
        depth_multiplier: Number of output channels per input channel.
        depthwise_initializer: First values of `kernel`, [height, width, channels, depth_multiplier].
        depthwise_regularizer: Penalty on `kernel`.
        depthwise_constraint: Projection of `kernel` after each step.

    The other arguments are those of `BaseConv2D`.
    """

    _arguments = (
        *BaseConv2D._shared, "depth_multiplier", "depthwise_initializer", "depthwise_regularizer",
        "depthwise_constraint",
    )  # fmt: skip

    def __init__(
        self,
        kernel_size: Any,
        strides: Any = (1, 1),
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: Any = (1, 1),
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ):
        _check_multiplier(depth_multiplier)
        super().__init__(locals(), kwargs)

    def build(self, input_shape: Any) -> None:
        channels = self._channels(input_shape)
        shape = (*self.kernel_size, channels, self.depth_multiplier)
        self._check_size(input_shape, shape)
        self.kernel = self.add_weight(
            shape,
            self.depthwise_initializer,
            regularizer=self.depthwise_regularizer,
            constraint=self.depthwise_constraint,
            name="kernel",
        )
        self._add_bias(channels * self.depth_multiplier)

    def call(self, inputs: Any) -> Any:
        """Maps images to images with `depth_multiplier` times as many channels."""
        x = to_channels_last(inputs, self.data_format)
        y = _core.depthwise_conv2d(x, self.kernel, self.bias, self.strides, self.padding, self.dilation_rate)
        return self.activation(from_channels_last(y, self.data_format))


class SeparableConv2D(BaseConv2D):
    """A depthwise convolution, then a 1x1 convolution.

    Args:
        filters: Number of output channels.
        depth_multiplier: Channels between the two per input channel.
        depthwise_initializer: First values of `depthwise_kernel`, [height, width, channels, depth_multiplier].
        pointwise_initializer: First values of `pointwise_kernel`, [1, 1, channels * depth_multiplier, filters].
        depthwise_regularizer: Penalty on `depthwise_kernel`.
        pointwise_regularizer: Penalty on `pointwise_kernel`.
        depthwise_constraint: Projection of `depthwise_kernel` after each step.
        pointwise_constraint: Projection of `pointwise_kernel` after each step.

    The other arguments are those of `BaseConv2D`.
    """

    _arguments = (
        "filters", *BaseConv2D._shared, "depth_multiplier", "depthwise_initializer", "pointwise_initializer",
        "depthwise_regularizer", "pointwise_regularizer", "depthwise_constraint", "pointwise_constraint",
    )  # fmt: skip

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = (1, 1),
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = (1, 1),
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        pointwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ):
        _check_filters(filters)
        _check_multiplier(depth_multiplier)
        super().__init__(locals(), kwargs)

    def build(self, input_shape: Any) -> None:
        channels = self._channels(input_shape)
        shape = (*self.kernel_size, channels, self.depth_multiplier)
        self._check_size(input_shape, shape)
        self.depthwise_kernel = self._add_kernel("depthwise_kernel", shape)
        between = channels * self.depth_multiplier
        self.pointwise_kernel = self._add_kernel("pointwise_kernel", (1, 1, between, self.filters))
        self._add_bias(self.filters)

    def call(self, inputs: Any) -> Any:
        """Maps images [batch, height, width, channels] to images with `filters` channels."""
        x = to_channels_last(inputs, self.data_format)
        x = _core.depthwise_conv2d(x, self.depthwise_kernel, None, self.strides, self.padding, self.dilation_rate)
        y = _core.conv2d(x, self.pointwise_kernel, self.bias)
        return self.activation(from_channels_last(y, self.data_format))


def _check_filters(filters: Any) -> None:
    if isinstance(filters, bool) or not hasattr(filters, "__index__") or filters <= 0:
        raise ValueError(
            f"Invalid value for argument `filters`. Expected a strictly positive value. Received filters={filters}."
        )


def _check_multiplier(depth_multiplier: Any) -> None:
    if isinstance(depth_multiplier, bool) or not hasattr(depth_multiplier, "__index__") or depth_multiplier <= 0:
        raise ValueError(
            "Invalid value for argument `depth_multiplier`. Expected a strictly positive value. "
            f"Received depth_multiplier={depth_multiplier}."
        )


Convolution2D = Conv2D
SeparableConvolution2D = SeparableConv2D

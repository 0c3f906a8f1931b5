"""Activation functions as layers."""

from __future__ import annotations

from typing import Any

from pyneural import _core, activations
from pyneural.layers.input_spec import InputSpec
from pyneural.layers.layer import Layer
from pyneural.ops import softmax


class Activation(Layer):
    """Applies an activation function.

    Args:
        activation: Name or function.
        **kwargs: `name`, `dtype`, `trainable`.
    """

    _stateless = True
    _arguments = ("activation",)

    def __init__(self, activation: Any, **kwargs: Any):
        super().__init__(**kwargs)
        self._take_arguments(locals())

    def call(self, inputs: Any) -> Any:
        """Returns `activation(inputs)`."""
        return self.activation(inputs)


class ReLU(Layer):
    """Rectified linear unit.

    Args:
        max_value: Largest output; None for no limit.
        negative_slope: Slope below `threshold`.
        threshold: Where the linear part begins.
        **kwargs: `name`, `dtype`, `trainable`.
    """

    _stateless = True
    _arguments = ("max_value", "negative_slope", "threshold")

    def __init__(
        self, max_value: float | None = None, negative_slope: float = 0.0, threshold: float = 0.0, **kwargs: Any
    ):
        super().__init__(**kwargs)
        if max_value is not None and max_value < 0.0:
            raise ValueError(f"max_value of a ReLU layer cannot be a negative value. Received: max_value={max_value}")
        for name, value in (("negative_slope", negative_slope), ("threshold", threshold)):
            if value is None or value < 0.0:
                raise ValueError(f"{name} of a ReLU layer cannot be None or a negative value. Received: {name}={value}")
        self._take_arguments(locals())

    def call(self, inputs: Any) -> Any:
        """Element-wise."""
        return activations.relu(inputs, self.negative_slope, self.max_value, self.threshold)


class LeakyReLU(Layer):
    """x where positive, negative_slope * x elsewhere.

    Args:
        negative_slope: Slope for negative inputs.
        **kwargs: `name`, `dtype`, `trainable`.
    """

    _stateless = True
    _arguments = ("negative_slope",)

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any):
        negative_slope = kwargs.pop("alpha", negative_slope)  # its name in older Keras
        super().__init__(**kwargs)
        if negative_slope is None or negative_slope < 0:
            raise ValueError(
                "The negative_slope value of a Leaky ReLU layer cannot be None or negative value. Expected a float. "
                f"Received: negative_slope={negative_slope}"
            )
        self._take_arguments(locals())

    def call(self, inputs: Any) -> Any:
        """Element-wise."""
        return _core.leaky_relu(inputs, self.negative_slope)


class PReLU(Layer):
    """x where positive, alpha * x elsewhere, with a learned `alpha` per feature.

    Args:
        alpha_initializer: First values of `alpha`.
        alpha_regularizer: Penalty on `alpha`.
        alpha_constraint: Projection of `alpha` after each step.
        shared_axes: Axes along which `alpha` is the same: [1, 2] for one value per channel of images.
        **kwargs: `name`, `dtype`, `trainable`.
    """

    _arguments = ("alpha_initializer", "alpha_regularizer", "alpha_constraint", "shared_axes")

    def __init__(
        self,
        alpha_initializer: Any = "Zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        shared_axes: Any = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if shared_axes is not None:
            shared_axes = [shared_axes] if isinstance(shared_axes, int) else list(shared_axes)
        self._take_arguments(locals())

    def build(self, input_shape: Any) -> None:
        shape = list(input_shape[1:])
        for axis in self.shared_axes or ():
            shape[axis - 1] = 1
        self.alpha = self.add_weight(
            shape,
            self.alpha_initializer,
            regularizer=self.alpha_regularizer,
            constraint=self.alpha_constraint,
            name="alpha",
        )
        axes = {i: n for i, n in enumerate(input_shape) if i and i not in (self.shared_axes or ())}
        self.input_spec = InputSpec(ndim=len(input_shape), axes=axes)

    def call(self, inputs: Any) -> Any:
        """Element-wise."""
        return _core.add(_core.relu(inputs), _core.multiply(self.alpha, _core.minimum(inputs, 0.0)))


class ELU(Layer):
    """x where positive, alpha * (exp(x) - 1) elsewhere.

    Args:
        alpha: Limit (times -1) for large negative inputs.
        **kwargs: `name`, `dtype`, `trainable`.
    """

    _stateless = True
    _arguments = ("alpha",)

    def __init__(self, alpha: float = 1.0, **kwargs: Any):
        super().__init__(**kwargs)
        if alpha is None:
            raise ValueError("The alpha value of an ELU layer cannot be None. Expected a float. Received: alpha=None")
        self._take_arguments(locals())

    def call(self, inputs: Any) -> Any:
        """Element-wise."""
        return _core.elu(inputs, self.alpha)


class Softmax(Layer):
    """exp(x) divided by its sum over an axis.

    Args:
        axis: The axis, or several.
        **kwargs: `name`, `dtype`, `trainable`.
    """

    _stateless = True
    _arguments = ("axis",)

    def __init__(self, axis: Any = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self._take_arguments(locals())

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """The softmax of `inputs`; where `mask` is given and false, the result is 0."""
        if mask is not None:
            inputs = _core.add(inputs, _core.multiply(_core.subtract(1.0, _core.cast(mask, inputs.dtype)), -3e38))
        return softmax(inputs, self.axis)

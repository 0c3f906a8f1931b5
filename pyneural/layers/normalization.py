"""Batch and layer normalization."""

from __future__ import annotations

from typing import Any

from pyneural import _core
from pyneural.layers.arguments import reject
from pyneural.layers.input_spec import InputSpec
from pyneural.layers.layer import Layer


class BatchNormalization(Layer):
    """Normalizes each feature to mean 0 and variance 1 over the batch, then scales and shifts it.

    In training it uses the statistics of the batch and keeps moving averages of them, which inference uses.

    Args:
        axis: The axis of features.
        momentum: Weight of the old value in the moving averages.
        epsilon: Added to the variance.
        center: Whether there is an offset `beta`.
        scale: Whether there is a factor `gamma`.
        beta_initializer: First values of `beta`.
        gamma_initializer: First values of `gamma`.
        moving_mean_initializer: First values of `moving_mean`.
        moving_variance_initializer: First values of `moving_variance`.
        beta_regularizer: Penalty on `beta`.
        gamma_regularizer: Penalty on `gamma`.
        beta_constraint: Projection of `beta` after each step.
        gamma_constraint: Projection of `gamma` after each step.
        renorm: Not supported.
        renorm_clipping: Not supported.
        renorm_momentum: Has no effect without `renorm`.
        synchronized: Not supported.
        **kwargs: `name`, `dtype`, `trainable`.
    """

    _arguments = (
        "axis", "momentum", "epsilon", "center", "scale", "beta_initializer", "gamma_initializer",
        "moving_mean_initializer", "moving_variance_initializer", "beta_regularizer", "gamma_regularizer",
        "beta_constraint", "gamma_constraint",
    )  # fmt: skip

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        renorm: bool = False,
        renorm_clipping: Any = None,
        renorm_momentum: float = 0.99,
        synchronized: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        reject("BatchNormalization", renorm=renorm, renorm_clipping=renorm_clipping, synchronized=synchronized)
        if isinstance(axis, (list, tuple)) and len(axis) == 1:
            axis = axis[0]
        if not hasattr(axis, "__index__"):
            raise ValueError(f"Argument `axis` of layer BatchNormalization must be an int. Received: axis={axis}")
        self._take_arguments(locals())

    def build(self, input_shape: Any) -> None:
        size = _axis_size(self, input_shape, self.axis)
        self.gamma = self.beta = None
        if self.scale:
            self.gamma = self.add_weight(
                (size,),
                self.gamma_initializer,
                regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint,
                name="gamma",
            )
        if self.center:
            self.beta = self.add_weight(
                (size,),
                self.beta_initializer,
                regularizer=self.beta_regularizer,
                constraint=self.beta_constraint,
                name="beta",
            )
        self.moving_mean = self.add_weight((size,), self.moving_mean_initializer, trainable=False, name="moving_mean")
        self.moving_variance = self.add_weight(
            (size,), self.moving_variance_initializer, trainable=False, name="moving_variance"
        )
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: size})

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalizes `inputs`; by the statistics of the batch if `training` (and the layer is not frozen).

        Args:
            inputs: Tensor.
            training: Whether this is training.
            mask: Not supported.
        """
        reject("BatchNormalization", mask=mask)
        if not (training and self.trainable):
            return _core.batch_normalization(
                inputs, self.moving_mean, self.moving_variance, self.axis, self.beta, self.gamma, self.epsilon
            )
        y, mean, variance = _core.batch_norm_train(inputs, self.gamma, self.beta, self.axis, self.epsilon)
        for moving, current in ((self.moving_mean, mean), (self.moving_variance, variance)):
            current = _core.stop_gradient(current)
            moving.assign(moving * self.momentum + current * (1.0 - self.momentum))
        return y


class LayerNormalization(Layer):
    """Normalizes each row to mean 0 and variance 1 over its features, then scales and shifts it.

    Args:
        axis: The axis (or axes) of features.
        epsilon: Added to the variance.
        center: Whether there is an offset `beta`.
        scale: Whether there is a factor `gamma`.
        beta_initializer: First values of `beta`.
        gamma_initializer: First values of `gamma`.
        beta_regularizer: Penalty on `beta`.
        gamma_regularizer: Penalty on `gamma`.
        beta_constraint: Projection of `beta` after each step.
        gamma_constraint: Projection of `gamma` after each step.
        **kwargs: `name`, `dtype`, `trainable`.
    """

    _arguments = (
        "axis", "epsilon", "center", "scale", "beta_initializer", "gamma_initializer", "beta_regularizer",
        "gamma_regularizer", "beta_constraint", "gamma_constraint",
    )  # fmt: skip

    def __init__(
        self,
        axis: Any = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ):
        rms_scaling = kwargs.pop("rms_scaling", False)
        super().__init__(**kwargs)
        reject("LayerNormalization", rms_scaling=rms_scaling)
        if isinstance(axis, (list, tuple)) and all(hasattr(a, "__index__") for a in axis):
            axis = list(axis)
        elif not hasattr(axis, "__index__"):
            raise TypeError(f"Expected an int or a list/tuple of ints for the argument 'axis', but received: {axis!r}")
        self._take_arguments(locals())

    def build(self, input_shape: Any) -> None:
        axes = self.axis if isinstance(self.axis, list) else [self.axis]
        shape = tuple(_axis_size(self, input_shape, axis) for axis in axes)
        self.gamma = self.beta = None
        if self.scale:
            self.gamma = self.add_weight(
                shape,
                self.gamma_initializer,
                regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint,
                name="gamma",
            )
        if self.center:
            self.beta = self.add_weight(
                shape,
                self.beta_initializer,
                regularizer=self.beta_regularizer,
                constraint=self.beta_constraint,
                name="beta",
            )

    def call(self, inputs: Any) -> Any:
        """Normalizes `inputs`."""
        rank = len(inputs.shape)
        axes = [a % rank for a in (self.axis if isinstance(self.axis, list) else [self.axis])]
        if axes == list(range(rank - len(axes), rank)):
            return _core.layer_normalization(
                inputs, self.gamma, self.beta, axes[0] if len(axes) == 1 else axes, self.epsilon
            )
        # The kernel works on trailing axes: bring the features there and back.
        order = [a for a in range(rank) if a not in axes] + axes
        y = _core.layer_normalization(
            _core.transpose(inputs, order), self.gamma, self.beta, list(range(rank - len(axes), rank)), self.epsilon
        )
        return _core.transpose(y, sorted(range(rank), key=order.__getitem__))


def _axis_size(layer: Layer, input_shape: Any, axis: int) -> int:
    """The size of an axis that weights belong to.

    Raises:
        ValueError: If there is no such axis, or its size is unknown.
    """
    rank = len(input_shape)
    if not -rank <= axis < rank:
        raise ValueError(
            f"Argument `axis` of layer '{layer.name}' is out of range: expected an axis of an input of rank {rank}. "
            f"Received: axis={axis}, input_shape={tuple(input_shape)}"
        )
    if input_shape[axis] is None:
        raise ValueError(
            f"Axis {axis} of the input of layer '{layer.name}' must have a defined size. "
            f"Received: input_shape={tuple(input_shape)}"
        )
    return input_shape[axis]

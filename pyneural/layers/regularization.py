"""Layers that act in training only: dropout, noise, penalties."""

from __future__ import annotations

from typing import Any

from pyneural import _core, random
from pyneural.config import standardize_data_format
from pyneural.layers.input_spec import InputSpec
from pyneural.layers.layer import Layer
from pyneural.random import SeedGenerator


class Dropout(Layer):
    """In training, zeroes each input with probability `rate` and scales the others by 1 / (1 - rate).

    Args:
        rate: Probability, from 0 to 1.
        noise_shape: Shape of the mask, broadcast against the inputs; None for one decision per input.
        seed: Integer; drawn at random if None.
        **kwargs: `name`, `dtype`, `trainable`.
    """

    _stateless = True
    _arguments = ("rate", "seed", "noise_shape")

    def __init__(self, rate: float, noise_shape: Any = None, seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 <= rate <= 1:
            raise ValueError(
                "Invalid value received for argument `rate`. Expected a float value between 0 and 1. "
                f"Received: rate={rate}"
            )
        self._take_arguments(locals())
        if rate > 0:
            self.seed_generator = SeedGenerator(seed)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Returns `inputs`, thinned out if `training`."""
        if not training or self.rate == 0:
            return inputs
        return random.dropout(inputs, self.rate, self._noise_shape(inputs), self.seed_generator)

    def _noise_shape(self, inputs: Any) -> Any:
        return self.noise_shape


class SpatialDropout2D(Dropout):
    """Dropout of whole channels of images.

    Args:
        rate: Probability, from 0 to 1.
        data_format: `"channels_last"` or `"channels_first"`; `config.image_data_format()` if None.
        seed: Integer; drawn at random if None.
        name: Name.
        dtype: Dtype.
    """

    _arguments = ("rate", "seed", "data_format")

    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ):
        super().__init__(rate, seed=seed, name=name, dtype=dtype, **kwargs)
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=4)

    def _noise_shape(self, inputs: Any) -> Any:
        batch, channel_axis = inputs.shape[0], 3 if self.data_format == "channels_last" else 1
        return [batch if a == 0 else inputs.shape[a] if a == channel_axis else 1 for a in range(4)]


class GaussianNoise(Layer):
    """In training, adds normally distributed noise.

    Args:
        stddev: Standard deviation of the noise.
        seed: Integer; drawn at random if None.
        **kwargs: `name`, `dtype`, `trainable`.
    """

    _stateless = True
    _arguments = ("stddev", "seed")

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        if not 0 <= stddev <= 1:
            raise ValueError(
                "Invalid value received for argument `stddev`. Expected a float value between 0 and 1. "
                f"Received: stddev={stddev}"
            )
        self._take_arguments(locals())
        if stddev > 0:
            self.seed_generator = SeedGenerator(seed)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Returns `inputs`, with noise if `training`."""
        if not training or self.stddev == 0:
            return inputs
        noise = random.normal(inputs.shape, 0.0, self.stddev, inputs.dtype, self.seed_generator)
        return _core.add(inputs, noise)


class ActivityRegularization(Layer):
    """Hands its inputs on and adds a penalty on them to the loss.

    Args:
        l1: Factor of the sum of magnitudes.
        l2: Factor of the sum of squares.
        **kwargs: `name`, `dtype`, `trainable`.
    """

    _stateless = True
    _arguments = ("l1", "l2")

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Any):
        from pyneural.regularizers import L1L2

        super().__init__(activity_regularizer=L1L2(l1, l2), **kwargs)
        self._take_arguments(locals())

    def call(self, inputs: Any) -> Any:
        """Returns `inputs`."""
        return inputs

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config.pop("activity_regularizer")
        return config

"""First values of weights."""

from __future__ import annotations

import copy
from math import prod, sqrt
from typing import Any

from pyneural import _core, registry
from pyneural import random as draw
from pyneural.dtypes import standardize_dtype
from pyneural.naming import to_snake_case
from pyneural.registry import Configurable

# Standard deviation of a normal distribution cut off at two standard deviations.
_TRUNCATED_STDDEV = 0.87962566103423978


class Initializer(Configurable):
    """Base of initializers: functions of (shape, dtype)."""

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """A tensor of the given shape."""
        raise NotImplementedError("Initializer subclasses must implement the `__call__()` method.")

    def clone(self) -> Initializer:
        """Another initializer with the same configuration."""
        if type(self).get_config is Initializer.get_config:
            return copy.copy(self)
        return type(self).from_config(self.get_config())


class Zeros(Initializer):
    """All zeros."""

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return _full(shape, 0.0, dtype)


class Ones(Initializer):
    """All ones."""

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return _full(shape, 1.0, dtype)


class Constant(Initializer):
    """One value everywhere.

    Args:
        value: The value: a number, or an array that broadcasts to the shape.
    """

    def __init__(self, value: Any = 0.0):
        self.value = value

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return _full(shape, self.value, dtype)

    def get_config(self) -> dict[str, Any]:
        return {"value": self.value}


class Identity(Initializer):
    """The identity matrix times `gain`; only for two dimensions."""

    def __init__(self, gain: float = 1.0):
        self.gain = gain

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        if len(shape) != 2:
            raise ValueError(
                "Identity matrix initializer can only be used for 2D matrices. "
                f"Received: shape={shape} of rank {len(shape)}."
            )
        import numpy as np

        return _core.tensor(np.asarray(self.gain * np.eye(*shape), dtype=standardize_dtype(dtype)))

    def get_config(self) -> dict[str, Any]:
        return {"gain": self.gain}


class RandomInitializer(Initializer):
    """Base of random initializers: the same object and shape always give the same values.

    Args:
        seed: Integer or SeedGenerator; drawn at random if None.
    """

    def __init__(self, seed: Any = None):
        self._init_seed = seed
        if seed is None:
            seed = draw.make_default_seed()
        elif isinstance(seed, dict):
            from pyneural.serialization import deserialize_keras_object

            seed = deserialize_keras_object(seed)
        if not isinstance(seed, (int, draw.SeedGenerator)):
            raise ValueError(
                f"`seed` argument should be an instance of `SeedGenerator()` or an integer. Received: seed={seed}"
            )
        self.seed = seed

    def get_config(self) -> dict[str, Any]:
        from pyneural.serialization import serialize_keras_object

        return {"seed": serialize_keras_object(self._init_seed)}


class RandomNormal(RandomInitializer):
    """Normally distributed values."""

    _draw = staticmethod(draw.normal)

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None):
        self.mean = mean
        self.stddev = stddev
        super().__init__(seed)

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return type(self)._draw(shape, self.mean, self.stddev, standardize_dtype(dtype), self.seed)

    def get_config(self) -> dict[str, Any]:
        return {"mean": self.mean, "stddev": self.stddev, **super().get_config()}


class TruncatedNormal(RandomNormal):
    """Normally distributed values, none farther out than two standard deviations."""

    _draw = staticmethod(draw.truncated_normal)


class RandomUniform(RandomInitializer):
    """Values spread evenly over [minval, maxval)."""

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Any = None):
        self.minval = minval
        self.maxval = maxval
        super().__init__(seed)

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return draw.uniform(shape, self.minval, self.maxval, standardize_dtype(dtype), self.seed)

    def get_config(self) -> dict[str, Any]:
        return {"minval": self.minval, "maxval": self.maxval, **super().get_config()}


class VarianceScaling(RandomInitializer):
    """Random values whose variance is `scale` divided by a number of connections.

    Args:
        scale: Factor of the variance.
        mode: `"fan_in"`, `"fan_out"` or `"fan_avg"`: the number of inputs or outputs of a unit, or their mean.
        distribution: `"truncated_normal"`, `"untruncated_normal"` or `"uniform"`.
        seed: Integer or SeedGenerator; drawn at random if None.
        input_axes: Axes of the shape that count as inputs; None for the layout of kernels.
        output_axes: Axes of the shape that count as outputs; None for the layout of kernels.
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Any = None,
        input_axes: Any = None,
        output_axes: Any = None,
    ):
        if scale <= 0.0:
            raise ValueError(f"Argument `scale` must be positive float. Received: scale={scale}")
        modes = {"fan_in", "fan_out", "fan_avg"}
        if mode not in modes:
            raise ValueError(f"Invalid `mode` argument: {mode}. Please use one of {sorted(modes)}")
        distribution = distribution.lower()
        distribution = "truncated_normal" if distribution == "normal" else distribution
        distributions = {"uniform", "truncated_normal", "untruncated_normal"}
        if distribution not in distributions:
            raise ValueError(
                f"Invalid `distribution` argument: {distribution}. Please use one of {sorted(distributions)}"
            )
        self.scale = scale
        self.mode = mode
        self.distribution = distribution
        self.input_axes = input_axes
        self.output_axes = output_axes
        super().__init__(seed)

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        fan_in, fan_out = compute_fans(shape, self.input_axes, self.output_axes)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2.0}[self.mode]
        variance = self.scale / max(1.0, fan)
        dtype = standardize_dtype(dtype)
        if self.distribution == "uniform":
            limit = sqrt(3.0 * variance)
            return draw.uniform(shape, -limit, limit, dtype, self.seed)
        if self.distribution == "truncated_normal":
            return draw.truncated_normal(shape, 0.0, sqrt(variance) / _TRUNCATED_STDDEV, dtype, self.seed)
        return draw.normal(shape, 0.0, sqrt(variance), dtype, self.seed)

    def get_config(self) -> dict[str, Any]:
        return {
            "scale": self.scale,
            "mode": self.mode,
            "distribution": self.distribution,
            **super().get_config(),
            "input_axes": self.input_axes,
            "output_axes": self.output_axes,
        }


def _scaled(name: str, source: str, scale: float, mode: str, distribution: str) -> type[VarianceScaling]:
    """A class of VarianceScaling with fixed scale, mode and distribution."""

    class Scaled(VarianceScaling):
        def __init__(self, seed: Any = None, input_axes: Any = None, output_axes: Any = None):
            super().__init__(scale, mode, distribution, seed, input_axes, output_axes)

        def get_config(self) -> dict[str, Any]:
            config = super().get_config()
            return {key: config[key] for key in ("seed", "input_axes", "output_axes")}

    Scaled.__name__ = Scaled.__qualname__ = name
    Scaled.__doc__ = (
        f"{distribution} values of variance {scale:g} / {mode} ({source}).\n\n"
        "    Args:\n        seed: Integer or SeedGenerator; drawn at random if None.\n    "
    )
    return Scaled


GlorotUniform = _scaled("GlorotUniform", "Glorot and Bengio, 2010", 1.0, "fan_avg", "uniform")
GlorotNormal = _scaled("GlorotNormal", "Glorot and Bengio, 2010", 1.0, "fan_avg", "truncated_normal")
HeUniform = _scaled("HeUniform", "He et al., 2015", 2.0, "fan_in", "uniform")
HeNormal = _scaled("HeNormal", "He et al., 2015", 2.0, "fan_in", "truncated_normal")
LecunUniform = _scaled("LecunUniform", "Klambauer et al., 2017", 1.0, "fan_in", "uniform")
LecunNormal = _scaled("LecunNormal", "Klambauer et al., 2017", 1.0, "fan_in", "truncated_normal")


class Orthogonal(RandomInitializer):
    """A random matrix with orthonormal rows or columns (Saxe et al., 2014); leading axes are merged into the rows.

    Args:
        gain: Factor of the matrix.
        seed: Integer or SeedGenerator; drawn at random if None.
    """

    def __init__(self, gain: float = 1.0, seed: Any = None):
        self.gain = gain
        super().__init__(seed)

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        if len(shape) < 2:
            raise ValueError(
                "The tensor to initialize must be at least two-dimensional. "
                f"Received: shape={shape} of rank {len(shape)}."
            )
        import numpy as np

        rows, columns = prod(shape[:-1]), shape[-1]
        flat = (max(rows, columns), min(rows, columns))
        q, r = np.linalg.qr(draw.normal(flat, dtype="float64", seed=self.seed).numpy())
        q = q * np.sign(np.diag(r))  # makes the distribution uniform
        q = q if rows >= columns else q.T
        return _core.tensor(np.ascontiguousarray(self.gain * q.reshape(shape), dtype=standardize_dtype(dtype)))

    def get_config(self) -> dict[str, Any]:
        return {"gain": self.gain, **super().get_config()}


def compute_fans(shape: Any, input_axes: Any = None, output_axes: Any = None) -> tuple[int, int]:
    """The numbers of inputs and outputs of one unit of a kernel of the given shape."""
    shape = tuple(shape)
    if input_axes is not None or output_axes is not None:
        axes_in = {a % len(shape) for a in _as_list(input_axes)}
        axes_out = {a % len(shape) for a in _as_list(output_axes)}
        rest = prod(n for a, n in enumerate(shape) if a not in axes_in | axes_out)
        return (
            rest * prod(shape[a] for a in axes_in),
            rest * prod(shape[a] for a in axes_out),
        )
    if len(shape) < 2:
        return (shape[0], shape[0]) if shape else (1, 1)
    field = prod(shape[:-2])
    return shape[-2] * field, shape[-1] * field


def _as_list(axes: Any) -> list[int]:
    return [] if axes is None else [axes] if isinstance(axes, int) else list(axes)


def _full(shape: Any, value: Any, dtype: Any) -> Any:
    from pyneural.ops import full

    return full(shape, value, dtype)


IdentityInitializer = Identity
OrthogonalInitializer = Orthogonal

_CLASSES = {
    cls.__name__: cls
    for cls in (
        Constant, GlorotNormal, GlorotUniform, HeNormal, HeUniform, Identity, LecunNormal, LecunUniform, Ones,
        Orthogonal, RandomNormal, RandomUniform, TruncatedNormal, VarianceScaling, Zeros,
    )
}  # fmt: skip
_TABLE = {**_CLASSES, **{to_snake_case(name): cls for name, cls in _CLASSES.items()}}
_TABLE.update({"uniform": RandomUniform, "normal": RandomNormal, "zero": Zeros, "one": Ones})
_TABLE.update({"IdentityInitializer": Identity, "OrthogonalInitializer": Orthogonal})
globals().update({to_snake_case(name): cls for name, cls in _CLASSES.items()})


def get(identifier: Any) -> Any:
    """An initializer from its name, class, configuration, or a function of (shape, dtype).

    Raises:
        ValueError: If there is none of that name.
    """
    return registry.get(identifier, _TABLE, "initializer")


def serialize(initializer: Initializer) -> Any:
    """The configuration of an initializer."""
    from pyneural.serialization import serialize_keras_object

    return serialize_keras_object(initializer)


def deserialize(config: Any, custom_objects: dict | None = None) -> Any:
    """An initializer from its configuration."""
    from pyneural.serialization import deserialize_keras_object

    return deserialize_keras_object(config, custom_objects)

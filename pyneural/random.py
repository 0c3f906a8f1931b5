"""Random tensors. A draw depends on its seed and its count alone, not on threads or devices."""

from __future__ import annotations

from typing import Any

from pyneural import _core
from pyneural.dtypes import standardize_dtype
from pyneural.naming import auto_name

_global_generators: dict[str, SeedGenerator] = {}  # by device: a draw runs where its state is


def make_default_seed() -> int:
    """A seed drawn from Python's generator, which `utils.set_random_seed` seeds."""
    import random

    return random.randint(1, int(1e9))


class SeedGenerator:
    """A stream of seeds: each call of `next` gives another one.

    Args:
        seed: Where the stream starts; drawn at random if None.
        name: Name of the generator.
    """

    def __init__(self, seed: int | None = None, name: str | None = None, **kwargs: Any):
        if kwargs:
            raise ValueError(f"Unrecognized keyword arguments: {kwargs}")
        if seed is None:
            seed = make_default_seed()
        if not isinstance(seed, int):
            raise ValueError(f"Argument `seed` must be an integer. Received: seed={seed}")
        from pyneural.variable import Variable

        self.name = name or auto_name("seed_generator")
        self._initial_seed = seed
        self.state = Variable(_state(seed), name="seed_generator_state", trainable=False)

    def next(self, ordered: bool = True) -> Any:
        """The next state: an int64 tensor (seed, count)."""
        state = self.state.value
        self.state.assign(_core.add(state, _STEP))
        return state

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this generator again."""
        return {"seed": self._initial_seed}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> SeedGenerator:
        """Makes a generator from what `get_config` returned."""
        return cls(**config)


def _state(seed: int) -> Any:
    import numpy as np

    return _core.tensor(np.array([seed, 0], dtype=np.int64))


_STEP = _core.tensor([0, 1], "int64")


def global_seed_generator() -> SeedGenerator:
    """The generator of draws that are given no seed."""
    device = _core.current_device()
    if device not in _global_generators:
        _global_generators[device] = SeedGenerator()
    return _global_generators[device]


def reset_global_seed_generator() -> None:
    """Lets the global generator start over from a new default seed."""
    _global_generators.clear()


def draw_seed(seed: Any) -> Any:
    """The state tensor for one draw, from an int, a SeedGenerator, a state tensor, or None (the global generator).

    Raises:
        ValueError: If `seed` is anything else.
    """
    if seed is None:
        return global_seed_generator().next()
    if isinstance(seed, SeedGenerator):
        return seed.next()
    if isinstance(seed, _core.Tensor):
        return seed
    if hasattr(seed, "__index__"):
        return _state(int(seed))
    raise ValueError(
        "Argument `seed` must be either an integer or an instance of `SeedGenerator`. "
        f"Received: seed={seed} (of type {type(seed)})"
    )


def normal(shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Values from a normal distribution."""
    return _core.random_normal(draw_seed(seed), list(shape), mean, stddev, standardize_dtype(dtype))


def truncated_normal(shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Values from a normal distribution of which nothing lies farther out than two standard deviations."""
    return _core.truncated_normal(draw_seed(seed), list(shape), mean, stddev, standardize_dtype(dtype))


def uniform(shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Values spread evenly over [minval, maxval); integers if `dtype` is an integer type."""
    dtype = standardize_dtype(dtype)
    if dtype.startswith(("int", "uint")):
        return randint(shape, int(minval), int(maxval), dtype, seed)
    return _core.random_uniform(draw_seed(seed), list(shape), minval, maxval, dtype)


def randint(shape: Any, minval: int, maxval: int, dtype: Any = "int32", seed: Any = None) -> Any:
    """Integers from `minval` up to but without `maxval`."""
    return _core.randint(draw_seed(seed), list(shape), minval, maxval, standardize_dtype(dtype))


def dropout(inputs: Any, rate: float, noise_shape: Any = None, seed: Any = None) -> Any:
    """Zeroes each element with probability `rate` and scales the others by 1 / (1 - rate).

    Args:
        inputs: Tensor.
        rate: Probability, from 0 to 1.
        noise_shape: Shape of the mask, which is broadcast against `inputs`; None for one decision per element.
        seed: Integer or SeedGenerator; None for the global generator.
    """
    state = draw_seed(seed)
    if noise_shape is None:
        return _core.dropout(inputs, state, rate)
    shape = [inputs.shape[a] if n is None else n for a, n in enumerate(noise_shape)]
    return _core.multiply(inputs, _core.dropout(_core.cast(_ones(shape), inputs.dtype), state, rate))


def _ones(shape: list[int]) -> Any:
    from pyneural.ops import ones

    return ones(shape)


def shuffle(x: Any, axis: int = 0, seed: Any = None) -> Any:
    """`x` with its slices along `axis` in random order."""
    from pyneural.ops import convert_to_tensor

    x = convert_to_tensor(x)
    order = _core.random_permutation(draw_seed(seed), x.shape[axis])
    return _core.take(x, order, axis)


def categorical(logits: Any, num_samples: int, dtype: Any = "int32", seed: Any = None) -> Any:
    """Class numbers drawn with the probabilities softmax(logits): [batch, num_samples] for logits [batch, classes]."""
    from pyneural.ops import convert_to_tensor

    logits = convert_to_tensor(logits)
    batch, classes = logits.shape
    # The largest of logits plus Gumbel noise is distributed as softmax(logits).
    u = _core.random_uniform(draw_seed(seed), [batch, num_samples, classes], 1e-20, 1.0, logits.dtype)
    gumbel = -_core.log(-_core.log(u))
    return _core.cast(_core.argmax(_core.add(_core.expand_dims(logits, 1), gumbel), 2), standardize_dtype(dtype))

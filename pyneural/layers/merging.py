"""Layers of several inputs: add, multiply, concatenate, ..."""

from __future__ import annotations

from functools import reduce
from typing import Any

from pyneural import _core
from pyneural.layers.layer import Layer


class Merge(Layer):
    """What the element-wise merge layers share: the inputs are broadcast against each other.

    Args:
        **kwargs: `name`, `dtype`, `trainable`.
    """

    _count: int | None = None  # how many inputs it takes; None for any number
    _function: Any = None

    def build(self, input_shape: Any) -> None:
        shapes = _list_of_shapes(self, input_shape)
        if self._count is not None and len(shapes) != self._count:
            raise ValueError(
                f"A `{type(self).__name__}` layer should be called on exactly {self._count} inputs. "
                f"Received: input_shape={shapes}"
            )
        batches = {s[0] for s in shapes if s} - {None}
        if len(batches) > 1 and 1 not in batches:
            raise ValueError(f"Cannot merge tensors with different batch sizes. Received tensors with shapes {shapes}")
        reduce(_broadcast, (s[1:] for s in shapes))

    def call(self, inputs: Any) -> Any:
        """Merges a list of tensors."""
        if not isinstance(inputs, (list, tuple)):
            raise ValueError(
                f"A merge layer should be called on a list of inputs. Received: inputs={inputs} (not a list)"
            )
        return self.merge(_align_ranks(inputs))

    def merge(self, inputs: list) -> Any:
        """Merges tensors of equal rank."""
        return reduce(type(self)._function, inputs)


class Add(Merge):
    """The sum of the inputs."""

    _function = staticmethod(_core.add)


class Subtract(Merge):
    """The first input minus the second."""

    _count = 2
    _function = staticmethod(_core.subtract)


class Multiply(Merge):
    """The product of the inputs."""

    _function = staticmethod(_core.multiply)


class Maximum(Merge):
    """The largest of the inputs, element by element."""

    _function = staticmethod(_core.maximum)


class Minimum(Merge):
    """The smallest of the inputs, element by element."""

    _function = staticmethod(_core.minimum)


class Average(Merge):
    """The mean of the inputs."""

    def merge(self, inputs: list) -> Any:
        return _core.divide(reduce(_core.add, inputs), float(len(inputs)))


class Concatenate(Layer):
    """The inputs laid end to end.

    Args:
        axis: Along which axis.
        **kwargs: `name`, `dtype`, `trainable`.
    """

    _arguments = ("axis",)

    def __init__(self, axis: int = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self._take_arguments(locals())

    def build(self, input_shape: Any) -> None:
        shapes = _list_of_shapes(self, input_shape)
        rank = len(shapes[0])
        fits = all(len(s) == rank for s in shapes) and -rank <= self.axis < rank
        for axis in range(rank) if fits else ():
            if axis != self.axis % rank:
                fits = fits and len({s[axis] for s in shapes} - {None}) <= 1
        if not fits:
            raise ValueError(
                "A `Concatenate` layer requires inputs with matching shapes except for the concatenation axis. "
                f"Received: input_shape={shapes}, axis={self.axis}"
            )

    def call(self, inputs: Any) -> Any:
        """Joins a list of tensors."""
        if not isinstance(inputs, (list, tuple)):
            raise ValueError(f"A `Concatenate` layer should be called on a list of inputs. Received: inputs={inputs}")
        return _core.concatenate(list(inputs), self.axis)


class Dot(Layer):
    """Sums of products of two inputs over one axis of each, row by row.

    Args:
        axes: The axis, or one for each input; 0 is the batch.
        normalize: Whether the vectors along the axes are scaled to norm 1 before (cosine similarity).
        **kwargs: `name`, `dtype`, `trainable`.
    """

    _arguments = ("axes", "normalize")

    def __init__(self, axes: Any, normalize: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        if not hasattr(axes, "__index__"):
            if not isinstance(axes, (list, tuple)):
                raise TypeError(
                    f"Invalid type for argument `axes`: it should be a list or an int. Received: axes={axes}"
                )
            if len(axes) != 2:
                raise ValueError(
                    f"Invalid format for argument `axes`: it should contain two elements. Received: axes={axes}"
                )
            if not all(hasattr(axis, "__index__") for axis in axes):
                raise ValueError(
                    f"Invalid format for argument `axes`: list elements should be integers. Received: axes={axes}"
                )
        self._take_arguments(locals())

    def _axes(self, ranks: tuple[int, int]) -> list[int]:
        axes = [self.axes] * 2 if hasattr(self.axes, "__index__") else list(self.axes)
        return [axis % rank for axis, rank in zip(axes, ranks)]

    def build(self, input_shape: Any) -> None:
        valid = isinstance(input_shape, (list, tuple)) and len(input_shape) == 2
        if not valid or not all(isinstance(s, (list, tuple)) for s in input_shape):
            raise ValueError(
                f"A `Dot` layer should be called on a list of 2 inputs. Received: input_shape={input_shape}"
            )
        first, second = (tuple(s) for s in input_shape)
        a, b = self._axes((len(first), len(second)))
        if first[a] is not None and second[b] is not None and first[a] != second[b]:
            raise ValueError(
                f"Incompatible input shapes: axis values {first[a]} (at axis {a}) != {second[b]} (at axis {b}). "
                f"Full input shapes: {first}, {second}"
            )

    def call(self, inputs: Any) -> Any:
        """Maps [batch, ...] and [batch, ...] to [batch, rest of the first, rest of the second]."""
        x, y = inputs
        a, b = self._axes((x.ndim, y.ndim))
        if self.normalize:
            from pyneural.ops import normalize

            x, y = normalize(x, a), normalize(y, b)
        rest_x = [axis for axis in range(1, x.ndim) if axis != a]
        rest_y = [axis for axis in range(1, y.ndim) if axis != b]
        shape = [x.shape[0], *(x.shape[axis] for axis in rest_x), *(y.shape[axis] for axis in rest_y)]
        left = _core.reshape(_core.transpose(x, [0, *rest_x, a]), [x.shape[0], -1, x.shape[a]])
        right = _core.reshape(_core.transpose(y, [0, b, *rest_y]), [y.shape[0], y.shape[b], -1])
        return _core.reshape(_core.matmul(left, right), shape if len(shape) > 1 else [shape[0], 1])


def _list_of_shapes(layer: Layer, input_shape: Any) -> list[tuple]:
    """The shapes of the inputs of a merge layer.

    Raises:
        ValueError: If it was called on a single tensor.
    """
    if (
        not isinstance(input_shape, (list, tuple))
        or not input_shape
        or not all(isinstance(s, (list, tuple)) for s in input_shape)
    ):
        raise ValueError(
            f"A merge layer should be called on a list of inputs. Layer '{layer.name}' received: "
            f"input_shape={input_shape} (not a list of shapes)"
        )
    return [tuple(s) for s in input_shape]


def _broadcast(a: tuple, b: tuple) -> tuple:
    """The shape that two shapes (without the batch) broadcast to; they are aligned at the end."""
    a, b = (a, b) if len(a) >= len(b) else (b, a)
    result = list(a)
    for i, (m, n) in enumerate(zip(a[len(a) - len(b) :], b), len(a) - len(b)):
        if None not in (m, n) and m != n and 1 not in (m, n):
            raise ValueError(f"Inputs have incompatible shapes. Received shapes {a} and {b}")
        result[i] = n if m == 1 or m is None else m
    return tuple(result)


def _align_ranks(inputs: Any) -> list:
    """Inputs of lower rank get axes of size 1 after the batch."""
    rank = max(x.ndim for x in inputs)
    return [
        x if x.ndim == rank else _core.reshape(x, [x.shape[0], *[1] * (rank - x.ndim), *x.shape[1:]]) for x in inputs
    ]


def add(inputs: Any, **kwargs: Any) -> Any:
    """The sum of a list of tensors, by an `Add` layer."""
    return Add(**kwargs)(inputs)


def subtract(inputs: Any, **kwargs: Any) -> Any:
    """The difference of two tensors, by a `Subtract` layer."""
    return Subtract(**kwargs)(inputs)


def multiply(inputs: Any, **kwargs: Any) -> Any:
    """The product of a list of tensors, by a `Multiply` layer."""
    return Multiply(**kwargs)(inputs)


def average(inputs: Any, **kwargs: Any) -> Any:
    """The mean of a list of tensors, by an `Average` layer."""
    return Average(**kwargs)(inputs)


def maximum(inputs: Any, **kwargs: Any) -> Any:
    """The largest of a list of tensors, by a `Maximum` layer."""
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Any, **kwargs: Any) -> Any:
    """The smallest of a list of tensors, by a `Minimum` layer."""
    return Minimum(**kwargs)(inputs)


def concatenate(inputs: Any, axis: int = -1, **kwargs: Any) -> Any:
    """A list of tensors laid end to end, by a `Concatenate` layer."""
    return Concatenate(axis=axis, **kwargs)(inputs)


def dot(inputs: Any, axes: Any = -1, **kwargs: Any) -> Any:
    """Sums of products of two tensors, by a `Dot` layer."""
    return Dot(axes=axes, **kwargs)(inputs)

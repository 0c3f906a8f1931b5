"""Tensors made, moved and reshaped, under NumPy's names."""

from __future__ import annotations

from typing import Any

from pyneural import _core
from pyneural.dtypes import standardize_dtype
from pyneural.keras_tensor import KerasTensor
from pyneural.ops.wrap import op, public_names


def convert_to_tensor(x: Any, dtype: Any = None, sparse: bool | None = None, ragged: bool | None = None) -> Any:
    """A tensor from an array, list, scalar or variable.

    Args:
        x: Anything that NumPy could make an array of; a KerasTensor is returned as it is.
        dtype: Dtype of the result; that of `x` if None (float32 for Python floats, int32 for Python ints).
        sparse: Must be false: sparse tensors are not supported.
        ragged: Must be false: ragged tensors are not supported.
    """
    if sparse or ragged:
        raise ValueError("Sparse and ragged tensors are not supported.")
    if isinstance(x, KerasTensor):
        return x if dtype is None or standardize_dtype(dtype) == x.dtype else cast(x, dtype)
    if dtype is None:
        return x if isinstance(x, _core.Tensor) else _core.tensor(x)
    dtype = standardize_dtype(dtype)
    if isinstance(x, _core.Tensor):
        return x if x.dtype == dtype else _core.cast(x, dtype)
    return _core.tensor(x, dtype)


array = convert_to_tensor


def convert_to_numpy(x: Any) -> Any:
    """The values of a tensor as a NumPy array."""
    return x.numpy() if hasattr(x, "numpy") else _core.tensor(x).numpy()


def is_tensor(x: Any) -> bool:
    """Whether `x` is a tensor (a KerasTensor counts)."""
    return isinstance(x, (_core.Tensor, KerasTensor))


def shape(x: Any) -> tuple:
    """The dimensions of `x`; None where a KerasTensor's are unknown."""
    return tuple(x.shape) if hasattr(x, "shape") else tuple(_core.tensor(x).shape)


def ndim(x: Any) -> int:
    """The number of dimensions of `x`."""
    return len(shape(x))


def size(x: Any) -> int | None:
    """The number of elements of `x`; None if unknown."""
    total = 1
    for n in shape(x):
        if n is None:
            return None
        total *= n
    return total


def dtype(x: Any) -> str:
    """The dtype of `x`."""
    return standardize_dtype(x.dtype if hasattr(x, "dtype") else _core.tensor(x).dtype)


@op
def cast(x: Any, dtype: Any) -> Any:
    """`x` converted to another dtype."""
    return _core.cast(x, standardize_dtype(dtype))


@op
def copy(x: Any) -> Any:
    """`x` itself: tensors are immutable."""
    return convert_to_tensor(x)


@op
def stop_gradient(variable: Any) -> Any:
    """The same values, through which no gradient flows."""
    return _core.stop_gradient(variable)


def zeros(shape: Any, dtype: Any = None) -> Any:
    """Tensor full of zeros."""
    return full(shape, 0, dtype)


def ones(shape: Any, dtype: Any = None) -> Any:
    """Tensor full of ones."""
    return full(shape, 1, dtype)


empty = zeros


def full(shape: Any, fill_value: Any, dtype: Any = None) -> Any:
    """Tensor of one repeated value."""
    shape = [shape] if isinstance(shape, int) else list(shape)
    return _core.broadcast_to(_core.tensor(fill_value, standardize_dtype(dtype)), shape)


@op
def zeros_like(x: Any, dtype: Any = None) -> Any:
    """Zeros of the shape of `x`, and of its dtype if none is given."""
    return full_like(x, 0, dtype)


@op
def ones_like(x: Any, dtype: Any = None) -> Any:
    """Ones of the shape of `x`, and of its dtype if none is given."""
    return full_like(x, 1, dtype)


@op
def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Any:
    """One repeated value in the shape of `x`, and in its dtype if none is given."""
    x = convert_to_tensor(x)
    return full(x.shape, fill_value, x.dtype if dtype is None else dtype)


def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> Any:
    """Evenly spaced values from `start` (or 0) up to but without `stop`."""
    import numpy as np

    start, stop = (0, start) if stop is None else (start, stop)
    step = 1 if step is None else step
    if dtype is None:
        dtype = "int32" if all(isinstance(v, (int, np.integer)) for v in (start, stop, step)) else None
    return _core.tensor(np.arange(start, stop, step, dtype=standardize_dtype(dtype)))


def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """`num` evenly spaced values from `start` to `stop` along a new `axis`; also their distance if `retstep`."""
    import numpy as np

    dtype = standardize_dtype(dtype)
    values, step = np.linspace(start, stop, num, endpoint=endpoint, retstep=True, dtype=dtype, axis=axis)
    return (_core.tensor(values), _core.tensor(step, dtype)) if retstep else _core.tensor(values)


def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Any:
    """Ones on a diagonal, zeros elsewhere: shape (N, M), `k` counting the diagonals upwards from the main one."""
    import numpy as np

    return _core.tensor(np.eye(N, M, k, dtype=standardize_dtype(dtype)))


def identity(n: int, dtype: Any = None) -> Any:
    """The n x n identity matrix."""
    return eye(n, dtype=dtype)


def _triangle(x: Any, k: int, keep_lower: bool) -> Any:
    import numpy as np

    x = convert_to_tensor(x)
    lower = np.tri(*x.shape[-2:], k=k if keep_lower else k - 1, dtype=bool)
    return _core.where(lower if keep_lower else ~lower, x, _core.cast(_core.tensor(0), x.dtype))


@op
def tril(x: Any, k: int = 0) -> Any:
    """The lower triangle of matrices, up to diagonal `k`; zeros above."""
    return _triangle(x, k, keep_lower=True)


@op
def triu(x: Any, k: int = 0) -> Any:
    """The upper triangle of matrices, from diagonal `k` on; zeros below."""
    return _triangle(x, k, keep_lower=False)


@op
def reshape(x: Any, newshape: Any) -> Any:
    """The same elements in another shape; one dimension may be -1 (or None)."""
    newshape = [newshape] if isinstance(newshape, int) else newshape
    return _core.reshape(x, [-1 if n is None else int(n) for n in newshape])


@op
def ravel(x: Any) -> Any:
    """The elements of `x` in one dimension."""
    return _core.reshape(x, [-1])


@op
def expand_dims(x: Any, axis: Any) -> Any:
    """`x` with a new axis of size 1 at each position of `axis`."""
    return _core.expand_dims(x, axis)


@op
def squeeze(x: Any, axis: Any = None) -> Any:
    """`x` without the axes of size 1 (all, or those of `axis`)."""
    return _core.squeeze(x, axis)


@op
def transpose(x: Any, axes: Any = None) -> Any:
    """`x` with its axes permuted; reversed if `axes` is None."""
    return _core.transpose(x, axes)


@op
def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """`x` with two axes exchanged."""
    axes = list(range(ndim(x)))
    axes[axis1], axes[axis2] = axes[axis2], axes[axis1]
    return _core.transpose(x, axes)


@op
def moveaxis(x: Any, source: Any, destination: Any) -> Any:
    """`x` with the axes `source` moved to the positions `destination`."""
    n = ndim(x)
    source = [a % n for a in ([source] if isinstance(source, int) else source)]
    destination = [a % n for a in ([destination] if isinstance(destination, int) else destination)]
    axes = [a for a in range(n) if a not in source]
    for to, axis in sorted(zip(destination, source)):
        axes.insert(to, axis)
    return _core.transpose(x, axes)


@op
def broadcast_to(x: Any, shape: Any) -> Any:
    """`x` repeated along axes of size 1 (and new leading axes) until it has the given shape."""
    return _core.broadcast_to(x, list(shape))


@op
def concatenate(xs: Any, axis: int = 0) -> Any:
    """Tensors laid end to end along `axis`."""
    return _core.concatenate(list(xs), axis)


@op
def stack(x: Any, axis: int = 0) -> Any:
    """Tensors of one shape along a new axis."""
    return _core.stack(list(x), axis)


def hstack(xs: Any) -> Any:
    """Tensors laid end to end along their second axis (the first for vectors)."""
    return concatenate(xs, axis=0 if ndim(xs[0]) == 1 else 1)


def vstack(xs: Any) -> Any:
    """Tensors laid end to end along their first axis; vectors count as rows."""
    return concatenate([expand_dims(x, 0) if ndim(x) == 1 else x for x in xs], axis=0)


@op
def unstack(x: Any, num: int | None = None, axis: int = 0) -> list:
    """The slices of `x` along `axis`, without that axis."""
    x = convert_to_tensor(x)
    return [_core.squeeze(part, axis) for part in _core.split(x, x.shape[axis] if num is None else num, axis)]


@op
def split(x: Any, indices_or_sections: Any, axis: int = 0) -> list:
    """`x` cut along `axis` into equal sections, or at the given positions."""
    return list(_core.split(x, indices_or_sections, axis))


@op
def slice(inputs: Any, start_indices: Any, shape: Any) -> Any:
    """The block of `inputs` that begins at `start_indices` and has the given shape."""
    return _core.slice(inputs, [int(i) for i in start_indices], [int(n) for n in shape])


@op
def get_item(x: Any, key: Any) -> Any:
    """`x[key]`. A list counts as a tuple, which is what becomes of it in a file; indices of rows must be a tensor."""
    return convert_to_tensor(x)[tuple(key) if isinstance(key, list) else key]


@op
def flip(x: Any, axis: Any = None) -> Any:
    """`x` with its elements reversed along `axis` (all axes if None)."""
    return _core.flip(x, list(range(ndim(x))) if axis is None else axis)


@op
def roll(x: Any, shift: int, axis: int | None = None) -> Any:
    """`x` with its elements shifted along `axis`; those pushed out come in at the other end."""
    if axis is None:
        return _core.reshape(roll(_core.reshape(x, [-1]), shift, 0), list(shape(x)))
    n = shape(x)[axis]
    shift = shift % n if n else 0
    if not shift:
        return convert_to_tensor(x)
    return _core.concatenate(list(_core.split(x, [n - shift], axis))[::-1], axis)


@op
def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Any:
    """`x` with a margin.

    Args:
        x: Tensor.
        pad_width: One number, one (before, after) pair, or one pair per axis.
        mode: `"constant"`, `"reflect"` or `"symmetric"`.
        constant_values: What a constant margin is made of; 0 if None.
    """
    if constant_values is not None and mode != "constant":
        raise ValueError(
            "Argument `constant_values` can only be provided when `mode == 'constant'`. "
            f"Received: mode={mode}, constant_values={constant_values}"
        )
    n = ndim(x)
    if isinstance(pad_width, int):
        pad_width = [(pad_width, pad_width)] * n
    elif isinstance(pad_width[0], int):
        before, after = pad_width if len(pad_width) == 2 else pad_width * 2
        pad_width = [(before, after)] * n
    elif len(pad_width) == 1:
        pad_width = list(pad_width) * n
    return _core.pad(x, [tuple(p) for p in pad_width], mode, 0 if constant_values is None else constant_values)


@op
def tile(x: Any, repeats: Any) -> Any:
    """Copies of `x` laid side by side, `repeats[i]` times along axis i."""
    return _core.tile(x, [repeats] if isinstance(repeats, int) else list(repeats))


@op
def repeat(x: Any, repeats: int, axis: int | None = None) -> Any:
    """Each element along `axis` repeated; of the flattened tensor if None."""
    if axis is None:
        x, axis = _core.reshape(x, [-1]), 0
    return _core.repeat(x, repeats, axis)


@op
def take(x: Any, indices: Any, axis: int | None = None) -> Any:
    """The slices of `x` along `axis` that `indices` (integers, any shape) name."""
    return _core.take(x, indices, axis)


@op
def take_along_axis(x: Any, indices: Any, axis: int | None = None) -> Any:
    """One element of `x` per index, along `axis`."""
    if axis is None:
        return _core.take(x, _core.reshape(indices, [-1]), None)
    return _core.take_along_axis(x, indices, axis)


@op
def sort(x: Any, axis: int = -1) -> Any:
    """`x` in ascending order along `axis`."""
    return _core.sort(x, axis)


@op
def argsort(x: Any, axis: int = -1) -> Any:
    """The positions (int32) that sort `x` along `axis`."""
    return _core.argsort(x, axis)


@op
def top_k(x: Any, k: int, sorted: bool = True) -> tuple[Any, Any]:
    """The `k` largest elements along the last axis in descending order, and their positions (int32)."""
    return tuple(_core.top_k(x, k))


__all__ = public_names(globals())

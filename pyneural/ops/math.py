"""Element-wise functions, reductions and products of tensors, under NumPy's names."""

from __future__ import annotations

from typing import Any

from pyneural import _core
from pyneural.dtypes import is_float, standardize_dtype
from pyneural.ops.wrap import binary_ops, op, public_names, unary_ops

_UNARY = {
    "negative": "-x",
    "absolute": "absolute value",
    "sign": "sign: -1, 0 or 1",
    "exp": "exponential",
    "expm1": "exp(x) - 1, accurate near 0",
    "log": "natural logarithm",
    "log1p": "log(1 + x), accurate near 0",
    "sqrt": "square root",
    "rsqrt": "1 / sqrt(x)",
    "square": "square",
    "reciprocal": "1 / x",
    "sin": "sine",
    "cos": "cosine",
    "tan": "tangent",
    "sinh": "hyperbolic sine",
    "cosh": "hyperbolic cosine",
    "tanh": "hyperbolic tangent",
    "arcsin": "inverse sine",
    "arccos": "inverse cosine",
    "arctan": "inverse tangent",
    "erf": "error function",
    "floor": "largest integer not above x",
    "ceil": "smallest integer not below x",
    "logical_not": "truth of not x",
    "isnan": "whether x is NaN",
    "isinf": "whether x is infinite",
    "isfinite": "whether x is neither NaN nor infinite",
}
_BINARY = {
    "add": "x1 + x2",
    "subtract": "x1 - x2",
    "multiply": "x1 * x2",
    "divide": "x1 / x2",
    "floor_divide": "floor(x1 / x2)",
    "mod": "remainder of x1 / x2, with the sign of x2",
    "power": "x1 to the power x2",
    "maximum": "larger of x1 and x2",
    "minimum": "smaller of x1 and x2",
    "arctan2": "angle of the point (x2, x1)",
    "equal": "x1 == x2",
    "not_equal": "x1 != x2",
    "less": "x1 < x2",
    "less_equal": "x1 <= x2",
    "greater": "x1 > x2",
    "greater_equal": "x1 >= x2",
    "logical_and": "truth of x1 and x2",
    "logical_or": "truth of x1 or x2",
}
globals().update(unary_ops(_UNARY))
globals().update(binary_ops(_BINARY))
abs = globals()["absolute"]
true_divide = globals()["divide"]

add, subtract, multiply, divide = (globals()[name] for name in ("add", "subtract", "multiply", "divide"))
_sqrt, _square, _log, _maximum = (globals()[name] for name in ("sqrt", "square", "log", "maximum"))


@op
def divide_no_nan(x1: Any, x2: Any) -> Any:
    """x1 / x2, 0 where x2 is 0."""
    none = _core.equal(x2, 0)
    return _core.where(none, 0.0, _core.divide(x1, _core.where(none, 1.0, x2)))


@op
def round(x: Any, decimals: int = 0) -> Any:
    """The nearest number with that many decimals, ties to even."""
    if decimals == 0:
        return _core.round(x)
    return _core.divide(_core.round(_core.multiply(x, 10.0**decimals)), 10.0**decimals)


@op
def where(condition: Any, x1: Any, x2: Any) -> Any:
    """Elements of `x1` where `condition` holds, of `x2` elsewhere; the three are broadcast."""
    return _core.where(condition, x1, x2)


@op
def clip(x: Any, x_min: Any, x_max: Any) -> Any:
    """`x` with elements below `x_min` or above `x_max` replaced by these."""
    return _core.clip(x, x_min, x_max)


@op
def cast(x: Any, dtype: Any) -> Any:
    """`x` converted to another dtype."""
    return _core.cast(x, standardize_dtype(dtype))


@op
def logical_xor(x1: Any, x2: Any) -> Any:
    """Element-wise truth of either x1 or x2 but not both."""
    return _core.not_equal(_core.cast(x1, "bool"), _core.cast(x2, "bool"))


@op
def sum(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Sum of elements over `axis` (int, tuple, or None for all)."""
    return _core.sum(x, axis, keepdims)


@op
def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Mean of elements over `axis` (int, tuple, or None for all)."""
    return _core.mean(x, axis, keepdims)


@op
def prod(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Product of elements over `axis`."""
    return _core.prod(x, axis, keepdims)


@op
def max(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Largest element over `axis`."""
    return _core.max(x, axis, keepdims)


@op
def min(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Smallest element over `axis`."""
    return _core.min(x, axis, keepdims)


amax, amin = max, min


@op
def var(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Variance (mean squared distance from the mean) over `axis`."""
    return _core.var(x, axis, keepdims)


@op
def std(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Standard deviation over `axis`."""
    return _core.std(x, axis, keepdims)


@op
def any(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Whether some element over `axis` is true."""
    return _core.any(x, axis, keepdims)


@op
def all(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Whether all elements over `axis` are true."""
    return _core.all(x, axis, keepdims)


@op
def count_nonzero(x: Any, axis: Any = None) -> Any:
    """Number of elements over `axis` that are not zero."""
    return _core.count_nonzero(x, axis)


@op
def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Logarithm of the sum of exponentials over `axis`, without overflow."""
    return _core.logsumexp(x, axis, keepdims)


@op
def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Position (int32) of the largest element over `axis`; the first one of several."""
    return _core.argmax(x, axis, keepdims)


@op
def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Position (int32) of the smallest element over `axis`; the first one of several."""
    return _core.argmin(x, axis, keepdims)


@op
def cumsum(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """Running sum along `axis`; over the flattened tensor if None."""
    if axis is None:
        x, axis = _core.reshape(x, [-1]), 0
    total = _core.cumsum(x, axis)
    return total if dtype is None else _core.cast(total, standardize_dtype(dtype))


@op
def average(x: Any, axis: Any = None, weights: Any = None) -> Any:
    """Mean over `axis`, weighted by `weights` if given: of the shape of `x`, or one weight per element of `axis`."""
    if weights is None:
        return _core.mean(x, axis)
    x, weights = _tensor(x), _tensor(weights)
    if weights.ndim == 1 and x.ndim > 1:
        if axis is None:
            raise ValueError("Argument `axis` must be given when `x` and `weights` differ in shape.")
        weights = _core.reshape(weights, [-1 if a == axis % x.ndim else 1 for a in range(x.ndim)])
    weights = _core.broadcast_to(weights, list(x.shape))
    return divide(_core.sum(multiply(x, weights), axis), _core.sum(weights, axis))


@op
def moments(x: Any, axes: Any, keepdims: bool = False, synchronized: bool = False) -> tuple[Any, Any]:
    """Mean and variance of `x` over `axes`."""
    if synchronized:
        raise NotImplementedError("Argument `synchronized=True` is not supported.")
    return _core.mean(x, axes, keepdims), _core.var(x, axes, keepdims)


@op
def matmul(x1: Any, x2: Any) -> Any:
    """Matrix product over the last two axes; the axes before them are broadcast."""
    return _core.matmul(x1, x2)


@op
def dot(x1: Any, x2: Any) -> Any:
    """Product over the last axis of `x1` and the last but one of `x2` (its only one if it has rank 1)."""
    x1, x2 = _tensor(x1), _tensor(x2)
    if x1.ndim == 0 or x2.ndim == 0:
        return multiply(x1, x2)
    return _contract(x1, x2, [x1.ndim - 1], [_inner_axis(x2)])


@op
def tensordot(x1: Any, x2: Any, axes: Any = 2) -> Any:
    """Sum of products over `axes`: a number of axes, or a pair of (lists of) axes of `x1` and `x2`."""
    x1, x2 = _tensor(x1), _tensor(x2)
    if isinstance(axes, int):
        first, second = range(x1.ndim - axes, x1.ndim), range(axes)
    else:
        first, second = ([a] if isinstance(a, int) else a for a in axes)
    return _contract(x1, x2, [a % x1.ndim for a in first], [a % x2.ndim for a in second])


@op
def outer(x1: Any, x2: Any) -> Any:
    """All products of an element of `x1` and one of `x2`: shape (size of x1, size of x2)."""
    return multiply(_core.reshape(x1, [-1, 1]), _core.reshape(x2, [1, -1]))


@op
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """Vector norm over `axis`: 2 (the default), 1, infinity or any other positive order."""
    if ord is None or ord == 2:
        return _sqrt(_core.sum(_square(x), axis, keepdims))
    magnitude = _core.absolute(x)
    if ord == float("inf"):
        return _core.max(magnitude, axis, keepdims)
    if ord == 1:
        return _core.sum(magnitude, axis, keepdims)
    return _core.power(_core.sum(_core.power(magnitude, ord), axis, keepdims), 1.0 / ord)


@op
def log2(x: Any) -> Any:
    """Element-wise logarithm to base 2."""
    return multiply(_log(x), 1.4426950408889634)


@op
def log10(x: Any) -> Any:
    """Element-wise logarithm to base 10."""
    return multiply(_log(x), 0.4342944819032518)


@op
def logaddexp(x1: Any, x2: Any) -> Any:
    """Element-wise log(exp(x1) + exp(x2)), without overflow."""
    return add(_maximum(x1, x2), _core.log1p(_core.exp(_core.negative(_core.absolute(subtract(x1, x2))))))


@op
def isclose(x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """Whether |x1 - x2| <= atol + rtol * |x2|, element-wise."""
    near = _core.less_equal(_core.absolute(subtract(x1, x2)), add(multiply(_core.absolute(x2), rtol), atol))
    near = _core.logical_or(near, _core.equal(x1, x2))
    if equal_nan:
        near = _core.logical_or(near, _core.logical_and(_core.isnan(x1), _core.isnan(x2)))
    return near


@op
def allclose(x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """Whether `isclose` holds everywhere."""
    return _core.all(isclose(x1, x2, rtol, atol, equal_nan))


@op
def nan_to_num(x: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Any:
    """`x` with NaN replaced by `nan`, and infinities by `posinf` and `neginf` (the largest finite numbers if None)."""
    x = _tensor(x)
    if not is_float(x.dtype):
        return x
    largest = 1.7976931348623157e308 if x.dtype == "float64" else 3.4028234663852886e38
    high = largest if posinf is None else posinf
    low = -largest if neginf is None else neginf
    infinite = _core.isinf(x)
    x = _core.where(_core.logical_and(infinite, _core.greater(x, 0.0)), high, x)
    x = _core.where(_core.logical_and(infinite, _core.less(x, 0.0)), low, x)
    return _core.where(_core.isnan(x), nan, x)


def _inner_axis(x: Any) -> int:
    """The axis of `x` that `dot` sums over, as second operand."""
    return x.ndim - 2 if x.ndim > 1 else 0


def _tensor(x: Any) -> Any:
    return x if isinstance(x, _core.Tensor) else _core.tensor(x)


def _contract(x1: Any, x2: Any, axes1: list[int], axes2: list[int]) -> Any:
    """Sum of products over pairs of axes as one matrix product."""
    kept1 = [a for a in range(x1.ndim) if a not in axes1]
    kept2 = [a for a in range(x2.ndim) if a not in axes2]
    inner = [x1.shape[a] for a in axes1]
    if inner != [x2.shape[a] for a in axes2]:
        raise ValueError(
            f"Axes {axes1} of a tensor of shape {x1.shape} and axes {axes2} of a tensor of shape {x2.shape} "
            "have different sizes."
        )
    size = 1
    for n in inner:
        size *= n
    rows, columns = [x1.shape[a] for a in kept1], [x2.shape[a] for a in kept2]
    left = _core.reshape(_core.transpose(x1, kept1 + axes1), [_product(rows), size])
    right = _core.reshape(_core.transpose(x2, axes2 + kept2), [size, _product(columns)])
    return _core.reshape(_core.matmul(left, right), rows + columns)


def _product(sizes: list[int]) -> int:
    total = 1
    for n in sizes:
        total *= n
    return total


__all__ = public_names(globals())

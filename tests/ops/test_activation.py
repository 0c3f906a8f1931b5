"""Accuracy, special values and second derivatives of the activations."""

from __future__ import annotations

import numpy as np
import pytest

from pyneural import _core
from tests.ops.ulp import largest_error, slack, sweep
from tests.reference import activation as reference

# Below these arguments exp underflows, and the product with x loses the bits that a denormal does not have.
ACCURACY = [
    ("sigmoid", {}, -np.inf, 2.0),
    ("softplus", {}, -np.inf, 2.0),
    ("softsign", {}, -np.inf, 2.0),
    ("silu", {}, -87, 3.0),
    ("mish", {}, -87, 5.0),
    ("elu", {}, -np.inf, 1.5),
    ("selu", {}, -np.inf, 2.5),
    ("gelu", {"approximate": False}, -np.inf, 4.0),
    ("gelu", {"approximate": True}, -9.5, 4.0),
]


@pytest.mark.parametrize(("op", "options", "low", "limit"), ACCURACY)
def test_error_in_ulp(op: str, options: dict, low: float, limit: float) -> None:
    count = 200_000 if options else 1_000_000
    x = sweep(low, 1e30, count)
    x = np.concatenate([x[np.isfinite(x)], np.linspace(-9, 1, count, dtype="float32")])

    def mish(x):
        e = np.exp(np.minimum(x, 40))
        n = e * (e + 2)
        return x * (n / (n + 2))

    truth = {"mish": mish}.get(op) or getattr(reference, op)
    error, where = largest_error(lambda x: getattr(_core, op)(x, **options), lambda x: truth(x, **options), x)
    assert error <= limit + slack(), f"{error} ULP at {where!r}"


@pytest.mark.parametrize(
    "op",
    ["relu", "relu6", "leaky_relu", "elu", "selu", "sigmoid", "tanh", "softplus", "silu", "gelu", "mish", "hard_silu"],
)
def test_nan_stays(op: str) -> None:
    assert np.isnan(np.asarray(getattr(_core, op)(np.array([np.nan, 1], "float32"))))[0]


def test_relu_of_infinity() -> None:
    x = np.array([-np.inf, np.inf], "float32")
    np.testing.assert_array_equal(np.asarray(_core.relu(x)), [0, np.inf])
    np.testing.assert_array_equal(np.asarray(_core.relu(x, 0.0, 5.0, 1.0)), [0, 5])


def test_gradient_of_elu_is_finite_for_large_arguments() -> None:
    x = _core.tensor(np.array([1e4, -1e4]))
    _core.watch(x)
    _core.start_recording()
    try:
        y = _core.elu(x, 0.3)
    finally:
        _core.stop_recording()
    (dx,) = _core.gradients([y], [x])
    np.testing.assert_array_equal(np.asarray(dx), [1, 0])


@pytest.mark.parametrize(
    "op", ["sigmoid", "tanh", "softplus", "softsign", "elu", "selu", "silu", "gelu", "hard_silu", "relu"]
)
def test_second_derivative(op: str) -> None:
    options = {"approximate": False} if op == "gelu" else {}
    points = np.array([-2.3, -0.7, 0.4, 1.9])

    def slope(points):
        x = _core.tensor(points)
        _core.watch(x)
        _core.start_recording()
        try:
            (first,) = _core.gradients([getattr(_core, op)(x, **options)], [x])
        finally:
            _core.stop_recording()
        return x, first

    x, first = slope(points)
    (second,) = _core.gradients([first], [x])
    step = 1e-6
    wanted = (np.asarray(slope(points + step)[1]) - np.asarray(slope(points - step)[1])) / (2 * step)
    actual = np.zeros(4) if second is None else np.asarray(second)
    np.testing.assert_allclose(actual, wanted, atol=1e-7)


def test_a_missing_second_derivative_is_an_error() -> None:
    x = _core.tensor(np.ones(2))
    _core.watch(x)
    _core.start_recording()
    try:
        (first,) = _core.gradients([_core.mish(x)], [x])
    finally:
        _core.stop_recording()
    with pytest.raises(TypeError, match="second derivative"):
        _core.gradients([first], [x])

"""Every sample of every op: forward and gradient against float64, plan against eager, any number of threads."""

from __future__ import annotations

import importlib
import pkgutil
import re

import numpy as np
import pytest

from pyneural import _core
from tests.ops import samples
from tests.ops.sample import Sample

ALL: list[Sample] = []
for module_info in sorted(pkgutil.iter_modules(samples.__path__), key=lambda info: info.name):
    ALL += importlib.import_module(f"tests.ops.samples.{module_info.name}").SAMPLES

VALID = [s for s in ALL if s.error is None]
DIFFERENTIABLE = [s for s in VALID if s.differentiable]
ERRORS = [s for s in ALL if s.error is not None]


def with_id(table: list[Sample]) -> list:
    return [pytest.param(s, id=s.id()) for s in table]


def as_tuple(result) -> tuple:
    """The results that are there: an op gives None in place of an optional one."""
    return tuple(r for r in result if r is not None) if isinstance(result, tuple | list) else (result,)


def run(sample: Sample, args, kwargs) -> tuple[np.ndarray, ...]:
    return tuple(np.asarray(r) for r in as_tuple(getattr(_core, sample.op)(*args, **kwargs)))


def expected(sample: Sample, args, kwargs) -> tuple[np.ndarray, ...]:
    """The reference on the values that the op saw, in float64."""

    def widen(value):
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            return value.astype("float64")
        if isinstance(value, list | tuple) and any(isinstance(v, np.ndarray) for v in value):
            return type(value)(widen(v) for v in value)
        return value

    result = sample.reference(*(widen(a) for a in args), **{k: widen(v) for k, v in kwargs.items()})
    return tuple(np.asarray(r) for r in as_tuple(result))


def check_close(actual: np.ndarray, wanted: np.ndarray, epsilon: float, sample: Sample) -> None:
    assert actual.shape == wanted.shape
    if actual.dtype.kind in "biu":
        np.testing.assert_array_equal(actual, wanted)
        return
    finite = np.abs(wanted[np.isfinite(wanted)])
    scale = max(1.0, float(finite.max())) if finite.size else 1.0
    tolerance = (sample.ulps + sample.depth) * epsilon
    np.testing.assert_allclose(actual, wanted, rtol=tolerance, atol=tolerance * scale)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sample", with_id(VALID))
def test_forward_matches_reference(sample: Sample, dtype: str) -> None:
    args, kwargs = sample.cast(dtype)
    for actual, wanted in zip(run(sample, args, kwargs), expected(sample, args, kwargs), strict=True):
        check_close(actual, wanted, np.finfo(dtype).eps, sample)


def op_gradients(sample: Sample, dtype: str, seeds) -> list[np.ndarray]:
    """Gradients of sum(outputs * seeds) with respect to the differentiable arguments."""
    args, kwargs = sample.cast(dtype)
    args = list(args)
    for i in sample.differentiable:
        args[i] = _core.tensor(args[i])
        _core.watch(args[i])
    _core.start_recording()
    try:
        outputs = as_tuple(getattr(_core, sample.op)(*args, **kwargs))
    finally:
        _core.stop_recording()
    pairs = [(o, s) for o, s in zip(outputs, seeds, strict=True) if s is not None]
    grads = _core.gradients(
        [o for o, _ in pairs],
        [args[i] for i in sample.differentiable],
        [_core.tensor(s.astype(dtype)) for _, s in pairs],
    )
    return [
        np.zeros(args[i].shape) if g is None else np.asarray(g)
        for g, i in zip(grads, sample.differentiable, strict=True)
    ]


def make_seeds(sample: Sample) -> list[np.ndarray | None]:
    rng = np.random.default_rng(7)
    args, kwargs = sample.cast("float64")
    return [rng.normal(size=w.shape) if w.dtype.kind == "f" else None for w in expected(sample, args, kwargs)]


@pytest.mark.parametrize("sample", with_id(DIFFERENTIABLE))
def test_gradient_matches_finite_differences(sample: Sample) -> None:
    seeds = make_seeds(sample)
    grads = op_gradients(sample, "float64", seeds)
    args, kwargs = sample.cast("float64")

    def objective(position: int, x: np.ndarray) -> float:
        changed = tuple(x if i == position else a for i, a in enumerate(args))
        results = expected(sample, changed, kwargs)
        return sum(float(np.sum(r * s)) for r, s in zip(results, seeds, strict=True) if s is not None)

    rng = np.random.default_rng(11)
    step = 1e-6
    for position, grad in zip(sample.differentiable, grads, strict=True):
        x = args[position]
        assert grad.shape == x.shape
        if x.size <= 24:
            directions = np.eye(x.size).reshape(x.size, *x.shape)
        else:
            directions = rng.normal(size=(6, *x.shape))
        for direction in directions:
            difference = (objective(position, x + step * direction) - objective(position, x - step * direction)) / (
                2 * step
            )
            product = float(np.sum(grad * direction))
            scale = max(1.0, abs(difference), float(np.abs(grad * direction).sum()))
            assert abs(difference - product) <= 10 * sample.grad_tolerance * scale


@pytest.mark.parametrize("sample", with_id(DIFFERENTIABLE))
def test_float32_gradient_matches_float64(sample: Sample) -> None:
    seeds = make_seeds(sample)
    for actual, wanted in zip(
        op_gradients(sample, "float32", seeds), op_gradients(sample, "float64", seeds), strict=True
    ):
        scale = max(1.0, float(np.abs(wanted).max())) if wanted.size else 1.0
        tolerance = 4 * (sample.ulps + sample.depth) * np.finfo("float32").eps
        np.testing.assert_allclose(actual, wanted, rtol=tolerance, atol=tolerance * scale)


@pytest.mark.parametrize("sample", with_id(VALID))
def test_plan_gives_the_bits_of_eager(sample: Sample) -> None:
    args, kwargs = sample.cast("float32")
    eager = run(sample, args, kwargs)
    trace = _core.Trace()
    inputs = []
    with trace:
        symbolic = []
        for a in args:
            if isinstance(a, np.ndarray):
                inputs.append(a)
                symbolic.append(trace.input(a.shape, str(a.dtype)))
            else:
                symbolic.append(a)
        plan = trace.compile(list(as_tuple(getattr(_core, sample.op)(*symbolic, **kwargs))))
    for planned, wanted in zip(plan.run(inputs), eager, strict=True):
        np.testing.assert_array_equal(np.asarray(planned), wanted)


@pytest.mark.parametrize("sample", with_id(VALID))
def test_same_bits_for_any_number_of_threads(sample: Sample, many_threads) -> None:
    args, kwargs = sample.cast("float32")
    results = []
    for threads in (1, 2, 4):
        many_threads(threads)
        results.append(run(sample, args, kwargs))
    for other in results[1:]:
        for one, two in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("sample", with_id(ERRORS))
def test_bad_input_is_a_clear_error(sample: Sample) -> None:
    error, pattern = sample.error
    with pytest.raises(error) as caught:
        getattr(_core, sample.op)(*sample.args, **sample.kwargs)
    assert re.search(pattern, str(caught.value)), str(caught.value)

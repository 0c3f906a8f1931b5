"""Chains of element-wise ops become one op in a plan, with the same bits."""

from __future__ import annotations

import numpy as np
import pytest

from pyneural import _core


def compile_chain(function, *arrays, outputs=1):
    trace = _core.Trace()
    with trace:
        symbols = [trace.input(a.shape, str(a.dtype)) for a in arrays]
        result = function(*symbols)
        return trace.compile([result] if outputs == 1 else list(result))


def steps_of(plan) -> str:
    return plan.describe()


def check_bits(plan, function, *arrays):
    (planned,) = plan.run(list(arrays))
    np.testing.assert_array_equal(np.asarray(planned), np.asarray(function(*arrays)))


def chain(x, row, column, scale):
    h = _core.add(_core.multiply(x, row), column)
    gate = _core.multiply(_core.tanh(h), _core.sigmoid(h))
    return _core.subtract(_core.divide(gate, scale), _core.exp(_core.negative(_core.square(x))))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(3, 5), (64, 100), (7, 513), (1000, 77), (0, 4)])
def test_bits_of_a_chain(shape: tuple[int, int], dtype: str) -> None:
    rng = np.random.default_rng(0)
    x, row, column, scale = (rng.uniform(0.5, 2, size=s).astype(dtype) for s in [shape, shape[1:], (shape[0], 1), ()])
    plan = compile_chain(chain, x, row, column, scale)
    assert steps_of(plan).count("fused_elementwise") == 1
    for op in ("tanh", "sigmoid", "exp", "divide"):
        assert op not in steps_of(plan)
    check_bits(plan, chain, x, row, column, scale)


def test_a_value_that_is_read_outside_is_not_swallowed() -> None:
    x = np.random.default_rng(1).normal(size=(40, 30)).astype("float32")

    def function(x):
        y = _core.tanh(x)
        return _core.add(_core.exp(y), 1.0), y

    plan = compile_chain(function, x, outputs=2)
    assert steps_of(plan).count("tanh") == 1
    z, y = plan.run([x])
    np.testing.assert_array_equal(np.asarray(y), np.asarray(_core.tanh(x)))
    np.testing.assert_array_equal(np.asarray(z), np.asarray(_core.add(_core.exp(_core.tanh(x)), 1.0)))


def test_a_value_that_is_read_twice_inside_is_computed_once() -> None:
    x = np.random.default_rng(2).normal(size=(33, 21)).astype("float32")

    def function(x):
        y = _core.tanh(x)
        return _core.multiply(_core.exp(y), _core.subtract(y, _core.multiply(y, y)))

    plan = compile_chain(function, x)
    assert steps_of(plan).count("fused_elementwise") == 1
    check_bits(plan, function, x)


@pytest.mark.parametrize("length", [2, 40, 44, 45, 100])
def test_chains_longer_than_a_program(length: int) -> None:
    x = np.linspace(-1, 1, 1300, dtype="float32")

    def function(x):
        for i in range(length):
            x = _core.sin(x) if i % 2 else _core.tanh(x)
        return x

    check_bits(compile_chain(function, x), function, x)


def test_many_operands() -> None:
    rng = np.random.default_rng(3)
    arrays = [rng.normal(size=(50, 60) if i % 3 else (60,)).astype("float32") for i in range(20)]

    def function(*arrays):
        total = _core.square(arrays[0])
        for a in arrays[1:]:
            total = _core.add(total, _core.multiply(a, total))
        return total

    check_bits(compile_chain(function, *arrays), function, *arrays)


def test_a_smaller_operand_is_computed_on_its_own() -> None:
    rng = np.random.default_rng(4)
    x, row = rng.normal(size=(200, 30)).astype("float32"), rng.normal(size=30).astype("float32")

    def function(x, row):
        return _core.add(_core.tanh(x), _core.exp(row))

    plan = compile_chain(function, x, row)
    assert "exp" in steps_of(plan)
    check_bits(plan, function, x, row)


def test_same_bits_for_any_number_of_threads(many_threads) -> None:
    rng = np.random.default_rng(5)
    arrays = [rng.uniform(0.5, 2, size=s).astype("float32") for s in [(300, 1000), (1000,), (300, 1), ()]]
    plan = compile_chain(chain, *arrays)
    results = []
    for threads in (1, 2, 4):
        many_threads(threads)
        results.append(np.asarray(plan.run(arrays)[0]).copy())
    for other in results[1:]:
        np.testing.assert_array_equal(other, results[0])


def test_gradients_in_a_plan_have_the_bits_of_the_tape() -> None:
    rng = np.random.default_rng(6)
    x, row = rng.normal(size=(70, 33)).astype("float32"), rng.normal(size=33).astype("float32")

    def function(x, row):
        return _core.gelu(_core.multiply(_core.silu(_core.add(x, row)), _core.softplus(x)), approximate=False)

    trace = _core.Trace()
    with trace:
        symbols = [trace.input(a.shape, "float32") for a in (x, row)]
        for symbol in symbols:
            _core.watch(symbol)
        plan = trace.compile(_core.gradients([function(*symbols)], symbols))
    assert "fused_elementwise" in steps_of(plan)
    tensors = [_core.tensor(a) for a in (x, row)]
    for tensor in tensors:
        _core.watch(tensor)
    _core.start_recording()
    try:
        y = function(*tensors)
    finally:
        _core.stop_recording()
    for planned, wanted in zip(plan.run([x, row]), _core.gradients([y], tensors), strict=True):
        np.testing.assert_array_equal(np.asarray(planned), np.asarray(wanted))


def test_a_constant_whose_elements_are_all_alike_is_read_once() -> None:
    """As 1 / count is, with which the gradient of a mean begins."""
    x, y = np.random.default_rng(7).normal(size=(2, 40, 30)).astype("float32")

    def loss(x, y):
        mean = _core.mean(_core.squared_difference(x, y))
        return [mean, *_core.gradients([mean], [y])]

    plan = compile_chain(loss, x, y, outputs=2)
    step = next(line for line in steps_of(plan).splitlines() if line.startswith("fused_elementwise"))
    assert step.count("float32(40, 30)") == 3  # both arrays and the result
    gradient = plan.run([x, y])[1]
    np.testing.assert_array_equal(np.asarray(gradient), np.float32(1 / 1200) * 2 * (y - x))


@pytest.mark.parametrize("constant", [np.full((4, 1), 3, "float32"), np.full((4, 5), 3, "float32")])
def test_a_constant_that_tells_the_shape_stays(constant: np.ndarray) -> None:
    x = np.arange(5, dtype="float32")
    plan = compile_chain(lambda x: _core.exp(_core.multiply(x, _core.tensor(constant))), x)
    (planned,) = plan.run([x])
    assert planned.shape == (4, 5)
    np.testing.assert_array_equal(np.asarray(planned), np.asarray(_core.exp(np.broadcast_to(x, (4, 5)) * constant)))

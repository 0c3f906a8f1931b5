"""The gradient walk, eagerly and in a trace."""

import numpy as np
import pytest

from pyneural import _core


@pytest.fixture
def recording():
    _core.start_recording()
    yield
    _core.stop_recording()


def watched(*values):
    x = _core.tensor(list(values))
    _core.watch(x)
    return x


def test_product_rule_and_fan_out(recording):
    x = watched(2.0, 3.0)
    (grad,) = _core.gradients([x * x + x], [x])
    np.testing.assert_array_equal(grad, [5, 7])


def test_no_path_gives_none(recording):
    x, y = watched(1.0), watched(2.0)
    grads = _core.gradients([x * 2], [x, y])
    assert grads[1] is None
    np.testing.assert_array_equal(grads[0], [2])


def test_the_target_may_be_the_source(recording):
    x = watched(1.0, 2.0)
    np.testing.assert_array_equal(_core.gradients([x], [x])[0], [1, 1])


def test_an_intermediate_source_and_what_lies_below_it(recording):
    x = watched(3.0)
    y = x * x
    dy, dx = _core.gradients([y * y], [y, x])
    np.testing.assert_array_equal(dy, [18])
    np.testing.assert_array_equal(dx, [108])


def test_stop_gradient(recording):
    x = watched(3.0)
    np.testing.assert_array_equal(_core.gradients([_core.stop_gradient(x) * x], [x])[0], [3])


def test_seeds_weigh_the_targets(recording):
    x = watched(1.0, 2.0)
    (grad,) = _core.gradients([x * 3], [x], [np.array([1, 10], "float32")])
    np.testing.assert_array_equal(grad, [3, 30])
    with pytest.raises(ValueError, match="shape"):
        _core.gradients([x * 3], [x], [np.ones(3, "float32")])


def test_second_derivative(recording):
    x = watched(2.0)
    (first,) = _core.gradients([x * x * x], [x])
    (second,) = _core.gradients([first], [x])
    np.testing.assert_allclose(second, [12])


def test_a_variable_read_many_times(recording):
    v = _core.Variable(np.array([2.0], "float32"))
    y = v * v
    y = y * v.value
    np.testing.assert_allclose(_core.gradients([y], [v])[0], [12])


def test_nothing_is_recorded_outside():
    x = watched(2.0)
    assert _core.gradients([x * x], [x])[0] is None


def test_broadcast_gradients_have_the_operand_shape(recording):
    a = _core.tensor(np.ones((3, 1), "float32"))
    b = _core.tensor(np.ones(4, "float32"))
    _core.watch(a)
    _core.watch(b)
    da, db = _core.gradients([a * b], [a, b])
    np.testing.assert_array_equal(da, np.full((3, 1), 4))
    np.testing.assert_array_equal(db, np.full(4, 3))


def test_a_very_long_chain_is_taken_apart(recording):
    x = watched(1.0)
    y = x
    for _ in range(50_000):
        y = y + 0.0
    (grad,) = _core.gradients([y], [x])
    np.testing.assert_array_equal(grad, [1])
    del y


def test_the_same_in_a_trace():
    t = _core.Trace()
    with t:
        x = t.input((2,))
        (grad,) = _core.gradients([_core.exp(x) * x], [x])
        plan = t.compile([grad])
    value = np.array([0.5, 1], "float32")
    np.testing.assert_allclose(plan.run([value])[0], np.exp(value) * (1 + value), rtol=1e-6)


def test_integer_targets_are_refused(recording):
    x = watched(1.0)
    with pytest.raises(TypeError, match="int32"):
        _core.gradients([_core.cast(x, "int32")], [x])


def test_what_has_no_gradient_rule_is_an_error(recording):
    x = watched(1.0, 2.0)
    (first,) = _core.gradients([_core.softmax(x)], [x], [np.array([1, 0], "float32")])
    with pytest.raises(TypeError, match=r"softmax_grad.*no gradient rule"):
        _core.gradients([first], [x])


def test_constant_gradients_stay_apart_in_a_plan():
    with _core.Trace() as trace:
        a, b = trace.input((4,), "float32"), trace.input((4,), "float32")
        plan = trace.compile(_core.gradients([_core.sum(a) - _core.sum(b)], [a, b]))
    found = plan.run([np.ones(4, "float32"), np.ones(4, "float32")])
    np.testing.assert_array_equal(np.asarray(found[0]), [1, 1, 1, 1])
    np.testing.assert_array_equal(np.asarray(found[1]), [-1, -1, -1, -1])

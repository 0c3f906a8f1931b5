"""Traces and plans: effects, guards, memory, batches."""

import os
import signal
import threading
import time

import numpy as np
import pytest

from pyneural import _core


def trace(build, *specs):
    t = _core.Trace()
    with t:
        outputs = build(*(t.input(shape, dtype) for shape, dtype in specs))
        return t.compile(list(outputs) if isinstance(outputs, tuple | list) else [outputs])


def f32(*values):
    return np.array(values, "float32")


def test_a_plan_runs_what_was_traced():
    plan = trace(lambda x, y: (x * y + 1, x - y), ((3,), "float32"), ((3,), "float32"))
    for scale in (1, 2):
        a, b = plan.run([f32(1, 2, 3) * scale, f32(4, 5, 6)])
        np.testing.assert_array_equal(a, f32(4, 10, 18) * scale + 1)
        np.testing.assert_array_equal(b, f32(1, 2, 3) * scale - f32(4, 5, 6))


def test_an_input_and_a_constant_may_be_outputs():
    plan = trace(lambda x: (x, _core.tensor([5.0]), x), ((2,), "float32"))
    a, b, c = plan.run([f32(1, 2)])
    np.testing.assert_array_equal(a, [1, 2])
    np.testing.assert_array_equal(b, [5])
    np.testing.assert_array_equal(c, [1, 2])


def test_one_value_as_several_outputs_and_views():
    def build(x):
        y = x * 2
        return y, _core.reshape(y, (1, 2)), y

    for result in trace(build, ((2,), "float32")).run([f32(1, 2)]):
        np.testing.assert_array_equal(np.ravel(result), [2, 4])


def test_wrong_inputs_are_errors():
    plan = trace(lambda x: x + 1, ((2,), "float32"))
    with pytest.raises(ValueError, match=r"expected shape \(2,\).*received shape \(3,\)"):
        plan.run([f32(1, 2, 3)])
    with pytest.raises(ValueError, match="float64"):
        plan.run([np.zeros(2)])
    with pytest.raises(ValueError, match="1 inputs"):
        plan.run([])


def test_a_symbolic_tensor_has_no_value_and_does_not_outlive_its_trace():
    t = _core.Trace()
    with t:
        x = t.input((2,))
        with pytest.raises(ValueError, match="symbolic"):
            x.numpy()
        with pytest.raises(TypeError, match="truth value"):
            bool(x)
    with pytest.raises(ValueError, match="outside"):
        x + 1


def test_assignments_are_effects_in_program_order():
    v = _core.Variable(f32(1))

    def build(x):
        old = v.value
        v.assign(v.value + x)
        middle = v.value
        v.assign(v.value * 10)
        return old, middle, v.value

    plan = trace(build, ((1,), "float32"))
    assert v.numpy()[0] == 1
    old, middle, new = (r.numpy()[0] for r in plan.run([f32(2)]))
    assert (old, middle, new) == (1, 3, 30)
    assert v.numpy()[0] == 30


def test_swapping_variables():
    a, b = _core.Variable(f32(1)), _core.Variable(f32(2))

    def build(x):
        old_a, old_b = a.value, b.value
        a.assign(old_b)
        b.assign(old_a)
        return x

    trace(build, ((1,), "float32")).run([f32(0)])
    assert (a.numpy()[0], b.numpy()[0]) == (2, 1)


def test_a_value_assigned_to_two_variables():
    a, b = _core.Variable(f32(1)), _core.Variable(f32(2))

    def build(x):
        y = x + 1
        a.assign(y)
        b.assign(y)
        return y

    trace(build, ((1,), "float32")).run([f32(5)])
    assert (a.numpy()[0], b.numpy()[0]) == (6, 6)


def test_tensors_read_before_a_run_keep_their_values():
    v = _core.Variable(f32(1, 2))

    def build(x):
        v.assign(v.value + x)
        return v.value

    plan = trace(build, ((2,), "float32"))
    before = v.value
    plan.run([f32(1, 1)])
    np.testing.assert_array_equal(before, [1, 2])
    np.testing.assert_array_equal(v.numpy(), [2, 3])


def test_a_failing_guard_leaves_every_variable_alone():
    weights, count = _core.Variable(f32(1, 1)), _core.Variable(f32(0))

    def build(x):
        count.assign(count.value + 1)
        loss = _core.log(x)
        _core.guard_finite(loss)
        weights.assign(weights.value - loss)
        return loss

    plan = trace(build, ((2,), "float32"))
    plan.run([f32(1, 1)])
    with pytest.raises(_core.NotFiniteError):
        plan.run([f32(1, 0)])
    np.testing.assert_array_equal(weights.numpy(), 1)
    assert count.numpy()[0] == 1


def test_flat_update_through_windows():
    a, b = _core.Variable(np.full((2, 3), 2, "float32")), _core.Variable(f32(1, 1))
    flat = _core.flatten_variables([a, b])

    def build(x):
        loss = _core.sum(_core.matmul(x, a.value)) + _core.sum(b.value * 3)
        grads = _core.gradients([loss], [a, b])
        flat.assign(flat.value - _core.pack_like(flat, grads))
        return loss, a.value

    plan = trace(build, ((4, 2), "float32"))
    x = np.arange(8, dtype="float32").reshape(4, 2)
    _, new_a = plan.run([x])
    expected = 2 - x.T @ np.ones((4, 3), "float32")
    np.testing.assert_array_equal(a.numpy(), expected)
    np.testing.assert_array_equal(new_a, expected)
    np.testing.assert_array_equal(b.numpy(), -2)


def test_windows_and_their_flat_variable_in_one_trace():
    a, b = _core.Variable(f32(1, 2)), _core.Variable(f32(3))
    flat = _core.flatten_variables([a, b])

    def build(x):
        a.assign(a.value * 10)
        flat.assign(flat.value + x)
        middle = a.value
        b.assign(b.value * 2)
        flat.assign(flat.value + x)
        a.assign(a.value - 0.5)
        return middle, flat.value

    middle, last = trace(build, ((), "float32")).run([np.float32(1)])
    np.testing.assert_array_equal(middle, [11, 21])
    np.testing.assert_array_equal(a.numpy(), [11.5, 21.5])
    np.testing.assert_array_equal(b.numpy(), [9])
    np.testing.assert_array_equal(last.numpy()[[0, 1, 16]], [11.5, 21.5, 9])


def test_a_variable_that_has_left_its_flat_one_is_its_own():
    a, b = _core.Variable(f32(1)), _core.Variable(f32(2))
    first = _core.flatten_variables([a, b])
    _core.flatten_variables([b])

    def build(x):
        b.assign(b.value + x)
        first.assign(first.value * 3)
        return b.value

    np.testing.assert_array_equal(trace(build, ((1,), "float32")).run([f32(5)])[0], [7])
    assert (a.numpy()[0], b.numpy()[0]) == (3, 7)


def test_gradients_are_computed_where_they_are_packed():
    a, b = _core.Variable(np.ones((8, 16), "float32")), _core.Variable(np.ones((16,), "float32"))
    flat = _core.flatten_variables([a, b])

    def build(x):
        loss = _core.sum(_core.square(_core.matmul(x, a.value) + b.value))
        return _core.pack_like(flat, _core.gradients([loss], [a, b]))

    plan = trace(build, ((4, 8), "float32"))
    x = np.random.default_rng(0).normal(size=(4, 8)).astype("float32")
    dy = 2 * (x @ np.ones((8, 16), "float32") + 1)
    for _ in range(2):
        packed = plan.run([x])[0].numpy()
        np.testing.assert_allclose(packed[:128].reshape(8, 16), x.T @ dy, rtol=1e-5)
        np.testing.assert_allclose(packed[128:144], dy.sum(0), rtol=1e-5)


def test_plans_survive_a_move_of_their_variables():
    v = _core.Variable(f32(1, 2))
    plan = trace(lambda x: x * v.value, ((2,), "float32"))
    plan.run([f32(1, 1)])
    flat = _core.flatten_variables([v])
    flat.assign(flat.value * 3)
    np.testing.assert_array_equal(plan.run([f32(1, 1)])[0], [3, 6])


def test_batches_follow_the_order_and_resume():
    total = _core.Variable(f32(0, 0))

    def build(x):
        total.assign(total.value * 2 + _core.sum(x, 0))
        return _core.sum(x, 1)

    data = np.arange(20, dtype="float32").reshape(10, 2)
    order = np.random.default_rng(1).permutation(10).astype("int64")
    plan = trace(build, ((3, 2), "float32"))
    out = np.zeros(9, "float32")
    assert plan.run_batches([data], order, first_row=0, batches=2, outputs=[out]) == 2
    assert plan.run_batches([data], order, first_row=6, batches=1, outputs=[out[6:]]) == 1
    np.testing.assert_array_equal(out, data[order].sum(1)[:9])
    expected = f32(0, 0)
    for batch in range(3):
        expected = expected * 2 + data[order[3 * batch : 3 * batch + 3]].sum(0)
    np.testing.assert_array_equal(total.numpy(), expected)
    # Without an order: as the rows lie.
    assert plan.run_batches([data], None, first_row=1, batches=3, outputs=[out]) == 3
    np.testing.assert_array_equal(out, data[1:10].sum(1))


@pytest.mark.parametrize("shuffled", [True, False])
def test_large_data_reaches_the_device_batch_by_batch(shuffled):
    rows, batches, width = 64, 5, 1024  # more bytes than a GPU gets at once: copied beside the computation
    total = _core.Variable(np.zeros(width, "float32"))

    def build(x):
        total.assign(total.value * 2 + _core.sum(x, 0))
        return _core.sum(x, 1)

    rng = np.random.default_rng(2)
    data = rng.integers(-8, 9, (rows * batches, width)).astype("float32")
    order = rng.permutation(len(data)).astype("int64") if shuffled else None
    out = np.zeros(len(data), "float32")
    plan = trace(build, ((rows, width), "float32"))
    assert plan.run_batches([data], order, batches=batches, outputs=[out]) == batches
    seen = data if order is None else data[order]
    np.testing.assert_array_equal(out, seen.sum(1))
    expected = np.zeros(width, "float32")
    for batch in seen.reshape(batches, rows, width):
        expected = expected * 2 + batch.sum(0)
    np.testing.assert_array_equal(total.numpy(), expected)


@pytest.mark.parametrize("width", [1, 2, 3, 15, 16, 17, 33, 511, 4095, 4096, 4097, 40000])
@pytest.mark.parametrize("dtype", ["float32", "int64", "uint8"])
def test_rows_of_any_length_are_gathered(width, dtype):
    rows, batches = 5, 4
    rng = np.random.default_rng(width)
    data = rng.integers(0, 200, (rows * batches - 3, width)).astype(dtype)
    order = rng.integers(0, len(data), rows * batches)
    out = np.zeros((rows * batches, width), dtype)
    plan = trace(lambda x: _core.add(x, np.ones((), dtype)), ((rows, width), dtype))
    assert plan.run_batches([data], order, batches=batches, outputs=[out]) == batches
    np.testing.assert_array_equal(out, data[order] + np.ones((), dtype))


def test_many_short_batches_stop_in_time():
    rows = 1 << 22
    plan = trace(lambda x: _core.exp(x), ((1, 1), "float32"))
    data = np.zeros((rows, 1), "float32")
    assert plan.run_batches([data], np.arange(rows), batches=rows, max_seconds=0.02) < rows
    assert plan.run_batches([data[:9]], batches=9, max_seconds=100.0) == 9


def test_batches_stop_when_time_is_over():
    plan = trace(lambda x: _core.exp(x), ((1, 4), "float32"))
    assert plan.run_batches([np.zeros((1000, 4), "float32")], batches=1000, max_seconds=1e-9) == 1


def test_batches_check_their_arguments():
    plan = trace(lambda x: x + 1, ((2, 3), "float32"))
    data = np.zeros((4, 3), "float32")
    with pytest.raises(ValueError, match="rows"):
        plan.run_batches([data], batches=3)
    with pytest.raises(IndexError, match="row 9"):
        plan.run_batches([data], np.array([0, 9]), batches=1)
    with pytest.raises(ValueError, match=r"\(2, 3\)"):
        plan.run_batches([np.zeros((4, 2), "float32")], batches=1)
    with pytest.raises(TypeError, match="float32"):
        plan.run_batches([np.zeros((4, 3))], batches=1)
    with pytest.raises(ValueError, match="too small"):
        plan.run_batches([data], batches=2, outputs=[np.zeros((3, 3), "float32")])
    with pytest.raises(ValueError, match="contiguous"):
        plan.run_batches([np.zeros((3, 4), "float32").T], batches=1)


def test_the_failing_batch_is_named():
    def build(x):
        _core.guard_finite(x)
        return x

    plan = trace(build, ((2,), "float32"))
    data = np.zeros(10, "float32")
    data[7] = np.nan
    with pytest.raises(_core.NotFiniteError) as caught:
        plan.run_batches([data], batches=5)
    assert caught.value.batch == 3


def test_several_threads_run_one_plan():
    w = np.random.default_rng(0).normal(size=(64, 64)).astype("float32")
    v = _core.Variable(w)
    plan = trace(lambda x: _core.tanh(_core.matmul(x, v.value)), ((32, 64), "float32"))
    inputs = [np.full((32, 64), i, "float32") / 64 for i in range(8)]
    expected = [plan.run([x])[0].numpy() for x in inputs]
    wrong = []

    def work(i):
        for _ in range(50):
            if not np.array_equal(plan.run([inputs[i]])[0].numpy(), expected[i]):
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_dead_code_and_twins_are_dropped():
    def build(x):
        _core.exp(x)  # nobody reads it
        return _core.tanh(x) + _core.tanh(x)

    steps = trace(build, ((64,), "float32")).describe()
    assert "exp" not in steps
    assert steps.count("tanh") <= 1


def test_buffers_are_reused():
    def build(x):
        for _ in range(20):
            x = _core.matmul(x, x)
        return x

    plan = trace(build, ((64, 64), "float32"))
    assert plan.memory_bytes <= 4 * 64 * 64 * 4


def test_out_of_memory_is_memory_error():
    with pytest.raises(MemoryError, match=r"17592186\.0 MB"):
        _core.broadcast_to(_core.tensor(1.0), (1 << 20, 1 << 20, 4))


def test_a_profile_has_time_and_cost_of_every_step():
    plan = trace(lambda x, y: _core.exp(_core.matmul(x, y)), ((32, 64), "float32"), ((64, 16), "float32"))
    steps = plan.profile([np.ones((32, 64), "float32"), np.ones((64, 16), "float32")], repeats=3)
    assert len(steps) == 2
    step, seconds, flops, moved = steps[0]
    assert step.startswith("matmul")
    assert seconds > 0
    assert flops == 2 * 32 * 64 * 16
    assert moved == 4 * (32 * 64 + 64 * 16 + 32 * 16)
    with pytest.raises(ValueError, match="repeats"):
        plan.profile([np.ones((32, 64), "float32"), np.ones((64, 16), "float32")], repeats=0)


@pytest.fixture
def interrupts():
    """Ctrl-C raises KeyboardInterrupt, also where the tests run in the background and would ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.cpu  # what a GPU was asked to do is done to the end
def test_ctrl_c_stops_a_long_run_and_leaves_variables_alone(interrupts):
    v = _core.Variable(np.eye(512, dtype="float32"))

    def build(x):
        for _ in range(2000):  # seconds of work in a single batch
            x = _core.matmul(x, v.value)
        v.assign(x)
        return x

    plan = trace(build, ((512, 512), "float32"))
    data = np.zeros((512, 512), "float32")
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    begin = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        plan.run_batches([data])
    assert time.perf_counter() - begin < 1.3
    np.testing.assert_array_equal(v.numpy(), np.eye(512))

"""Wrong, huge and odd arguments: every one ends in a clear exception, none in a crash or a hang."""

import gc
import os
import random
import re
import signal

import numpy as np
import pytest

from pyneural import _core as core

pytestmark = pytest.mark.cpu

ERRORS = (ValueError, TypeError, IndexError, MemoryError, core.NotFiniteError)
UNCLEAR = re.compile(r"std::|_M_|vector|basic_string|Unable to cast|gradient rule of")
# They change settings of the process, measure it, or ask about the machine.
SKIPPED = re.compile(r"_|set_|start_|stop_rec|measure|flatten_variables|pack_like|cuda_|resolve_device")
OPS = sorted(
    name
    for name in dir(core)
    if not SKIPPED.match(name) and callable(getattr(core, name)) and not isinstance(getattr(core, name), type)
)
SMALL = [0, 1, 1, 2, 3, 5, -1, -2, 8]
LARGE = [2**31 - 1, 2**31, -(2**31), 2**40, 2**56, 2**62, 2**63 - 1, -(2**63), 2**64]
FLOATS = [0.0, 0.5, 1.0, -1.0, 1e308, float("nan"), float("inf"), None]
ODD = [None, "text", [], {}, [None], object(), float("nan")]
SHAPES = [(), (0,), (3,), (2, 3), (0, 3), (3, 3), (2, 5, 5, 3), (3, 3, 3, 4), (3, 3, 3, 1)]
SHAPES += [(2, 0, 5, 3), (1,) * 8, (0,) * 8]
HUGE = [(2**31, 2**24), (2**55,), (2**40, 0), (1, 2**54, 1, 2), (2**14,) * 4]
DTYPES = ["float32", "float32", "float32", "float64", "int32", "int64", "bool", "float16"]
WORDS = ["same", "valid", "constant", "reflect", "relu", "linear", "float32", "int64", "nonsense"]


def parameters(name):
    """[(name, annotation, has a default)] from the signature that pybind11 writes."""
    line = getattr(core, name).__doc__.splitlines()[0]
    inside = line[line.index("(") + 1 : line.rindex(") ->")]
    flat = re.sub(r"\[[^\[\]]*\[[^\[\]]*\][^\[\]]*\]|\[[^\[\]]*\]", lambda m: m[0].replace(",", ";"), inside)
    flat = re.sub(r"\[[^\[\]]*\]", lambda m: m[0].replace(",", ";"), flat)
    parts = [part.strip() for part in flat.split(", ") if ":" in part]
    return [(p.split(":")[0], p.split(":", 1)[1].split(" = ")[0], " = " in p) for p in parts]


SIGNATURES = {name: parameters(name) for name in OPS}


class Draw(random.Random):
    """Draws arguments, plausible ones more often than not."""

    def number(self):
        return self.choice(SMALL if self.random() < 0.75 else LARGE if self.random() < 0.8 else ODD)

    def numbers(self):
        return [self.number() for _ in range(self.choice([0, 1, 2, 2, 3, 4, 9]))]

    def array(self, shape, dtype):
        values = np.random.default_rng(self.getrandbits(32)).standard_normal(shape)
        return np.asarray(values * 3).astype(dtype)

    def tensor(self, trace):
        if self.random() < 0.05:
            return self.choice(ODD)
        shape, dtype = self.choice(SHAPES), self.choice(DTYPES)
        if trace and self.random() < 0.7:
            return trace.input(self.choice(HUGE) if self.random() < 0.3 else shape, dtype)
        array = self.array(shape, dtype)
        return self.choice([core.tensor, core.Variable, np.asarray, np.ndarray.tolist])(array)

    def argument(self, name, annotation, trace):
        if name == "state" and self.random() < 0.8:
            return np.array([self.choice([0, -1, 2**62]), 1])
        if "str" in annotation:
            return self.choice(WORDS)
        if "Tensor" in annotation and "Sequence" in annotation:
            return [self.tensor(trace) for _ in range(self.randint(0, 4))]
        if "Tensor" in annotation or "Any" in annotation or "object" in annotation:
            return self.tensor(trace)
        if "bool" in annotation:
            return self.random() < 0.5
        if "Sequence" in annotation and self.random() < 0.5:
            return self.numbers()
        return self.number() if "SupportsInt" in annotation else self.choice(FLOATS)


def tensors(value):
    if isinstance(value, core.Tensor):
        return [value]
    return [t for v in value for t in tensors(v)] if isinstance(value, list | tuple) else []


def small(shape):
    return np.prod([float(extent) for extent in shape]) < 1e5


def call(name, seed):
    """One call with drawn arguments, eager or traced; traced ones are differentiated and run."""
    draw = Draw(seed)
    trace = core.Trace() if draw.random() < 0.5 else None
    if trace:
        trace.__enter__()
    try:
        given = {
            n: draw.argument(n, annotation, trace)
            for n, annotation, optional in SIGNATURES[name]
            if not optional or draw.random() < 0.6
        }
        results = tensors(getattr(core, name)(**given))
        for tensor in results:
            if not tensor.is_symbolic and small(tensor.shape):
                tensor.numpy().copy()
        if not trace:
            return
        floats = [t for t in results if t.dtype in ("float32", "float64") and small(t.shape)]
        sources = tensors(list(given.values()))
        grads = [g for g in core.gradients(floats, sources) if g is not None] if sources else []
        plan = trace.compile(results + grads)
        specs = plan.input_specs
        if plan.memory_bytes < 1e6 and all(small(s) for s, _ in specs + plan.output_specs):
            plan.run([draw.array(shape, dtype) for shape, dtype in specs])
    finally:
        if trace:
            trace.__exit__(None, None, None)


def in_child(work):
    """Runs work() in a forked child; returns (signal or exit status, what it wrote last)."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(60)
        status = 1
        try:
            work(lambda text: os.write(writer, (text + "\n").encode()))
            status = 0
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        lines = pipe.read().splitlines()
    return os.waitpid(child, 0)[1], lines


@pytest.mark.skipif(not hasattr(os, "fork"), reason="runs in forked children")
@pytest.mark.parametrize("first", range(0, len(OPS), 16))
def test_drawn_arguments(first):
    resource = pytest.importorskip("resource")

    def work(write):
        if "ASAN_OPTIONS" not in os.environ:
            resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
        for name in OPS[first : first + 16]:
            for seed in range(100):
                try:
                    write(f"at {name} {seed}")
                    call(name, seed)
                except ERRORS as error:
                    text = str(error)
                    if UNCLEAR.search(text) and "incompatible function arguments" not in text:
                        write(f"unclear {name} {seed} {text[:300]}")
                except Exception as error:
                    write(f"unclear {name} {seed} {error!r:.300}")

    status, lines = in_child(work)
    assert status == 0, lines[-1]
    assert [line for line in lines if line.startswith("unclear")] == []


@pytest.fixture
def variable():
    return core.Variable(np.zeros(3, "float32"))


def test_trace_out_of_order():
    trace = core.Trace()
    with pytest.raises(ValueError, match="reverse order"):
        trace.__exit__(None, None, None)
    with trace:
        with pytest.raises(ValueError, match="entered already"):
            trace.__enter__()
        outer_input = trace.input((1000,))
        with core.Trace() as inner:
            with pytest.raises(ValueError, match="reverse order"):
                trace.__exit__(None, None, None)
            with pytest.raises(ValueError, match="another trace"):
                inner.compile([outer_input])
        trace.compile([core.add(outer_input, 1)])
        with pytest.raises(ValueError, match="compiled once"):
            trace.compile([outer_input])
        with pytest.raises(ValueError, match="no more inputs"):
            trace.input((1,))
    with pytest.raises(ValueError, match="with"):
        core.Trace().compile([])
    assert not core.is_tracing()


def test_entered_trace_outlives_its_last_reference(variable):
    def work(write):
        core.Trace().__enter__()
        gc.collect()
        assert core.add(variable, 1).is_symbolic

    assert in_child(work)[0] == 0


def test_activation_of_a_constant_is_an_output():
    with core.Trace() as trace:
        plan = trace.compile([core.sigmoid(np.zeros(2, "float32"))])
    assert plan.run([])[0].numpy().tolist() == [0.5, 0.5]


@pytest.mark.parametrize("function", [core.watch, core.producer_logits, core.relu, core.argsort])
def test_none_is_no_tensor(function):
    with pytest.raises(TypeError, match="None"):
        function(None)


def test_update_without_gradient():
    p = np.zeros(3, "float32")
    for update, state in ((core.adam_update, [p, p, None]), (core.rmsprop_update, [p, None, None])):
        with pytest.raises(TypeError, match="None"):
            update(p, None, *state, 0.1, 1)
    with pytest.raises(TypeError, match="None"):
        core.momentum_update(p, p, None, 0.1)


def test_gradients_of_none():
    x = core.tensor([1.0])
    for targets, sources in (([None], [x]), ([x], [None])):
        with pytest.raises(TypeError, match="None"):
            core.gradients(targets, sources)


def test_seed_of_another_dtype_is_cast():
    with core.Trace() as trace:
        x = trace.input((2,))
        plan = trace.compile(core.gradients([core.relu(x)], [x], [np.array([2, 3], "int8")]))
    (grad,) = plan.run([np.ones(2, "float32")])
    assert grad.dtype == "float32"
    assert grad.numpy().tolist() == [2, 3]


def test_stop_recording_without_start():
    with pytest.raises(ValueError, match="start_recording"):
        core.stop_recording()


def test_flattening_twice(variable):
    with pytest.raises(ValueError, match="given twice"):
        core.flatten_variables([variable, variable])
    flat = core.flatten_variables([variable])
    with pytest.raises(ValueError, match="flattened again"):
        core.flatten_variables([flat])


def test_memory_plan_beyond_any_address_space():
    with core.Trace() as trace:
        x = core.exp(core.broadcast_to(trace.input((1,)), (2**55,)))
        y = core.matmul(core.reshape(x, (1, -1)), core.reshape(core.sin(x), (-1, 1)))
        plan = trace.compile([y])
    with pytest.raises(MemoryError, match="MB"):
        plan.run([np.zeros(1, "float32")])


@pytest.mark.parametrize(
    "given",
    [
        {"batches": 2**62},
        {"batches": 2**63 - 1, "first_row": 5},
        {"first_row": 2**63 - 1},
        {"batches": 2**62, "outputs": [np.zeros((2, 3), "float32")]},
        {"order": np.array([0, 99])},
    ],
)
def test_batches_beyond_the_data(given):
    with core.Trace() as trace:
        plan = trace.compile([core.add(trace.input((2, 3)), 1)])
    with pytest.raises((ValueError, IndexError)):
        plan.run_batches([np.zeros((10, 3), "float32")], **given)


def test_batches_without_rows_end():
    with core.Trace() as trace:
        plan = trace.compile([core.add(trace.input((0, 3)), 1)])
    with pytest.raises(ValueError, match="have rows"):
        plan.run_batches([np.zeros((0, 3), "float32")], batches=2**62)


@pytest.mark.parametrize(
    ("expression", "error"),
    [
        (lambda x: core.tile(x, [2**62, 4]), "too many"),
        (lambda x: core.repeat(x, 2**63 - 1, 0), "too many"),
        (lambda x: core.pad(x, 2**62), "too large"),
        (lambda x: core.slice(x, [-(2**63), 0], [-1, 1]), "do not lie inside"),
        (lambda x: core.split(np.zeros((0, 1)), 2**62), "cannot be split"),
        (lambda x: core.max_pool2d(np.zeros((1, 4, 4, 1)), 2, 2**63 - 1), "positive"),
        (lambda x: core.upsample2d(np.zeros((1, 2, 2, 1)), (2**62, 2)), "too large"),
        (lambda x: core.tensor(2**64), "int64"),
        (lambda x: core.Trace().input((2**64,)), "int64"),
        (lambda x: core.Trace().input((2**30, 2**30)), "too many elements"),
    ],
)
def test_sizes_that_would_overflow(expression, error):
    with pytest.raises(ValueError, match=error):
        expression(np.zeros((2, 3), "float32"))
    assert core.strided_slice(np.arange(3), [2], [None], [-(2**63)]).numpy().tolist() == [2]
    assert core.strided_slice(np.arange(3), [1], [None], [2**63 - 1]).numpy().tolist() == [1]

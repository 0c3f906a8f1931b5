"""pyneural: kernels through prepared plans, as `fit` runs them."""

import numpy as np
from keras_models import builders

import pyneural
from pyneural import _core


def info():
    return {"pyneural": pyneural.__version__, "simd_level": _core.simd_level()}


def set_threads(threads):
    if threads:
        _core.set_num_threads(threads)


def prepare(case):
    """The variants that pyneural has of a case: {name: callable}."""
    builder = BUILDERS.get(case["op"])
    return builder(case) if builder else None


def tensor(*shape):
    return _core.tensor(np.random.default_rng().standard_normal(shape, dtype=np.float32))


def matmul(case):
    m, k, n, layout = case["m"], case["k"], case["n"], case["layout"]
    a = tensor(k, m) if layout[0] == "T" else tensor(m, k)
    b = tensor(n, k) if layout[1] == "T" else tensor(k, n)
    flags = layout[0] == "T", layout[1] == "T"
    return {"eager": lambda: _core.matmul(a, b, *flags)}


def conv2d(case):
    x = tensor(case["batch"], case["size"], case["size"], case["channels"])
    size, strides = case["kernel"], (case["stride"],) * 2
    if case["depthwise"]:
        weight = tensor(size, size, case["channels"], 1)
        op = _core.depthwise_conv2d
    else:
        weight = tensor(size, size, case["channels"], case["filters"])
        op = _core.conv2d

    def forward(x, weight):
        return op(x, weight, strides=strides, padding=case["padding"])

    if case["what"] == "forward":
        return {"eager": lambda: forward(x, weight)}
    grad = tensor(*forward(x, weight).shape)
    with _core.Trace() as trace:
        inputs = [trace.input(t.shape, "float32") for t in (x, weight, grad)]
        y = forward(inputs[0], inputs[1])
        source = inputs[0] if case["what"] == "input" else inputs[1]
        plan = trace.compile(_core.gradients([y], [source], [inputs[2]]))
    values = [x, weight, grad]
    return {"plan": lambda: plan.run(values)}


BUILDERS = {"matmul": matmul, "conv2d": conv2d, **builders(pyneural)}

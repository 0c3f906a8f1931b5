"""pyneural: kernels in prepared plans, as `fit` runs them."""

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


def planned(function, rows, weights=()):
    """A call of a plan as `fit` makes it: rows of arrays go in, weights are variables, the output has its place.

    Args:
        function: from symbolic rows and weights to the output.
        rows: tensors [rows, ...].
        weights: tensors.
    """
    variables = [_core.Variable(weight) for weight in weights]
    with _core.Trace() as trace:
        inputs = [trace.input(t.shape, "float32") for t in rows]
        plan = trace.compile([function(*inputs, *(variable.value for variable in variables))])
    (shape, dtype), arrays = plan.output_specs[0], [t.numpy() for t in rows]
    outputs = [np.empty(shape, dtype)]
    return lambda: plan.run_batches(arrays, outputs=outputs)


def matmul(case):
    m, k, n, layout = case["m"], case["k"], case["n"], case["layout"]
    a = tensor(k, m) if layout[0] == "T" else tensor(m, k)
    b = tensor(n, k) if layout[1] == "T" else tensor(k, n)

    def product(a, b):
        return _core.matmul(a, b, layout[0] == "T", layout[1] == "T")

    # TN is the gradient of weights: a product of two arrays of rows.
    plan = planned(product, [a, b]) if layout == "TN" else planned(product, [a], [b])
    return {"eager": lambda: product(a, b), "plan": plan}


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
        return {"plan": planned(forward, [x], [weight])}

    def backward(x, grad, weight):
        source = x if case["what"] == "input" else weight
        return _core.gradients([forward(x, weight)], [source], [grad])[0]

    grad = tensor(*forward(x, weight).shape)
    return {"plan": planned(backward, [x, grad], [weight])}


BUILDERS = {"matmul": matmul, "conv2d": conv2d, **builders(pyneural)}

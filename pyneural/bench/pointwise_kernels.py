"""Kernels whose time is that of their memory: how the cases of bench/cases.py are built."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from pyneural import _core
from pyneural.bench.cases import BINARY, FLOAT, GRADIENTS, SUMS, UNARY

RATE = np.float32(1e-3)  # of learning, and of dropout below
DROPPED = 0.5
ALIGNMENT = 64  # bytes

Arrays = list[np.ndarray]
Function = Callable[..., Any]


def random(*shape: int) -> np.ndarray:
    """Fresh standard normal values; aligned, as the tensors between the kernels of a network are."""
    count = math.prod(shape)
    memory = np.empty(count * FLOAT + ALIGNMENT, np.uint8)
    begin = -memory.ctypes.data % ALIGNMENT
    values = memory[begin : begin + count * FLOAT].view(np.float32)
    np.random.default_rng().standard_normal(dtype=np.float32, out=values)
    return values.reshape(shape)


def _unary(case: dict) -> tuple[Function, Arrays]:
    if case["op"] == "gelu":
        return lambda x: [_core.gelu(x, approximate=False)], [random(*case["shape"])]
    op = getattr(_core, case["op"])
    return lambda x: [op(x)], [random(*case["shape"])]


def _binary(case: dict) -> tuple[Function, Arrays]:
    op = getattr(_core, case["op"])
    return lambda x, y: [op(x, y)], [random(*case["shape"]), random(*case["shape"])]


def _activation_gradient(case: dict) -> tuple[Function, Arrays]:
    """With the forward step, as in training."""
    forward, (x,) = _unary({**case, "op": case["op"].removesuffix("_gradient")})

    def both(x: Any, grad: Any) -> list:
        y = forward(x)
        return [*y, *_core.gradients(y, [x], [grad])]

    return both, [x, random(*case["shape"])]


def _add_row(case: dict) -> tuple[Function, Arrays]:
    return lambda x, row: [_core.add(x, row)], [random(*case["shape"]), random(case["shape"][-1])]


def _sum(case: dict) -> tuple[Function, Arrays]:
    axis = {"sum_columns": 0, "sum_rows": 1, "sum_all": None}[case["op"]]
    return lambda x: [_core.sum(x, axis)], [random(*case["shape"])]


def _channels_first(case: dict) -> tuple[Function, Arrays]:
    return lambda x: [_core.transpose(x, (0, 3, 1, 2))], [random(*case["shape"])]


def _dropout(case: dict) -> tuple[Function, Arrays]:
    state = _core.tensor(np.array([1, 2], np.int64))
    return lambda x: [_core.dropout(x, state, DROPPED)], [random(*case["shape"])]


def _cross_entropy(case: dict) -> tuple[Function, Arrays]:
    """With its gradient, as in training."""
    rows, classes = case["shape"]

    def loss(labels: Any, logits: Any) -> list:
        mean = _core.mean(_core.sparse_softmax_cross_entropy(labels, logits))
        return [mean, *_core.gradients([mean], [logits])]

    return loss, [np.random.default_rng().integers(0, classes, rows), random(rows, classes)]


def _mean_squared_error(case: dict) -> tuple[Function, Arrays]:
    """With its gradient, as in training."""

    def loss(targets: Any, outputs: Any) -> list:
        mean = _core.mean(_core.squared_difference(targets, outputs))
        return [mean, *_core.gradients([mean], [outputs])]

    return loss, [random(*case["shape"]), random(*case["shape"])]


def _norm(case: dict) -> tuple[Function, Arrays]:
    kind, _, gradient = case["op"].partition("_norm")
    x, scale, offset = random(*case["shape"]), random(case["shape"][-1]), random(case["shape"][-1])

    def forward(x: Any, scale: Any, offset: Any) -> list:
        if kind == "layer":
            return [_core.layer_normalization(x, scale, offset)]
        return list(_core.batch_norm_train(x, scale, offset))

    def both(x: Any, scale: Any, offset: Any, grad: Any) -> list:
        y = forward(x, scale, offset)[0]
        return [y, *_core.gradients([y], [x, scale, offset], [grad])]

    return (both, [x, scale, offset, random(*case["shape"])]) if gradient else (forward, [x, scale, offset])


def _optimizer(case: dict) -> tuple[Function, Arrays]:
    """Weights and moments are variables, changed where they lie."""
    count = {"sgd": 1, "momentum": 2, "adam": 3, "rmsprop": 2}[case["op"]]
    variables = [_core.Variable(abs(random(*case["shape"]))) for _ in range(count)]

    def update(gradient: Any) -> list:
        values = [variable.value for variable in variables]
        if case["op"] == "sgd":
            changed = [_core.sgd_update(values[0], gradient, RATE)]
        elif case["op"] == "momentum":
            changed = _core.momentum_update(values[0], gradient, values[1], RATE)
        elif case["op"] == "rmsprop":
            changed = _core.rmsprop_update(values[0], gradient, values[1], None, None, RATE)
        else:
            changed = _core.adam_update(values[0], gradient, values[1], values[2], None, RATE, np.int64(10))
        for variable, value in zip(variables, changed):
            variable.assign(value)
        return []

    return update, [random(*case["shape"])]


def _pool2d(case: dict) -> tuple[Function, Arrays]:
    op = {"max": _core.max_pool2d, "average": _core.average_pool2d}[case["kind"]]
    x = random(case["batch"], case["size"], case["size"], case["channels"])

    def forward(x: Any) -> Any:
        return op(x, case["pool"], case["stride"], case["padding"])

    if case["what"] == "forward":
        return lambda x: [forward(x)], [x]
    grad = random(*forward(_core.tensor(x)).shape)
    return lambda x, grad: _core.gradients([forward(x)], [x], [grad]), [x, grad]


BUILDERS = {
    **dict.fromkeys(UNARY, _unary),
    **dict.fromkeys(BINARY, _binary),
    **dict.fromkeys(("layer_norm", "layer_norm_gradient", "batch_norm", "batch_norm_gradient"), _norm),
    **dict.fromkeys(GRADIENTS, _activation_gradient),
    **dict.fromkeys(SUMS, _sum),
    **dict.fromkeys(("sgd", "momentum", "adam", "rmsprop"), _optimizer),
    "add_row": _add_row,
    "channels_first": _channels_first,
    "dropout": _dropout,
    "softmax": _unary,
    "log_softmax": _unary,
    "cross_entropy": _cross_entropy,
    "mean_squared_error": _mean_squared_error,
    "pool2d": _pool2d,
}

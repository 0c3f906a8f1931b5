"""Operands and results that lie anywhere in a plan's memory: the bits are those of tensors of their own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from pyneural import _core

OPS: dict[str, Callable] = {
    "sum of columns": lambda x: [_core.sum(x, 0)],
    "sum of rows": lambda x: [_core.sum(x, 1)],
    "var of columns": lambda x: [_core.var(x, 0)],
    "logsumexp of rows": lambda x: [_core.logsumexp(x, 1)],
    "max": lambda x: [_core.max(x)],
    "softmax": lambda x: [_core.softmax(x)],
    "softmax of columns": lambda x: [_core.softmax(x, 0)],
    "log_softmax": lambda x: [_core.log_softmax(x)],
    "layer_normalization": lambda x: [_core.layer_normalization(x)],
    "batch_norm_train": lambda x: list(_core.batch_norm_train(x, None, None)),
    "batch_norm_train of rows": lambda x: list(_core.batch_norm_train(x, None, None, 0)),
    "transpose": lambda x: [_core.transpose(x)],
    "flip": lambda x: [_core.flip(x)],
    "pad": lambda x: [_core.pad(x, [(1, 1), (4, 0)])],
    "concatenate": lambda x: [_core.concatenate([x, x], 1)],
    "squared_difference": lambda x: [_core.squared_difference(x, _core.max(x))],
    "clip": lambda x: [_core.clip(x, -0.5, _core.max(x, 1, True))],
    "chain": lambda x: [_core.multiply(_core.exp(x), _core.sigmoid(_core.add(x, _core.max(x, 0))))],
    "dropout": lambda x: [_core.dropout(x, np.array([3, 7]), 0.4)],
    "cumsum": lambda x: [_core.cumsum(x, 1)],
    "take": lambda x: [_core.take(x, np.array([1, 0, 1], "int32"), 0)],
    "max_pool2d": lambda x: [_core.max_pool2d(_core.reshape(x, (1, -1, 4, 4)), (2, 2), (2, 2), "same")],
}


def after_one_element(one, x):
    """A flat copy of both: in a plan, x is computed four bytes behind its beginning."""
    return _core.pack([_core.tanh(one), x], [0, 4], 4 + 4 * int(np.prod(x.shape)))


@pytest.mark.parametrize("name", OPS)
@pytest.mark.parametrize("shape", [(8, 64), (150, 32), (3, 1024), (2, 4400)])
def test_results_do_not_depend_on_the_place(name: str, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    x, one = rng.normal(size=shape).astype("float32"), np.ones(1, "float32")
    seed = rng.normal(size=shape).astype("float32")
    with _core.Trace() as trace:
        x_in, one_in, seed_in = (trace.input(a.shape, "float32") for a in (x, one, seed))
        operand, factor = _core.tanh(x_in), _core.tanh(seed_in)
        results = OPS[name](operand)
        grads = _core.gradients(results[:1], [operand], [_core.multiply(results[0], _core.max(factor))])
        outputs = [after_one_element(one_in, y) for y in (operand, *results, *grads)]
        plan = trace.compile(outputs)
    places = [np.asarray(y) for y in plan.run([x, one, seed])]

    tensor = _core.tanh(_core.tensor(x))
    _core.watch(tensor)
    _core.start_recording()
    try:
        wanted = OPS[name](tensor)
    finally:
        _core.stop_recording()
    top = _core.max(_core.tanh(_core.tensor(seed)))
    wanted += _core.gradients(wanted[:1], [tensor], [_core.multiply(wanted[0], top)])
    for flat, y in zip(places[1:], wanted, strict=True):
        np.testing.assert_array_equal(flat[1:], np.ravel(np.asarray(y)))

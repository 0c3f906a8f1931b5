"""Samples of the reductions: every place an axis can stand, lengths around vectors, tiles and segments."""

from __future__ import annotations

import numpy as np

from tests.ops.sample import Sample
from tests.reference import reduce as reference

rng = np.random.default_rng(3)

CASES = [
    ((), None),
    ((1,), 0),
    ((7,), None),
    ((16,), 0),
    ((33, 10), 1),
    ((33, 10), 0),
    ((33, 10), None),
    ((40, 17), 0),
    ((3, 700), -1),
    ((70, 3), 0),
    ((2, 5, 130), 1),
    ((2, 9, 3), 1),
    ((2, 3, 4, 5), [1, 2]),
    ((2, 3, 4, 5), [0, 2]),
    ((2, 3, 4, 5), [1, 3]),
    ((2, 3, 4, 5), [0, 1, 2]),
    ((2, 1, 4, 1), [1, 3]),
    ((2, 3), []),
    ((2, 2, 3, 2, 2, 3, 2, 2), [0, 2, 4, 6]),
]
EMPTY = [((0, 4), 0), ((0, 4), 1), ((4, 0), None)]

SAMPLES: list[Sample] = []


def add(op, x, axis, differentiable=(0,), **options):
    kwargs = {} if axis is None else {"axis": axis}
    function = getattr(reference, op)
    SAMPLES.append(Sample(op, (x,), kwargs, reference=function, differentiable=differentiable, **options))


for op in ("sum", "mean", "prod", "max", "min", "var", "logsumexp"):
    for shape, axis in CASES:
        x = np.asarray(rng.normal(size=shape) + 0.5)
        if op == "prod":
            x = np.asarray(np.exp(0.1 * x))
        add(op, x, axis)
    if op in ("sum", "prod"):
        for shape, axis in EMPTY:
            add(op, np.zeros(shape), axis, differentiable=())
    SAMPLES.append(
        Sample(
            op,
            (rng.normal(size=(3, 4, 5)) + 2,),
            {"axis": [0, 2], "keepdims": True},
            reference=getattr(reference, op),
            differentiable=(0,),
        )
    )

for axis in (None, 0, [0, 2]):
    add("std", rng.normal(size=(4, 3, 6)), axis)

for op in ("any", "all", "count_nonzero"):
    for dtype in ("float64", "int32", "bool"):
        for shape, axis in CASES:
            x = np.asarray(rng.random(shape) < 0.7).astype(dtype)
            add(op, x, axis, differentiable=())
        for shape, axis in EMPTY:
            add(op, np.zeros(shape, dtype), axis, differentiable=())

for op in ("argmax", "argmin"):
    for shape, axis in [((7,), None), ((33, 10), 1), ((33, 10), 0), ((5, 300), -1), ((3, 4, 300), 1), ((4, 5), None)]:
        add(op, rng.integers(-5, 5, shape).astype("float64"), axis, differentiable=())
        add(op, rng.integers(-5, 5, shape).astype("int32"), axis, differentiable=())
    SAMPLES.append(
        Sample(op, (rng.normal(size=(3, 4)),), {"axis": 1, "keepdims": True}, reference=getattr(reference, op))
    )

for shape, axis in [((5,), None), ((4, 300), 0), ((3, 4, 5), 1), ((3, 7), -1), ((2, 3), None), ((0, 3), 0)]:
    add("cumsum", rng.normal(size=shape), axis)

for shape, target in [
    ((4, 5), (5,)),
    ((4, 5), (4, 1)),
    ((2, 3, 4), (3, 1)),
    ((2, 3, 4), ()),
    ((6, 7, 3, 2), (7, 1, 2)),
]:
    SAMPLES.append(Sample("sum_to", (rng.normal(size=shape), target), reference=reference.sum_to, differentiable=(0,)))

SAMPLES += [
    Sample("sum", (np.zeros((2, 3)),), {"axis": 2}, error=(ValueError, "axis 2 is out of bounds")),
    Sample("sum", (np.zeros((2, 3)),), {"axis": [0, -2]}, error=(ValueError, "repeated")),
    Sample("max", (np.zeros((0, 3)),), {"axis": 0}, error=(ValueError, "empty axis")),
    Sample("argmax", (np.zeros((0,)),), error=(ValueError, "empty axis")),
    Sample("sum", (np.zeros(3, "float16"),), error=(TypeError, "cast to float32")),
    Sample("sum_to", (np.zeros((2, 3)), (2,)), error=(ValueError, "sum_to")),
]

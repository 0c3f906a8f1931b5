"""Samples of the ops that look elements up."""

from __future__ import annotations

import numpy as np

from tests.ops.sample import Sample
from tests.reference import index as reference

rng = np.random.default_rng(5)

SAMPLES: list[Sample] = []


def add(op, *args, differentiable=(0,), **kwargs):
    SAMPLES.append(Sample(op, args, kwargs, reference=getattr(reference, op), differentiable=differentiable))


for dtype in ("uint8", "int8", "int16", "int32", "int64"):
    add("take", rng.normal(size=(5, 3)), np.array([[0, 4], [4, 1]], dtype), axis=0)
add("take", rng.normal(size=(5, 3)), np.array([-1, -15, 14], "int32"))
add("take", rng.normal(size=(2, 5, 3)), np.array([-5, 1, 1], "int64"), axis=1)
add("take", rng.normal(size=(2, 5)), np.array(3, "int32"), axis=-1)
add("take", rng.normal(size=(50, 70)), rng.integers(0, 50, (8, 9)).astype("int32"), axis=0)
add("take", rng.normal(size=(5, 3)), np.zeros((0,), "int32"), axis=0)
add("take", rng.integers(0, 9, (5, 3)), np.array([2, 2], "int32"), axis=1, differentiable=())

add("take_along_axis", rng.normal(size=(4, 5)), rng.integers(-5, 5, (4, 3)).astype("int32"))
add("take_along_axis", rng.normal(size=(4, 5, 2)), rng.integers(0, 5, (4, 2, 2)), axis=1)
add("take_along_axis", rng.normal(size=(4, 5)), rng.integers(0, 4, (7, 5)), axis=0)

add("one_hot", np.array([0, 2, -1, 3, 1], "int32"), 3, differentiable=())
add("one_hot", np.array([[0, 2], [1, 1]], "uint8"), 3, axis=1, dtype="int32", differentiable=())
add("one_hot", np.array([[0, 2], [1, 1]], "int64"), 300, axis=0, dtype="bool", differentiable=())
add("one_hot", np.array(1, "int32"), 2, differentiable=())
add("one_hot", np.zeros((0,), "int32"), 2, differentiable=())

for shape, axis in [((1,), -1), ((100,), 0), ((7, 20), 1), ((7, 20), 0), ((3, 4, 5), 1), ((0, 3), -1), ((3, 0), -1)]:
    x = rng.permutation(int(np.prod(shape))).reshape(shape).astype("float64")
    add("sort", x, axis=axis)
    add("argsort", rng.integers(0, 5, shape).astype("float64"), axis=axis, differentiable=())
    add("argsort", rng.integers(0, 5, shape), axis=axis, differentiable=())
for shape, k in [((10,), 3), ((4, 6), 6), ((4, 6), 0), ((2, 3, 50), 1)]:
    add("top_k", rng.permutation(int(np.prod(shape))).reshape(shape).astype("float64"), k)
    add("top_k", rng.integers(0, 3, shape), k, differentiable=())

add("upsample2d", rng.normal(size=(2, 3, 4, 5)), (2, 3))
add("upsample2d", rng.normal(size=(1, 2, 2, 1)), (1, 2))

SAMPLES += [
    Sample("take", (np.zeros((3, 2)), np.array([0, 3], "int32")), {"axis": 0}, error=(IndexError, "3")),
    Sample("take", (np.zeros((3, 2)), np.array([-4])), {"axis": 0}, error=(IndexError, "-4")),
    Sample("take", (np.zeros((0, 2)), np.array([0])), {"axis": 0}, error=(IndexError, "0")),
    Sample("take", (np.zeros((3, 2)), np.array([1.0])), {"axis": 0}, error=(TypeError, "integers")),
    Sample("take_along_axis", (np.zeros((3, 2)), np.array([[2]])), error=(IndexError, "2")),
    Sample("take_along_axis", (np.zeros((3, 2)), np.array([0])), error=(ValueError, "equal ranks")),
    Sample("top_k", (np.zeros(3), 4), error=(ValueError, "k")),
    Sample("one_hot", (np.zeros(3), 4), error=(TypeError, "integers")),
    Sample("upsample2d", (np.zeros((3, 2)), (2, 2)), error=(ValueError, "upsample2d")),
]

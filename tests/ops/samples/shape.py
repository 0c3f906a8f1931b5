"""Samples of the ops that move elements."""

from __future__ import annotations

import numpy as np

from tests.ops.sample import Sample
from tests.reference import shape as reference

rng = np.random.default_rng(4)

SAMPLES: list[Sample] = []


def add(op, *args, differentiable=(0,), **kwargs):
    SAMPLES.append(Sample(op, args, kwargs, reference=getattr(reference, op), differentiable=differentiable))


def array(*shape):
    return rng.normal(size=shape)


add("reshape", array(2, 6), (3, 4))
add("reshape", array(2, 6), (-1,))
add("reshape", array(0, 6), (3, 0))
add("expand_dims", array(2, 3), 1)
add("expand_dims", array(2, 3), [0, -1])
add("squeeze", array(1, 3, 1))
add("squeeze", array(1, 3, 1), 0)

for shape, axes in [
    ((3, 4), None),
    ((65, 130), None),
    ((67, 33), [1, 0]),
    ((2, 3, 4), [0, 2, 1]),
    ((2, 3, 4), [2, 1, 0]),
    ((5, 66, 7), [1, 0, 2]),
    ((3, 9, 70), [2, 0, 1]),
    ((2, 3, 4, 5), [0, 3, 1, 2]),
    ((2, 5, 4, 3), [0, 2, 3, 1]),
    ((2, 1, 3), [1, 0, 2]),
    ((2, 1, 3, 2, 2), [4, 2, 3, 1, 0]),
    ((0, 3), None),
    ((), None),
]:
    add("transpose", array(*shape), **({} if axes is None else {"axes": axes}))

for shape, target in [
    ((), (3, 2)),
    ((5,), (3, 5)),
    ((3, 1), (3, 70)),
    ((3, 1, 4), (2, 3, 5, 4)),
    ((1, 1), (1, 1, 1)),
    ((1, 3), (0, 3)),
]:
    add("broadcast_to", array(*shape), target)

for axis in (0, 1, -1):
    add("concatenate", [array(2, 3, 4), array(2, 3, 4)], differentiable=(), axis=axis)
    add("stack", [array(2, 3), array(2, 3), array(2, 3)], differentiable=(), axis=axis)
add("concatenate", [array(2, 3), array(0, 3), array(70, 3)], differentiable=(), axis=0)
add("concatenate", [array(2, 3), array(2, 1), array(2, 40)], differentiable=(), axis=1)

add("split", array(6, 4), 3, axis=0)
add("split", array(4, 6), [1, 4], axis=1)
add("split", array(4, 6), [2, 2, 9], axis=-1)
add("slice", array(5, 6), (1, 2), (3, 2))
add("slice", array(5, 6), (1, 0), (-1, -1))
add("slice", array(5, 6), (5, 0), (0, 6))
add("strided_slice", array(9, 5), [1], [8], strides=[3])
add("strided_slice", array(9, 5), [None, -1], [None, None], strides=[-2, -1])
add("strided_slice", array(9, 5), [20, -40], [-20, 40], strides=[-1, 2])
add("strided_slice", array(9, 5), [3, 1], [1, 4])
add("flip", array(3, 4))
add("flip", array(3, 4, 5), axis=[0, 2])
add("flip", array(70), axis=0)

add("tile", array(3), 2)
add("tile", array(2, 3), (2, 1, 3))
add("tile", array(2, 3, 4), (2, 2))
add("tile", array(2), (0,))
add("repeat", array(2, 3), 2)
add("repeat", array(2, 3), 3, axis=1)
add("repeat", array(2, 3), 0, axis=0)

add("pad", array(2, 3), [(1, 2), (0, 3)])
add("pad", array(2, 3), 1, value=2.5)
add("pad", array(0, 3), [(1, 0), (0, 0)])
add("pad", array(5, 4), [(2, 3), (3, 0)], mode="reflect")
add("pad", array(5, 4), [(2, 5), (4, 0)], mode="symmetric")

for dtype in ("bool", "uint8", "int16", "int32", "int64"):
    x = rng.integers(0, 2, (67, 5)).astype(dtype)
    add("transpose", x, differentiable=())
    add("flip", x, differentiable=())
    add("pad", x, 1, differentiable=(), value=1.0)
    add("broadcast_to", x, (2, 67, 5), differentiable=())
    add("concatenate", [x, x], differentiable=(), axis=0)

SAMPLES += [
    Sample("reshape", (array(2, 3), (4,)), error=(ValueError, "6 elements")),
    Sample("reshape", (array(2, 3), (-1, 4)), error=(ValueError, "cannot be divided")),
    Sample("reshape", (array(2, 3), (-1, -1)), error=(ValueError, "at most one")),
    Sample("squeeze", (array(2, 3), 0), error=(ValueError, "extent 2, not 1")),
    Sample("transpose", (array(2, 3), [0]), error=(ValueError, "expected 2 axes")),
    Sample("transpose", (array(2, 3), [0, 0]), error=(ValueError, "repeated")),
    Sample("broadcast_to", (array(2, 3), (3, 3)), error=(ValueError, "broadcast")),
    Sample("broadcast_to", (array(3), (1,)), error=(ValueError, "broadcast")),
    Sample("concatenate", ([array(2, 3), array(3, 2)],), {"axis": 0}, error=(ValueError, "agree on all axes")),
    Sample("concatenate", ([array(2), array(2, 2)],), {"axis": 0}, error=(ValueError, "agree on all axes")),
    Sample("stack", ([array(2), array(3)],), error=(ValueError, "agree")),
    Sample("split", (array(5), 2), error=(ValueError, "equal parts")),
    Sample("slice", (array(5), (3,), (3,)), error=(ValueError, "do not lie inside")),
    Sample("strided_slice", (array(5), [0], [5]), {"strides": [0]}, error=(ValueError, "zero")),
    Sample("tile", (array(5), -1), error=(ValueError, "negative")),
    Sample("pad", (array(5), [(0, -1)]), error=(ValueError, "negative")),
    Sample("pad", (array(3), [(3, 0)]), {"mode": "reflect"}, error=(ValueError, "mirrored")),
    Sample("pad", (array(3), 1), {"mode": "wrap"}, error=(ValueError, "mode")),
]

"""Samples of the functions of two tensors: every way in which one operand can be broadcast."""

from __future__ import annotations

import numpy as np

from tests.ops.sample import Sample
from tests.reference import binary as reference

rng = np.random.default_rng(3)

SHAPES = [
    ((3, 7), (3, 7)),
    ((3, 7), ()),
    ((), (3, 7)),
    ((3, 7), (7,)),
    ((3, 7), (3, 1)),
    ((2, 1, 5), (4, 1)),
]
# Chosen for the layouts of cpu/elementwise.cpp: patterns below, at and above a block of 512; inner runs of one axis.
# For those of cuda/broadcast.h: inner runs of whole packs, of one element or of many.
LAYOUTS = [
    ((700, 10), (10,)),
    ((90, 512), (512,)),
    ((40, 1111), (1111,)),
    ((40, 1111), (40, 1)),
    ((5000, 3), (5000, 1)),
    ((65, 7, 9, 11), (65, 1, 9, 1)),
    ((65, 7, 9, 11), (7, 1, 11)),
    ((65, 7, 9, 11), (9, 11)),
    ((4, 1, 5), (1, 6, 1)),
    ((1, 1), (3,)),
    ((0, 4), (4,)),
    ((3, 0), (3, 1)),
    ((70000,), ()),
    ((30, 64), (30, 1)),
    ((7, 6, 8), (7, 1, 8)),
    ((7, 6, 8), (6, 1)),
]
DIFFERENTIABLE = [
    "add",
    "subtract",
    "multiply",
    "divide",
    "power",
    "maximum",
    "minimum",
    "arctan2",
    "squared_difference",
]
COMPARISONS = ["equal", "not_equal", "less", "less_equal", "greater", "greater_equal"]


def function_of(op):
    return getattr(reference, op, None) or getattr(np, op)


SAMPLES: list[Sample] = []
for op in [*DIFFERENTIABLE, "mod", "floor_divide"]:
    low = 0.5 if op in ("divide", "power") else -3
    for a, b in SHAPES:
        operands = (rng.uniform(low, 3, size=a), rng.uniform(0.5 if op in ("mod", "floor_divide") else low, 3, size=b))
        positions = (0, 1) if op in DIFFERENTIABLE else (0,) if op == "mod" else ()
        SAMPLES.append(Sample(op, operands, reference=function_of(op), differentiable=positions))
for a, b in LAYOUTS:
    SAMPLES.append(Sample("subtract", (rng.normal(size=a), rng.normal(size=b)), reference=np.subtract))
for dtype in ("uint8", "int8", "int16", "int32", "int64"):
    a, b = (rng.integers(1, 9, size=s).astype(dtype) for s in [(5, 9), (9,)])
    for op in ("add", "multiply", "maximum", "floor_divide", "mod", "power", "squared_difference"):
        if op != "squared_difference" or dtype != "uint8":
            SAMPLES.append(Sample(op, (a, b), reference=function_of(op), name=dtype))
for op in COMPARISONS:
    for dtype in ("float64", "int32", "int64", "uint8"):
        a, b = (rng.integers(0, 4, size=s).astype(dtype) for s in [(7, 5), (7, 1)])
        SAMPLES.append(Sample(op, (a, b), reference=getattr(np, op), name=dtype))
for op in ("logical_and", "logical_or"):
    SAMPLES.append(
        Sample(op, (rng.integers(0, 2, size=40), rng.integers(0, 2, size=40) > 0), reference=getattr(np, op))
    )
SAMPLES.append(
    Sample("add", (np.zeros((2, 3)), np.zeros((2, 4))), error=(ValueError, r"add.*\(2, 3\).*\(2, 4\)"), name="shapes")
)
SAMPLES.append(Sample("add", (np.zeros(2, "float16"), np.zeros(2)), error=(TypeError, "cast to float32"), name="half"))
SAMPLES.append(Sample("multiply", (np.zeros(2), None), error=(TypeError, "None"), name="none"))

"""Samples of the functions of one tensor, each on its domain, with a tail shorter than any vector."""

from __future__ import annotations

import numpy as np

from tests.ops.sample import Sample
from tests.reference import unary as reference

rng = np.random.default_rng(2)

# (op, smallest and largest argument, differentiable)
DOMAINS = [
    ("negative", -3, 3, True),
    ("absolute", -3, 3, True),
    ("sign", -3, 3, True),
    ("square", -3, 3, True),
    ("floor", -3, 3, True),
    ("ceil", -3, 3, True),
    ("round", -3, 3, True),
    ("exp", -5, 3, True),
    ("expm1", -5, 3, True),
    ("log", 0.1, 5, True),
    ("log1p", -0.8, 5, True),
    ("sqrt", 0.1, 5, True),
    ("rsqrt", 0.1, 5, True),
    ("reciprocal", 0.3, 5, True),
    ("sin", -9, 9, True),
    ("cos", -9, 9, True),
    ("tan", -1.2, 1.2, True),
    ("sinh", -3, 3, True),
    ("cosh", -3, 3, True),
    ("arcsin", -0.9, 0.9, True),
    ("arccos", -0.9, 0.9, True),
    ("arctan", -5, 5, True),
    ("erf", -3, 3, True),
    ("isnan", -1, 1, False),
    ("isinf", -1, 1, False),
    ("isfinite", -1, 1, False),
    ("logical_not", -1, 1, False),
]

SAMPLES: list[Sample] = []
for op, low, high, differentiable in DOMAINS:
    function = getattr(reference, op, None) or getattr(np, op)
    for shape in [(3, 7), (), (0, 2)] if op != "exp" else [(1,), (16,), (2, 3, 4), (300, 257)]:
        x = rng.uniform(low, high, size=shape)
        SAMPLES.append(Sample(op, (x,), reference=function, differentiable=(0,) if differentiable else ()))
for op in ("negative", "absolute", "sign", "square"):
    for dtype in ("int8", "int16", "int32", "int64"):
        SAMPLES.append(
            Sample(op, (rng.integers(-11, 12, size=37).astype(dtype),), reference=getattr(np, op), name=dtype)
        )
special = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0])
for op in ("isnan", "isinf", "isfinite", "logical_not"):
    SAMPLES.append(Sample(op, (special,), reference=getattr(np, op), name="special"))
SAMPLES.append(Sample("exp", (np.zeros(2, "float16"),), error=(TypeError, "`exp`: float16 .* cast to float32")))

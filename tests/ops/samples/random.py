"""Samples of the random ops: the same numbers as the reference, which draws them with its own Philox."""

from __future__ import annotations

import numpy as np

from tests.ops.sample import Sample
from tests.reference import random as reference

rng = np.random.default_rng(6)
STATES = [np.array([0, 0]), np.array([1234567890123456789, 42]), np.array([-1, 2**40 + 3])]

SAMPLES: list[Sample] = []
for state in STATES:
    for shape in [(), (1,), (64,), (5, 13), (3, 100), (0, 2)]:
        for op in ("random_uniform", "random_normal", "truncated_normal"):
            # Draws keep the dtype asked for in both runs of the table: the tolerance is set for the float64 run.
            for dtype, ulps in (("float32", 16 * 2.0**29), ("float64", 64.0)):
                SAMPLES.append(
                    Sample(op, (state, shape, -0.5, 2.0, dtype), reference=getattr(reference, op), ulps=ulps)
                )
        SAMPLES.append(Sample("randint", (state, shape, -7, 12), reference=reference.randint))
        if shape:
            SAMPLES.append(
                Sample(
                    "dropout", (rng.normal(size=shape), state, 0.3), reference=reference.dropout, differentiable=(0,)
                )
            )
    SAMPLES.append(Sample("random_permutation", (state, 100), reference=reference.random_permutation))
    SAMPLES.append(
        Sample("shuffle", (state, rng.normal(size=(7, 3))), reference=reference.shuffle, differentiable=(1,))
    )
SAMPLES += [
    Sample("dropout", (rng.normal(size=(4, 40)), STATES[0], 0.0), reference=reference.dropout, differentiable=(0,)),
    Sample("dropout", (rng.normal(size=(4, 40)), STATES[0], 1.0), reference=reference.dropout, differentiable=(0,)),
    Sample("dropout", (np.zeros(3), STATES[0], 1.5), error=(ValueError, "rate")),
    Sample("dropout", (np.zeros(3, "int32"), STATES[0], 0.5), error=(TypeError, "float")),
    Sample("dropout", (np.zeros(3), np.zeros(3, "int64"), 0.5), error=(TypeError, "random state")),
    Sample("random_uniform", (STATES[0], (2,), 1.0, 0.0), error=(ValueError, "minval")),
    Sample("random_normal", (STATES[0], (2,), 0.0, float("inf")), error=(ValueError, "finite")),
    Sample("randint", (STATES[0], (2,), 3, 3), error=(ValueError, "less than")),
    Sample("randint", (STATES[0], (2,), 0, 300, "uint8"), error=(ValueError, "fit")),
]

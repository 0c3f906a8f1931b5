"""Samples of where, clip and cast."""

from __future__ import annotations

import numpy as np

from tests.ops.sample import Sample

rng = np.random.default_rng(4)

SAMPLES: list[Sample] = []
for condition, a, b in [((3, 7), (3, 7), (3, 7)), ((3, 1), (7,), ()), ((7,), (3, 1), (3, 7)), ((0,), (0,), ())]:
    SAMPLES.append(
        Sample(
            "where",
            (rng.integers(0, 2, size=condition) > 0, rng.normal(size=a), rng.normal(size=b)),
            reference=np.where,
            differentiable=(1, 2),
        )
    )
for dtype in ("bool", "int8", "int16", "int32", "int64"):
    operands = (rng.integers(0, 2, size=33), *(rng.integers(0, 9, size=33).astype(dtype) for _ in range(2)))
    SAMPLES.append(Sample("where", operands, reference=np.where, name=dtype))

for low, high in [((), ()), ((7,), (3, 1)), ((3, 7), ())]:
    SAMPLES.append(
        Sample(
            "clip",
            (rng.uniform(-2, 2, size=(3, 7)), rng.uniform(-1.5, -0.1, size=low), rng.uniform(0.1, 1.5, size=high)),
            reference=np.clip,
            differentiable=(0, 1, 2),
        )
    )
SAMPLES.append(Sample("clip", (rng.integers(-50, 50, size=40), -20, 30), reference=np.clip, name="integers"))
SAMPLES.append(Sample("clip", (rng.normal(size=40), -0.5, 0.5), reference=np.clip, differentiable=(0,), name="scalars"))

for dtype in ("bool", "uint8", "int8", "int16", "int32", "int64", "float64"):
    x = rng.integers(0, 100, size=(3, 41)).astype(dtype)
    SAMPLES.append(Sample("cast", (x, "int32"), reference=np.ndarray.astype, name=f"{dtype} to int32"))
    SAMPLES.append(Sample("cast", (x, "float32"), reference=np.ndarray.astype, name=f"{dtype} to float32"))
SAMPLES.append(
    Sample(
        "cast", (rng.normal(size=(5, 9)), "float64"), reference=np.ndarray.astype, differentiable=(0,), name="widened"
    )
)
SAMPLES.append(Sample("cast", (np.zeros(3), "float31"), error=(ValueError, "float31"), name="unknown"))

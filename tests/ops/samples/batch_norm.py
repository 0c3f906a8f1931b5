"""Samples of batch normalization: channels last and first, few and many channels, with and without coefficients."""

from __future__ import annotations

import numpy as np

from tests.ops.sample import Sample
from tests.reference import batch_norm as reference

rng = np.random.default_rng(3)

# The last ones are long enough for the repeated rows, several blocks, several pieces of a run.
CASES = [
    ((4, 3), -1),
    ((2, 5, 5, 7), -1),
    ((3, 2, 4, 4), 1),
    ((5, 6), 0),
    ((6, 1), 1),
    ((9, 70), -1),
    ((2100, 3), -1),
    ((5, 20, 20, 16), -1),
    ((40, 300), 1),
    ((2, 3, 5000), 1),
    ((1, 4), -1),
]

SAMPLES: list[Sample] = []
for shape, axis in CASES:
    channels = shape[axis]
    x = rng.normal(size=shape) * 2 + 1
    mean, offset, scale = rng.normal(size=(3, channels))
    variance = rng.uniform(0.5, 2, channels)
    SAMPLES += [
        Sample(
            "batch_normalization",
            (x, mean, variance, axis, offset, scale),
            {"epsilon": 1e-2},
            reference=reference.batch_normalization,
            differentiable=(0, 1, 2, 4, 5),
        ),
        Sample(
            "batch_norm_train",
            (x, scale, offset, axis),
            {"epsilon": 1e-2},
            reference=reference.batch_norm_train,
            differentiable=(0, 1, 2),
            depth=16,
        ),
    ]

x = rng.normal(size=(6, 4))
vector = np.ones(4)
SAMPLES += [
    Sample(
        "batch_normalization",
        (x, vector, vector),
        reference=reference.batch_normalization,
        differentiable=(0, 1, 2),
        name="no-coefficients",
    ),
    Sample(
        "batch_norm_train",
        (x, None, None),
        reference=reference.batch_norm_train,
        differentiable=(0,),
        name="no-coefficients",
    ),
    Sample(
        "batch_norm_train",
        (x, vector, None),
        reference=reference.batch_norm_train,
        differentiable=(0, 1),
        name="only-gamma",
    ),
    Sample(
        "batch_normalization",
        (np.ones((0, 4)), vector, vector),
        reference=reference.batch_normalization,
    ),
    Sample(
        "batch_normalization",
        (np.ones((3, 0)), np.ones(0), np.ones(0)),
        reference=reference.batch_normalization,
    ),
    Sample(
        "batch_normalization",
        (x, np.ones(3), vector),
        error=(ValueError, r"\(4,\).*\(6, 4\).*\(3,\)"),
    ),
    Sample(
        "batch_normalization",
        (x, None, vector),
        error=(ValueError, "both `mean` and `variance`"),
    ),
    Sample(
        "batch_normalization",
        (x, vector.astype("float32"), vector),
        error=(TypeError, "float64.*float32"),
    ),
    Sample(
        "batch_norm_train",
        (x, vector, vector),
        {"axis": 2},
        error=(ValueError, "axis 2"),
    ),
    Sample(
        "batch_norm_train",
        (x.astype(int), None, None),
        error=(TypeError, "int64.*cast to float32"),
    ),
]

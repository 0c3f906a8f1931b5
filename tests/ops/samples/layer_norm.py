"""Samples of layer normalization."""

from __future__ import annotations

import numpy as np

from tests.ops.sample import Sample
from tests.reference import layer_norm as reference

rng = np.random.default_rng(4)

CASES = [
    ((5, 1), -1),
    ((4, 3), -1),
    ((3, 7, 10), -1),
    ((5, 16), 1),
    ((70, 33), -1),
    ((2, 3, 4, 5), [2, 3]),
    ((2, 3, 4), [-3, -1, -2]),
    ((3, 300), [1]),
    ((1100, 40), -1),
    ((0, 4), -1),
    ((3, 4), 0),
    ((2, 3, 4, 5), 1),
    ((2, 3, 4, 5), [0, 2]),
    ((4, 3, 3), [-2, 0]),
]

SAMPLES: list[Sample] = []
for shape, axis in CASES:
    axes = [axis] if isinstance(axis, int) else axis
    inner = [shape[a] for a in sorted(a % len(shape) for a in axes)]
    SAMPLES.append(
        Sample(
            "layer_normalization",
            (
                rng.normal(size=shape) * 2 + 1,
                rng.normal(size=inner),
                rng.normal(size=inner),
                axis,
            ),
            {"epsilon": 1e-2},
            reference=reference.layer_normalization,
            differentiable=(0, 1, 2),
            depth=8,
        )
    )

x = rng.normal(size=(4, 6))
SAMPLES += [
    Sample(
        "layer_normalization",
        (x,),
        reference=reference.layer_normalization,
        differentiable=(0,),
        depth=8,
    ),
    Sample(
        "layer_normalization",
        (x, None, np.ones(6)),
        reference=reference.layer_normalization,
        differentiable=(0, 2),
    ),
    Sample("layer_normalization", (x, np.ones(4)), error=(ValueError, r"\(6,\).*\(4,\)")),
    Sample(
        "layer_normalization",
        (x, None, None, [1, 1]),
        error=(ValueError, "axis 1 is given twice"),
    ),
    Sample(
        "layer_normalization",
        (x, None, None, []),
        error=(ValueError, "at least one axis"),
    ),
    Sample("layer_normalization", (x, None, None, 2), error=(ValueError, "axis 2")),
]

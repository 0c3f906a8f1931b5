"""Samples of the activations on both sides of their kinks, which random numbers don't hit."""

from __future__ import annotations

import numpy as np

from tests.ops.sample import Sample
from tests.reference import activation as reference

rng = np.random.default_rng(5)

CALLS: list[tuple[str, dict]] = [
    ("relu", {}),
    ("relu", {"negative_slope": 0.1}),
    ("relu", {"max_value": 2.0}),
    ("relu", {"max_value": 6.0}),
    ("relu", {"negative_slope": 0.2, "max_value": 3.0, "threshold": 0.5}),
    ("leaky_relu", {}),
    ("relu6", {}),
    ("elu", {}),
    ("elu", {"alpha": 0.4}),
    ("selu", {}),
    ("sigmoid", {}),
    ("tanh", {}),
    ("softplus", {}),
    ("softsign", {}),
    ("silu", {}),
    ("gelu", {"approximate": True}),
    ("gelu", {"approximate": False}),
    ("mish", {}),
    ("hard_sigmoid", {}),
    ("hard_silu", {}),
    ("log_sigmoid", {}),
]

SAMPLES: list[Sample] = []
for op, options in CALLS:
    for shape in [(5, 13), (), (0, 3)]:
        x = rng.uniform(-8, 8, size=shape)
        SAMPLES.append(Sample(op, (x,), options, reference=getattr(reference, op), differentiable=(0,)))
for op in ("sigmoid", "gelu"):
    SAMPLES.append(Sample(op, (rng.uniform(-8, 8, size=(400, 211)),), reference=getattr(reference, op)))
SAMPLES.append(
    Sample("relu", (np.zeros(3),), {"max_value": -1.0}, error=(ValueError, "max_value"), name="negative maximum")
)
SAMPLES.append(Sample("gelu", (np.zeros(3, "float16"),), error=(TypeError, "cast to float32"), name="half"))

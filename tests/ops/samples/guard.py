"""Samples of the checks of values."""

from __future__ import annotations

import numpy as np

from tests.ops.sample import Sample
from tests.reference import guard as reference

rng = np.random.default_rng(5)


def with_value(size: int, position: int, value: float) -> np.ndarray:
    x = rng.normal(size=size)
    x[position] = value
    return x


SAMPLES = [
    Sample(
        "guard_finite",
        (np.ones((3, 4)), np.zeros(40000), np.array(1.0)),
        reference=reference.guard_finite,
    ),
    Sample(
        "guard_finite",
        (np.ones(3), np.ones(3, "int32")),
        reference=reference.guard_finite,
    ),
    Sample(
        "guard_finite",
        (np.full(5, 3e38),),
        reference=reference.guard_finite,
        name="largest",
    ),
    Sample(
        "guard_finite",
        (np.ones(3), with_value(50, 17, np.nan)),
        error=(ArithmeticError, "guard_finite"),
    ),
    Sample(
        "guard_finite",
        (with_value(40000, 39999, -np.inf),),
        error=(ArithmeticError, "guard_finite"),
    ),
    Sample("guard_finite", (), error=(ValueError, "at least one")),
]

for size, position in [(1, 0), (16, 15), (100, 3), (50000, 49999)]:
    for value in (0.0, np.nan, np.inf, -np.inf):
        SAMPLES.append(
            Sample(
                "all_finite",
                (with_value(size, position, value),),
                reference=reference.all_finite,
                name=f"{size}-{value}",
            )
        )
SAMPLES += [
    Sample("all_finite", (np.zeros((0, 3)),), reference=reference.all_finite),
    Sample("all_finite", (np.arange(4),), reference=reference.all_finite),
    Sample(
        "all_finite",
        (np.array([1.0, np.inf], "float16").view("float16"),),
        reference=reference.all_finite,
    ),
]

for dtype in ("uint8", "int8", "int16", "int32", "int64", "float64", "bool"):
    x = rng.integers(0, 2 if dtype == "bool" else 100, (7, 5)).astype(dtype)
    for lo, hi in [(0, 100), (0, 50), (30, 1000), (-5, 100000)]:
        SAMPLES.append(
            Sample(
                "in_range",
                (x, lo, hi),
                reference=reference.in_range,
                name=f"{dtype}-{lo}-{hi}",
            )
        )
SAMPLES += [
    Sample("in_range", (np.zeros(0, "int32"), 0, 1), reference=reference.in_range),
    Sample(
        "in_range",
        (with_value(20000, 19000, np.nan), -1000, 1000),
        reference=reference.in_range,
    ),
    Sample("in_range", (np.zeros(3, "float16"), 0, 1), error=(TypeError, "float16")),
]

"""Samples of softmax and log_softmax: rows shorter than a vector, around it, longer; other axes; extreme values."""

from __future__ import annotations

import numpy as np

from tests.ops.sample import Sample
from tests.reference import softmax as reference

rng = np.random.default_rng(1)

SHAPES = [
    (5, 1),
    (3, 2),
    (40, 3),
    (7, 8),
    (33, 10),
    (2, 3, 16),
    (4, 17),
    (3, 100),
    (2, 1000),
    (6,),
    (0, 5),
    (3, 0),
]
AXES = [
    ((4, 5, 3), 1),
    ((10, 20), 0),
    ((2, 9, 3, 2), -3),
    ((3, 1, 40), 1),
    ((2, 3, 70), -2),
]

SAMPLES: list[Sample] = []
for op in ("softmax", "log_softmax"):
    function = getattr(reference, op)
    for shape in SHAPES:
        SAMPLES.append(
            Sample(
                op,
                (rng.normal(size=shape) * 3,),
                reference=function,
                differentiable=(0,),
                depth=shape[-1] // 64,
            )
        )
    for shape, axis in AXES:
        SAMPLES.append(
            Sample(
                op,
                (rng.normal(size=shape) * 3,),
                {"axis": axis},
                reference=function,
                differentiable=(0,),
            )
        )
    extreme = np.array(
        [
            [1e4, -1e4, 1e4, 0.0],
            [-800.0, -801.0, -802.0, -803.0],
            [0.0, -np.inf, 1.0, 2.0],
        ]
    )
    SAMPLES += [
        Sample(op, (extreme,), reference=function, name="extreme"),
        Sample(
            op,
            (np.repeat(extreme, 5, axis=1),),
            reference=function,
            name="extreme-long",
        ),
        Sample(op, (np.ones((2, 3)),), {"axis": 2}, error=(ValueError, f"{op}.*axis 2")),
        Sample(op, (np.float32(1.0),), error=(ValueError, "axis -1")),
        Sample(op, (np.ones((2, 3), "int32"),), error=(TypeError, "int32.*cast to float32")),
    ]

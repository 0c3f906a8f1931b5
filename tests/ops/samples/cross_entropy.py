"""Samples of the cross-entropies from logits."""

from __future__ import annotations

import numpy as np

from tests.ops.sample import Sample
from tests.reference import cross_entropy as reference

rng = np.random.default_rng(2)

SAMPLES: list[Sample] = []

for shape in [(1, 1), (4, 2), (33, 10), (5, 16), (2, 3, 17), (3, 200), (0, 4)]:
    logits = rng.normal(size=shape) * 4
    for dtype in ("int32", "int64", "uint8"):
        labels = rng.integers(0, shape[-1], shape[:-1]).astype(dtype)
        SAMPLES.append(
            Sample(
                "sparse_softmax_cross_entropy",
                (labels, logits),
                reference=reference.sparse_softmax_cross_entropy,
                differentiable=(1,),
                name=f"{shape}-{dtype}",
            )
        )
    targets = rng.dirichlet(np.ones(shape[-1]), shape[:-1])
    SAMPLES.append(
        Sample(
            "softmax_cross_entropy",
            (targets, logits),
            reference=reference.softmax_cross_entropy,
            differentiable=(0, 1),
        )
    )

for shape in [(), (1,), (37,), (4, 5, 6), (0,)]:
    SAMPLES.append(
        Sample(
            "sigmoid_cross_entropy",
            (rng.uniform(size=shape), np.asarray(rng.normal(size=shape) * 5)),
            reference=reference.sigmoid_cross_entropy,
            differentiable=(0, 1),
        )
    )

logits = rng.normal(size=(3, 4))
SAMPLES += [
    Sample(
        "softmax_cross_entropy",
        (np.ones((3, 0)), np.ones((3, 0))),
        reference=reference.softmax_cross_entropy,
        name="no-classes",
    ),
    Sample("sparse_softmax_cross_entropy", (np.array([0]), np.ones((1, 0))), error=(IndexError, "0")),
    Sample(
        "sparse_softmax_cross_entropy",
        (np.array([[1], [0], [3]]), logits),
        reference=reference.sparse_softmax_cross_entropy,
        differentiable=(1,),
        name="column-of-labels",
    ),
    Sample(
        "sparse_softmax_cross_entropy",
        (np.array([0, 1]), np.array([[1e4, 0.0], [1e4, 0.0]])),
        reference=reference.sparse_softmax_cross_entropy,
        name="large-logits",
    ),
    Sample(
        "sigmoid_cross_entropy",
        (np.array([0.0, 1.0, 0.0, 1.0]), np.array([100.0, 100.0, -100.0, -100.0])),
        reference=reference.sigmoid_cross_entropy,
        name="saturated",
    ),
    Sample(
        "sparse_softmax_cross_entropy",
        (np.array([0, 4, 1]), logits),
        error=(IndexError, "4.*position 1"),
    ),
    Sample(
        "sparse_softmax_cross_entropy",
        (np.array([0, 1, -1]), logits),
        error=(IndexError, "-1.*position 2"),
    ),
    Sample(
        "sparse_softmax_cross_entropy",
        (np.array([0, 1]), logits),
        error=(ValueError, r"\(2,\).*\(3, 4\)"),
    ),
    Sample(
        "sparse_softmax_cross_entropy",
        (np.array([0.0, 1.0, 2.0]), logits),
        error=(TypeError, "integers"),
    ),
    Sample(
        "sparse_softmax_cross_entropy",
        (np.array(0), np.array(1.0)),
        error=(ValueError, "at least one axis"),
    ),
    Sample(
        "softmax_cross_entropy",
        (np.ones((3, 1)), logits),
        error=(ValueError, r"\(3, 1\).*\(3, 4\)"),
    ),
    Sample(
        "sigmoid_cross_entropy",
        (np.ones((3, 1)), logits),
        error=(ValueError, r"\(3, 1\).*\(3, 4\)"),
    ),
]

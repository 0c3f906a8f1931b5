"""Samples of the optimizer steps, the norm and clipping by it."""

from __future__ import annotations

import numpy as np

from tests.ops.sample import Sample
from tests.reference import optimizer as reference

rng = np.random.default_rng(6)

LR = np.array(0.01)
STEP = np.array(3)

SAMPLES: list[Sample] = []


def add(op: str, *args, **kwargs) -> None:
    SAMPLES.append(Sample(op, args, kwargs, reference=getattr(reference, op), name=f"{len(SAMPLES)}"))


for size in (0, 1, 16, 37, 20000):
    p, g, m = rng.normal(size=(3, size))
    a, b = rng.uniform(0.1, 2, size=(2, size))
    mean = g * 0.01
    for decay in (0.0, 0.1):
        add("sgd_update", p, g, LR, weight_decay=decay)
        for nesterov in (False, True):
            add(
                "momentum_update",
                p,
                g,
                m,
                LR,
                momentum=0.8,
                nesterov=nesterov,
                weight_decay=decay,
            )
        for v_hat in (None, b):
            add(
                "adam_update",
                p,
                g,
                m,
                a,
                v_hat,
                LR,
                STEP,
                beta_1=0.8,
                beta_2=0.99,
                weight_decay=decay,
            )
        for velocity in (None, m):
            for average in (None, mean):
                add(
                    "rmsprop_update",
                    p,
                    g,
                    a,
                    velocity,
                    average,
                    LR,
                    momentum=0.7,
                    weight_decay=decay,
                )
        add("adagrad_update", p, g, a, LR, weight_decay=decay)
        add("adadelta_update", p, g, a, b, LR, weight_decay=decay)
    add("squared_norm", p)
    add("clip_by_global_norm", p, 0.5)
    add("clip_by_global_norm", p, 1e6)
    add("clip_by_norm", p, np.array(16.0), 2.0)

p = rng.normal(size=5)
SAMPLES += [
    Sample(
        "adam_update",
        (p, p, p, p * p, None, LR, np.array(1)),
        reference=reference.adam_update,
        name="first-step",
    ),
    Sample("sgd_update", (p, p[:4], LR), error=(ValueError, r"\(5,\).*\(4,\)")),
    Sample(
        "sgd_update",
        (p, p.astype("float32"), LR),
        error=(ValueError, "float64.*float32"),
    ),
    Sample(
        "sgd_update",
        (p, p, np.array([0.1, 0.2])),
        error=(ValueError, r"learning rate.*\(2,\)"),
    ),
    Sample("sgd_update", (p.astype(int), p.astype(int), LR), error=(TypeError, "int64")),
    Sample(
        "adam_update",
        (p, p, p, p, p[:2], LR, STEP),
        error=(ValueError, r"\(5,\).*\(2,\)"),
    ),
    Sample(
        "adam_update",
        (p, p, p, p, None, LR, np.array([1, 2])),
        error=(ValueError, "step"),
    ),
    Sample("clip_by_global_norm", (p, 0.0), error=(ValueError, "positive")),
]

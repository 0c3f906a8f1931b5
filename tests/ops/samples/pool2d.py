"""Sample inputs of pooling."""

import numpy as np

from tests.ops.sample import Sample
from tests.reference import pool2d as reference

RNG = np.random.default_rng(4)


def both(images, **kwargs):
    """Distinct values: the maximum of a window has a gradient of its own."""
    x = RNG.permutation(np.arange(np.prod(images), dtype="float64")).reshape(images) / 8
    return [Sample(op, (x,), kwargs, getattr(reference, op), (0,)) for op in ("max_pool2d", "average_pool2d")]


def fails(pattern, images=(2, 6, 6, 4), **kwargs):
    return [
        Sample(op, (np.zeros(images, "float32"),), kwargs, error=(ValueError, pattern))
        for op in ("max_pool2d", "average_pool2d")
    ]


SAMPLES = [
    *both((2, 6, 6, 3), pool_size=(2, 2)),
    *both((2, 7, 5, 20), pool_size=(2, 2), padding="same"),
    *both((2, 7, 9, 1), pool_size=(3, 3), strides=(2, 2)),
    *both((2, 7, 9, 18), pool_size=(3, 3), strides=(1, 2), padding="same"),
    *both((1, 6, 9, 5), pool_size=(2, 3), strides=(3, 4), padding="same"),
    *both((2, 2, 3, 4), pool_size=(5, 4), strides=(1, 1), padding="same"),
    *both((8, 24, 24, 33), pool_size=(2, 2)),
    *both((8, 24, 24, 2), pool_size=(3, 3), strides=(3, 3), padding="same"),
    *both((0, 6, 6, 3), pool_size=(2, 2)),
    *fails("rank 4", images=(6, 6, 4), pool_size=2),
    *fails("zero or negative", pool_size=7),
    *fails("`pool_size` argument must be", pool_size=0),
    *fails("`strides` argument must be", pool_size=2, strides=(1, 0)),
    *fails("`padding` must be either", pool_size=2, padding="causal"),
]

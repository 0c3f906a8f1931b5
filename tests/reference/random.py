"""Philox4x32-10 and the distributions drawn from it, in NumPy."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
WEYL = (0x9E3779B9, 0xBB67AE85)
LOW = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)


def philox(counter: np.ndarray, key: tuple[int, int]) -> np.ndarray:
    """Ten rounds over counters of shape (blocks, 4)."""
    c = [counter[:, i].astype("uint64") for i in range(4)]
    key0, key1 = key
    for _ in range(10):
        product0, product1 = c[0] * MULTIPLIERS[0], c[2] * MULTIPLIERS[1]
        c = [
            (product1 >> HALF) ^ c[1] ^ np.uint64(key0),
            product1 & LOW,
            (product0 >> HALF) ^ c[3] ^ np.uint64(key1),
            product0 & LOW,
        ]
        key0, key1 = (key0 + WEYL[0]) % 2**32, (key1 + WEYL[1]) % 2**32
    return np.stack(c, axis=1)


def words(state: np.ndarray, count: int) -> np.ndarray:
    """Word i belongs to element i: groups of 16 blocks, word after word."""
    seed, draw = (int(s) % 2**64 for s in state)
    groups = -(-count // 64)
    blocks = np.arange(16 * groups, dtype="uint64")
    counter = np.stack(
        [blocks & LOW, blocks >> HALF, np.full_like(blocks, draw % 2**32), np.full_like(blocks, draw >> 32)], axis=1
    )
    drawn = philox(counter, (seed % 2**32, seed >> 32))
    return drawn.reshape(groups, 16, 4).transpose(0, 2, 1).reshape(-1)[:count]


def long_words(state: np.ndarray, count: int) -> np.ndarray:
    """64 bits per element: words i (low) and 32 + i (high) of each group."""
    groups = words(state, -(-count // 32) * 64).reshape(-1, 2, 32)
    return (groups[:, 0] | groups[:, 1] << HALF).reshape(-1)[:count]


def random_uniform(state, shape, minval=0.0, maxval=1.0, dtype="float32"):
    count = int(np.prod(shape))
    if dtype == "float32":
        u = (words(state, count) >> np.uint64(8)) * 2.0**-24
    else:
        u = (long_words(state, count) >> np.uint64(11)) * 2.0**-53
    return (minval + u * (maxval - minval)).reshape(shape)


def _normal(state, shape, mean, stddev, dtype, least_tail):
    count = int(np.prod(shape))
    if dtype == "float32":
        bits = words(state, count)
        magnitude = ((bits >> np.uint64(1)) + 0.5) * 2.0**-31
    else:
        bits = long_words(state, count)
        magnitude = ((bits >> np.uint64(12)) + 0.5) * 2.0**-52
    tail = least_tail + magnitude * (0.5 - least_tail)
    z = np.array([-NormalDist().inv_cdf(t) for t in tail])
    return (mean + stddev * np.where(bits & np.uint64(1), -z, z)).reshape(shape)


def random_normal(state, shape, mean=0.0, stddev=1.0, dtype="float32"):
    return _normal(state, shape, mean, stddev, dtype, 0.0)


def truncated_normal(state, shape, mean=0.0, stddev=1.0, dtype="float32"):
    return _normal(state, shape, mean, stddev, dtype, NormalDist().cdf(-2.0))


def randint(state, shape, low, high, dtype="int32"):
    bits = long_words(state, int(np.prod(shape)))
    return np.array([low + ((int(b) * (high - low)) >> 64) for b in bits], dtype).reshape(shape)


def dropout(x, state, rate):
    kept = words(state, x.size).reshape(x.shape) >= int(rate * 2.0**32 + 0.5)
    return np.where(kept, x / (1.0 - rate) if rate < 1 else 0.0, 0.0)


def random_permutation(state, count):
    order = np.zeros(count, "int32")
    for i, bits in enumerate(long_words(state, count)):
        j = (int(bits) * (i + 1)) >> 64
        order[i] = order[j]
        order[j] = i
    return order


def shuffle(state, x, axis=0):
    return np.take(x, random_permutation(state, x.shape[axis]), axis)

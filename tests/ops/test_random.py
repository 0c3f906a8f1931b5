"""Random numbers: the published vectors of Philox, moments, ranges, independence of draws."""

from __future__ import annotations

import numpy as np
import pytest

from pyneural import _core
from tests.reference import random as reference

STATE = np.array([20240607, 3])


@pytest.mark.parametrize(
    ("counter", "key", "wanted"),
    [
        ([0] * 4, (0, 0), "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ([0xFFFFFFFF] * 4, (0xFFFFFFFF, 0xFFFFFFFF), "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            (0xA4093822, 0x299F31D0),
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ],
)
def test_reference_has_the_published_vectors(counter: list[int], key: tuple[int, int], wanted: str) -> None:
    drawn = reference.philox(np.array([counter], "uint64"), key)[0]
    assert " ".join(f"{int(w):08x}" for w in drawn) == wanted


def test_uniform_is_the_reference_bit_for_bit() -> None:
    for count in (*range(1, 70), *range(127, 194), 1000):
        np.testing.assert_array_equal(
            np.asarray(_core.random_uniform(STATE, count)), reference.random_uniform(STATE, (count,)).astype("float32")
        )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_moments(dtype: str) -> None:
    n = 200_000
    u = np.asarray(_core.random_uniform(STATE, n, -1, 3, dtype))
    assert u.min() >= -1
    assert u.max() < 3
    assert abs(u.mean() - 1) < 0.02
    z = np.asarray(_core.random_normal(STATE, n, 2, 3, dtype)).astype("float64")
    assert abs(z.mean() - 2) < 0.03
    assert abs(z.std() - 3) < 0.03
    kurtosis = ((z - z.mean()) ** 4).mean() / z.var() ** 2
    assert abs(kurtosis - 3) < 0.1
    t = np.asarray(_core.truncated_normal(STATE, n, 2, 3, dtype))
    assert t.min() >= -4
    assert t.max() <= 8
    assert abs(t.mean() - 2) < 0.03
    assert abs(t.std() - 3 * 0.87962566) < 0.03


def test_normal_is_close_to_the_exact_quantile() -> None:
    for op in ("random_normal", "truncated_normal"):
        drawn = np.asarray(getattr(_core, op)(STATE, 20000))
        wanted = getattr(reference, op)(STATE, (20000,))
        np.testing.assert_allclose(drawn, wanted, rtol=2e-6, atol=2e-7)


def test_uniform_never_reaches_the_end() -> None:
    high = np.nextafter(np.float32(1), np.float32(2))
    drawn = np.asarray(_core.random_uniform(STATE, 1000, 1.0, float(high)))
    assert (drawn == 1).all()


def test_draws_of_other_states_differ() -> None:
    first = np.asarray(_core.random_uniform(STATE, 1000))
    for change in ([1, 0], [0, 1], [2**40, 0], [0, 2**40]):
        other = np.asarray(_core.random_uniform(STATE + change, 1000))
        assert abs(np.corrcoef(first, other)[0, 1]) < 0.15


def test_longer_draws_begin_like_shorter_ones() -> None:
    long = np.asarray(_core.random_normal(STATE, 40000))
    for n in (1, 63, 65, 16384, 16385):
        np.testing.assert_array_equal(np.asarray(_core.random_normal(STATE, n)), long[:n])


def test_dropout_keeps_the_expected_share() -> None:
    x = np.ones(100_000, "float32")
    for rate in (0.1, 0.5, 0.9):
        y = np.asarray(_core.dropout(x, STATE, rate))
        assert abs((y == 0).mean() - rate) < 0.01
        np.testing.assert_allclose(y[y != 0], 1 / (1 - rate), rtol=1e-6)


def test_dropout_drops_what_is_not_finite() -> None:
    x = np.full(1000, np.nan, "float32")
    y = np.asarray(_core.dropout(x, STATE, 0.5))
    np.testing.assert_array_equal(np.isnan(y), np.asarray(_core.dropout(np.ones_like(x), STATE, 0.5)) != 0)


def test_mask_is_the_same_in_float64_and_in_the_gradient() -> None:
    x = _core.tensor(np.ones(777, "float32"))
    _core.watch(x)
    _core.start_recording()
    try:
        y = _core.dropout(x, STATE, 0.4)
    finally:
        _core.stop_recording()
    np.testing.assert_array_equal(np.asarray(_core.gradients([y], [x])[0]), np.asarray(y))
    np.testing.assert_array_equal(np.asarray(_core.dropout(np.ones(777), STATE, 0.4)) != 0, np.asarray(y) != 0)


@pytest.mark.parametrize(
    ("dtype", "low", "high"),
    [("uint8", 0, 256), ("int8", -128, 128), ("int16", -5, 6), ("int32", -(2**31), 2**31), ("int64", -(2**62), 2**62)],
)
def test_randint_covers_its_range(dtype: str, low: int, high: int) -> None:
    drawn = np.asarray(_core.randint(STATE, 20000, low, high, dtype))
    assert drawn.dtype == dtype
    assert abs(drawn.astype("float64").mean() - (low + high - 1) / 2) < (high - low) * 0.01
    if high - low <= 256:
        assert set(np.unique(drawn)) == set(range(low, high))


def test_integers_are_the_same_for_any_number_of_threads(many_threads) -> None:
    drawn = []
    for threads in (1, 3):
        many_threads(threads)
        drawn.append(np.asarray(_core.randint(STATE, 40001, 0, 1000, "int32")))
    np.testing.assert_array_equal(*drawn)


def test_permutation() -> None:
    for n in (0, 1, 2, 10000):
        np.testing.assert_array_equal(np.sort(np.asarray(_core.random_permutation(STATE, n))), np.arange(n))


def test_a_long_permutation_is_that_of_the_reference() -> None:
    for state in (STATE, STATE + 1):
        np.testing.assert_array_equal(
            np.asarray(_core.random_permutation(state, 3000)), reference.random_permutation(state, 3000)
        )

"""Training gives the losses that Keras gives from the same weights."""

from __future__ import annotations

import json

import numpy as np
import pytest

import pyneural
from tests.models.trajectories import CASES, FILE, run

RECORDED = json.loads(FILE.read_text())["losses"]


@pytest.mark.parametrize("name", CASES)
def test_losses_follow_keras(name: str) -> None:
    # Rounding differs from the first step on and grows with each: 10 steps stay within 1e-4.
    np.testing.assert_allclose(run(pyneural, name), RECORDED[name], rtol=1e-4)


def test_the_same_bits_for_any_number_of_threads(many_threads) -> None:
    losses = []
    for threads in (1, 2, 4):
        many_threads(threads)
        losses.append([run(pyneural, name) for name in ("cnn-adam", "residual-adagrad", "mlp-adam")])
    assert losses[0] == losses[1] == losses[2]

"""The models of the sides that need nothing but NumPy do the same work as ours."""

from pathlib import Path

import numpy as np
import pytest

import pyneural as keras
from pyneural.bench import models

SIDES = Path(__file__).resolve().parents[2] / "benchmarks" / "sides"
DENSE = [case for case in models.trainings() if all(layer[0] == "dense" for layer in case["layers"])]


@pytest.mark.parametrize("case", DENSE, ids=lambda case: case["name"])
def test_a_step_by_hand_in_numpy_is_that_of_fit(monkeypatch, case):
    monkeypatch.syspath_prepend(str(SIDES))
    import numpy_models

    case = {**case, "steps": 1}
    network, model, (x, y) = numpy_models.Network(case), models.build(keras, case), models.data(case)
    model.set_weights([array for pair in network.parameters for array in pair])
    history = model.fit(x, y, batch_size=case["batch"], shuffle=False, verbose=0).history
    loss, correct = network.train(x, y)
    assert loss == pytest.approx(history["loss"][0], rel=1e-4)
    if case["accuracy"]:
        assert correct / case["batch"] == pytest.approx(history["accuracy"][0])
    ours = np.concatenate([weights.ravel() for weights in model.get_weights()])
    # Adam divides by the root of the squared gradient: where that is tiny, rounding decides about the step.
    rate = case["optimizer"][1]
    assert np.mean(np.abs(network.flat - ours) > 0.01 * rate) < 0.01


@pytest.mark.parametrize("case", models.trainings(), ids=lambda case: case["name"])
def test_every_model_can_be_built_and_has_data_for_an_epoch(case):
    x, y = models.data({**case, "steps": 2})
    assert x.shape == (2 * case["batch"], *case["inputs"])
    assert len(y) == len(x)
    assert models.build(keras, case).output_shape == (None, case["layers"][-1][1])

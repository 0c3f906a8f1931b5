"""Losses: against NumPy float64, and against numbers recorded from Keras 3."""

import numpy as np
import pytest

import pyneural as keras
from pyneural import losses
from tests.reference import losses as reference

Y = np.array([[0.64, 0.27, 0.04, 0.02], [0.81, 0.91, 0.61, 0.73], [0.54, 0.94, 0.82, 0.0]], "float32")
P = np.array([[0.84, 0.05, 0.72, 0.19], [0.85, 0.54, 0.31, 0.43], [0.05, 0.14, 0.66, 0.64]], "float32")
WEIGHTS = np.array([1, 0.5, 2], "float32")
LABELS = np.array([0, 3, 1])

# Keras 3.15: mean, weighted mean, weighted sum, weighted mean over the weights.
RECORDED = {
    "MeanSquaredError": [0.18445833027362823, 0.2807958424091339, 0.8423875570297241, 0.24068215489387512],
    "MeanAbsoluteError": [0.36416664719581604, 0.4962500035762787, 1.4887499809265137, 0.4253571331501007],
    "MeanAbsolutePercentageError": [53333584.0, 106666920.0, 320000768.0, 91428792.0],
    "MeanSquaredLogarithmicError": [0.0945393443107605, 0.14618273079395294, 0.43854820728302, 0.12529948353767395],
    "Huber": [0.09222916513681412, 0.14039792120456696, 0.42119377851486206, 0.12034107744693756],
    "LogCosh": [0.086766816675663, 0.13118334114551544, 0.3935500383377075, 0.11244286596775055],
    "Poisson": [1.0180199146270752, 1.2863630056381226, 3.8590891361236572, 1.1025968790054321],
    "KLDivergence": [1.5362340211868286, 2.4146900177001953, 7.244070053100586, 2.0697343349456787],
    "CosineSimilarity": [-0.751941978931427, -0.7767642140388489, -2.3302927017211914, -0.6657978892326355],
    "Hinge": [0.7527999877929688, 0.9312708377838135, 2.7938125133514404, 0.7982321381568909],
    "SquaredHinge": [0.6264985799789429, 0.8072774410247803, 2.421832323074341, 0.691952109336853],
    "CategoricalHinge": [0.6825666427612305, 0.9959666728973389, 2.9879000186920166, 0.853685736656189],
    "BinaryCrossentropy": [0.9081065058708191, 1.214788794517517, 3.6443662643432617, 1.0412474870681763],
    "CategoricalCrossentropy": [3.532438039779663, 4.384250640869141, 13.152751922607422, 3.7579290866851807],
}
FUNCTIONS = [name for name in dir(reference) if name[0].islower() and name not in ("np",)]


@pytest.mark.parametrize("name", RECORDED)
def test_reductions_are_those_of_keras(name):
    cls = getattr(losses, name)
    found = [
        cls()(Y, P),
        cls()(Y, P, WEIGHTS),
        cls(reduction="sum")(Y, P, WEIGHTS),
        cls(reduction="mean_with_sample_weight")(Y, P, WEIGHTS),
    ]
    np.testing.assert_allclose([float(v) for v in found], RECORDED[name], rtol=2e-6)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("binary", [False, True])
def test_values_per_sample(name, binary):
    rng = np.random.default_rng(1)
    y = rng.uniform(0.05, 0.95, (5, 3, 6))
    y = np.round(y) if binary else y
    p = rng.uniform(0.05, 0.95, (5, 3, 6))
    expected = getattr(reference, name)(y, p)
    single = np.asarray(getattr(losses, name)(y.astype("float32"), p.astype("float32")))
    double = np.asarray(getattr(losses, name)(y, p))
    assert single.shape == expected.shape
    np.testing.assert_allclose(single, expected, rtol=2e-5, atol=2e-6)
    np.testing.assert_allclose(double, expected, rtol=1e-9)


def test_sparse_categorical_crossentropy():
    cls = losses.SparseCategoricalCrossentropy
    np.testing.assert_allclose(np.asarray(cls(reduction=None)(LABELS, P)), [0.76214, 1.6000921, 2.3648891], rtol=1e-6)
    assert float(cls()(LABELS, P)) == pytest.approx(1.5757070779800415, rel=1e-6)
    assert float(cls(from_logits=True)(LABELS, P)) == pytest.approx(1.4062237739562988, rel=1e-6)
    assert float(cls(ignore_class=3)(LABELS, P)) == pytest.approx(1.5635145902633667, rel=1e-6)


def test_smoothing_and_logits():
    one_hot = keras.utils.to_categorical(LABELS, 4)
    cases = [
        (losses.CategoricalCrossentropy(label_smoothing=0.1)(one_hot, P), 1.59103262424469),
        (losses.CategoricalCrossentropy(from_logits=True)(Y, P), 2.979193687438965),
        (losses.BinaryCrossentropy(label_smoothing=0.1)(Y, P), 0.9133532643318176),
        (losses.BinaryCrossentropy(from_logits=True)(Y, P), 0.7067156434059143),
    ]
    for value, expected in cases:
        assert float(value) == pytest.approx(expected, rel=1e-6)


def test_probabilities_of_a_softmax_use_its_logits():
    logits = np.array([[200.0, -200.0, 0.0]], "float32")
    with keras.GradientTape() as tape:
        x = keras.ops.convert_to_tensor(logits)
        tape.watch(x)
        loss = losses.SparseCategoricalCrossentropy()([1], keras.ops.softmax(x))
    assert float(loss) == pytest.approx(400.0)  # from the rounded probability 0 it would be 16.1
    np.testing.assert_allclose(np.asarray(tape.gradient(loss, x)), [[1, -1, 0]], atol=1e-6)


@pytest.mark.parametrize("axis", [1, -2])
def test_other_class_axis(axis):
    rng = np.random.default_rng(2)
    logits = rng.normal(size=(4, 5, 3)).astype("float32")
    labels = rng.integers(0, 5, (4, 3))
    expected = losses.sparse_categorical_crossentropy(labels, np.moveaxis(logits, 1, -1), from_logits=True)
    found = losses.sparse_categorical_crossentropy(labels, logits, from_logits=True, axis=axis)
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=1e-6)


@pytest.mark.parametrize("name", ["mean_squared_error", "huber", "binary_crossentropy", "hinge", "kl_divergence"])
def test_shapes_that_would_broadcast_are_errors(name):
    with pytest.raises(ValueError, match=r"y_true.shape=\(8, 3\), y_pred.shape=\(8, 1\)"):
        getattr(losses, name)(np.zeros((8, 3)), np.zeros((8, 1)))


def test_last_axis_of_size_one_may_be_missing():
    y = np.arange(4.0, dtype="float32")
    assert float(losses.MeanSquaredError()(y, y[:, None])) == 0.0


def test_wrong_targets_name_the_right_loss():
    with pytest.raises(ValueError, match="categorical_crossentropy"):
        losses.sparse_categorical_crossentropy(np.zeros((3, 4)), P)
    with pytest.raises(ValueError, match="to_categorical"):
        losses.categorical_crossentropy(LABELS, P)


def test_weights_of_steps():
    y, p = np.zeros((2, 3, 1), "float32"), np.ones((2, 3, 1), "float32")
    weights = np.array([[1, 0, 0], [2, 2, 2]], "float32")
    assert float(losses.MeanSquaredError()(y, p, weights)) == pytest.approx(7 / 6)
    assert float(losses.MeanSquaredError()(y, p, np.array([1, 0], "float32"))) == pytest.approx(0.5)


def test_get_and_serialize():
    assert losses.get("mse") is losses.mean_squared_error
    assert isinstance(losses.get("MeanSquaredError"), losses.MeanSquaredError)
    assert losses.get(None) is None
    huber = losses.deserialize(losses.serialize(losses.Huber(delta=0.5)))
    assert isinstance(huber, losses.Huber)
    assert huber.get_config() == {"name": "huber_loss", "reduction": "sum_over_batch_size", "delta": 0.5}
    with pytest.raises(ValueError, match="Could not interpret loss identifier: nonsense"):
        losses.get("nonsense")
    with pytest.raises(ValueError, match="Invalid value for argument `reduction`"):
        losses.MeanSquaredError(reduction="median")


def test_own_loss_class():
    class Cubic(losses.Loss):
        def call(self, y_true, y_pred):
            return keras.ops.mean(keras.ops.absolute(y_true - y_pred) ** 3, axis=-1)

    assert float(Cubic()(np.zeros((4, 2), "float32"), np.full((4, 2), 2, "float32"))) == 8.0

"""Metrics: numbers recorded from Keras 3, and state."""

import numpy as np
import pytest

import pyneural as keras
from pyneural import metrics
from tests.test_losses import LABELS, WEIGHTS, P, Y

BINARY = (Y > 0.5).astype("float32")
_INPUTS = {
    "Accuracy": (BINARY, (P > 0.5).astype("float32")),
    "BinaryAccuracy": (BINARY, P),
    "SparseCategoricalAccuracy": (LABELS, P),
    "SparseTopKCategoricalAccuracy": (LABELS, P),
    "Precision": (BINARY, P),
    "Recall": (BINARY, P),
    "AUC": (BINARY, P),
    "BinaryCrossentropy": (BINARY, P),
    "TruePositives": (BINARY, P),
    "FalseNegatives": (BINARY, P),
}
# Keras 3.15: after one batch, and after a second, weighted one with reversed targets. TopK: k=2.
RECORDED = {
    "Accuracy": [0.5, 0.4615384638309479],
    "BinaryAccuracy": [0.5, 0.4615384638309479],
    "CategoricalAccuracy": [0.3333333432674408, 0.1538461595773697],
    "SparseCategoricalAccuracy": [0.3333333432674408, 0.1538461595773697],
    "TopKCategoricalAccuracy": [0.6666666865348816, 0.38461539149284363],
    "SparseTopKCategoricalAccuracy": [0.3333333432674408, 0.1538461595773697],
    "MeanSquaredError": [0.18445833027362823, 0.2141750007867813],
    "RootMeanSquaredError": [0.42948612570762634, 0.46279045939445496],
    "MeanAbsoluteError": [0.36416664719581604, 0.39519229531288147],
    "Precision": [0.6666666865348816, 0.5384615659713745],
    "Recall": [0.5, 0.46666666865348816],
    "AUC": [0.578125, 0.5121212005615234],
    "CosineSimilarity": [0.751941978931427, 0.5822756290435791],
    "LogCoshError": [0.086766816675663, 0.10038094967603683],
    "BinaryCrossentropy": [0.9085169434547424, 1.0193259716033936],
    "TruePositives": [4.0, 7.0],
    "FalseNegatives": [4.0, 8.0],
}
AUC_RECORDED = {
    ("ROC", "interpolation"): 0.578125,
    ("ROC", "minoring"): 0.5625,
    ("ROC", "majoring"): 0.59375,
    ("PR", "interpolation"): 0.7673187851905823,
    ("PR", "minoring"): 0.6226190328598022,
    ("PR", "majoring"): 0.7851190567016602,
}


@pytest.mark.parametrize("name", RECORDED)
def test_results_are_those_of_keras(name):
    y, p = _INPUTS.get(name, (Y, P))
    metric = getattr(metrics, name)(**({"k": 2} if "TopK" in name else {}))
    metric.update_state(y, p)
    first = float(metric.result())
    metric.update_state(y[::-1].copy(), p, sample_weight=WEIGHTS)
    np.testing.assert_allclose([first, float(metric.result())], RECORDED[name], rtol=3e-6)
    metric.reset_state()
    metric.update_state(y, p)
    assert float(metric.result()) == first


@pytest.mark.parametrize(("curve", "method"), AUC_RECORDED)
def test_auc(curve, method):
    metric = metrics.AUC(curve=curve, summation_method=method)
    metric.update_state(BINARY, P)
    assert float(metric.result()) == pytest.approx(AUC_RECORDED[curve, method], rel=1e-5)


def test_auc_of_a_perfect_ranking_and_of_logits():
    y = np.array([0, 0, 1, 1], "float32")
    metric = metrics.AUC(from_logits=True)
    metric.update_state(y, np.array([-3, -1, 1, 3], "float32"))
    assert float(metric.result()) == pytest.approx(1.0)
    with pytest.raises(ValueError, match="Invalid AUC curve value"):
        metrics.AUC(curve="XYZ")


def test_thresholds_top_k_and_class():
    several = metrics.Precision(thresholds=[0.2, 0.6])
    several.update_state(BINARY, P)
    np.testing.assert_allclose(np.asarray(several.result()), [0.75, 0.6], rtol=1e-6)
    top = metrics.Precision(top_k=2)
    top.update_state(BINARY, P)
    assert float(top.result()) == pytest.approx(2 / 3)
    one = metrics.Recall(class_id=1)
    one.update_state(BINARY, P)
    assert float(one.result()) == 0.5


def test_mean_and_sum():
    mean, total = metrics.Mean(), metrics.Sum()
    assert float(mean.result()) == 0.0
    for metric in (mean, total):
        metric.update_state([1.0, 3.0, 5.0, 7.0], sample_weight=[1, 1, 0, 0])
        metric.update_state(4.0)
    assert float(mean.result()) == pytest.approx(8 / 3)
    assert float(total.result()) == 8.0
    assert mean.variables[0].name == "total"


def test_own_metric_in_fit():
    class Bias(metrics.Metric):
        def __init__(self, name="bias", **kwargs):
            super().__init__(name=name, **kwargs)
            self.total = self.add_weight(name="total", initializer="zeros")
            self.count = self.add_weight(name="count", initializer="zeros")

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.total.assign_add(keras.ops.sum(y_pred - y_true))
            self.count.assign_add(float(y_pred.shape[0]))

        def result(self):
            return self.total / self.count

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, kernel_initializer="zeros")])
    model.compile(keras.optimizers.SGD(0.0), "mse", metrics=[Bias()])
    history = model.fit(np.ones((6, 2)), np.full((6, 1), 3.0), epochs=2, verbose=0, batch_size=4)
    assert history.history["bias"] == [-3.0, -3.0]


def test_get_and_serialize():
    assert isinstance(metrics.get("mse"), metrics.MeanSquaredError)
    assert isinstance(metrics.get("sparse_top_k_categorical_accuracy"), metrics.SparseTopKCategoricalAccuracy)
    copy = metrics.deserialize(metrics.serialize(metrics.Precision(thresholds=0.3, name="p")))
    assert isinstance(copy, metrics.Precision)
    assert (copy.name, copy.thresholds) == ("p", [0.3])
    with pytest.raises(ValueError, match="Could not interpret metric identifier"):
        metrics.get("nonsense")

"""scikit-learn: MLPClassifier, which trains dense networks with cross-entropy."""

import sklearn
from common import models
from sklearn.neural_network import MLPClassifier

ACTIVATIONS = {"relu": "relu", "sigmoid": "logistic", "tanh": "tanh"}


def info():
    return {"scikit-learn": sklearn.__version__}


def set_threads(threads):
    if threads:
        from threadpoolctl import threadpool_limits

        threadpool_limits(threads)


def prepare(case):
    """One epoch of shuffled batches: a `partial_fit`. There is no mean squared error, and no convolution."""
    if case["op"] != "train" or case["loss"] == "mse" or any(layer[0] != "dense" for layer in case["layers"]):
        return None
    x, y = models.data(case)
    y = y.astype(int).ravel()
    *hidden, last = case["layers"]
    name, rate = case["optimizer"]
    model = MLPClassifier(
        [units for _, units, _ in hidden],
        activation=ACTIVATIONS[hidden[0][2]],
        solver=name,
        alpha=0.0,
        batch_size=case["batch"],
        learning_rate_init=rate,
        momentum=0.0,
    )
    classes = list(range(max(2, last[1])))
    return {"partial_fit": (lambda: model.partial_fit(x, y, classes=classes), case["steps"])}

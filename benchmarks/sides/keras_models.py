"""Training and prediction with Keras's API: of Keras itself, and of pyneural."""

from common import models


def builders(keras):
    """The builders of the cases that are whole models, for one library."""
    return {"train": lambda case: train(keras, case), "predict": lambda case: predict(keras, case)}


def train(keras, case):
    model, (x, y) = models.build(keras, case), models.data(case)
    run = lambda: model.fit(x, y, batch_size=case["batch"], epochs=1, verbose=0)  # noqa: E731
    return {"fit": (run, case["steps"])}


def predict(keras, case):
    model, (x, _) = models.build(keras, case), models.data(case)
    if case["call"] == "model(x)":
        return {"model(x)": (lambda: model(x), case["steps"])}
    return {"predict": (lambda: model.predict(x, batch_size=case["batch"], verbose=0), case["steps"])}

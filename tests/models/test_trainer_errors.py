"""Mistakes of users: each one is an error that says what is wrong, and leaves the weights alone."""

import re

import numpy as np
import pytest

import pyneural as keras
from pyneural import layers

X = np.random.default_rng(0).normal(size=(64, 8)).astype("float32")
ZEROS = np.zeros(64)


def mlp(units=1, activation=None):
    return keras.Sequential(
        [keras.Input((8,)), layers.Dense(16), layers.Dense(units, activation=activation, name="out")]
    )


def _with_nan():
    x = X.copy()
    x[3, 2] = np.nan
    return x


def _with_infinity():
    y = ZEROS.copy()
    y[5] = np.inf
    return y


# (what, model, loss, x, y, options of fit, part of the message)
MISTAKES = [
    (
        "targets that would broadcast",
        lambda: mlp(),
        "mse",
        X,
        np.zeros((64, 3)),
        {},
        "Output 'out' of the model: `mean_squared_error` compares targets and predictions element by element, but "
        "their shapes differ: y_true.shape=(32, 3), y_pred.shape=(32, 1).",
    ),
    (
        "class number too large",
        lambda: mlp(10, "softmax"),
        "sparse_categorical_crossentropy",
        X,
        np.full(64, 10),
        {},
        "`y` holds the class number 10 (at position 0), but the model's output has 10 classes: "
        "`sparse_categorical_crossentropy` expects class numbers from 0 to 9.",
    ),
    (
        "class numbers that are not whole",
        lambda: mlp(10, "softmax"),
        "sparse_categorical_crossentropy",
        X,
        np.full(64, 1.5),
        {},
        "`y` holds the value 1.5, but `sparse_categorical_crossentropy` expects whole class numbers.",
    ),
    (
        "negative class number",
        lambda: mlp(10, "softmax"),
        "sparse_categorical_crossentropy",
        X,
        np.r_[ZEROS[:63], -1],
        {},
        "`y` holds the class number -1.0 (at position 63)",
    ),
    ("NaN in x", lambda: mlp(), "mse", _with_nan(), ZEROS, {}, "`x` holds a value that is not finite: x[3, 2] = nan"),
    (
        "infinity in y",
        lambda: mlp(),
        "mse",
        X,
        _with_infinity(),
        {},
        "`y` holds a value that is not finite: y[5] = inf",
    ),
    (
        "softmax over one unit",
        lambda: mlp(1, "softmax"),
        "binary_crossentropy",
        X,
        ZEROS,
        {},
        "Output 'out' is a softmax over one unit, which is always 1. Use `activation='sigmoid'`",
    ),
    (
        "logits taken for probabilities",
        lambda: mlp(1),
        "binary_crossentropy",
        X * 10,
        ZEROS,
        {},
        "but the loss `binary_crossentropy` expects probabilities between 0 and 1. Either end the model with a sigmoid",
    ),
    (
        "targets of a binary loss out of range",
        lambda: mlp(1, "sigmoid"),
        "binary_crossentropy",
        X,
        np.full(64, 2),
        {},
        "`y` holds the value 2, but a cross-entropy needs targets between 0 and 1.",
    ),
    (
        "one-hot targets of a sparse loss",
        lambda: mlp(3, "softmax"),
        "sparse_categorical_crossentropy",
        X,
        np.zeros((64, 3)),
        {},
        "One-hot targets belong to `categorical_crossentropy`.",
    ),
    (
        "class numbers of a one-hot loss",
        lambda: mlp(3, "softmax"),
        "categorical_crossentropy",
        X,
        ZEROS,
        {},
        "Class numbers belong to `sparse_categorical_crossentropy`",
    ),
    (
        "index out of the range of an embedding",
        lambda: keras.Sequential(
            [keras.Input((4,), dtype="int32"), layers.Embedding(5, 3), layers.Flatten(), layers.Dense(1)]
        ),
        "mse",
        np.full((64, 4), 7),
        ZEROS,
        {},
        "index 7 is out of range for size 5",
    ),
    (
        "batch size 0",
        lambda: mlp(),
        "mse",
        X,
        ZEROS,
        {"batch_size": 0},
        "`batch_size` must be a positive integer. Received: batch_size=0",
    ),
    (
        "no samples",
        lambda: mlp(),
        "mse",
        X[:0],
        ZEROS[:0],
        {},
        "The data has no samples. Received x with shape (0, 8).",
    ),
    ("wrong number of features", lambda: mlp(), "mse", X[:, :5], ZEROS, {}, "have value 8, but received"),
    (
        "arrays of different lengths",
        lambda: mlp(),
        "mse",
        X,
        ZEROS[:10],
        {},
        "Data cardinality is ambiguous. Make sure all arrays contain the same number of samples.\n'x' sizes: 64\n"
        "'y' sizes: 10\n",
    ),
    (
        "text",
        lambda: mlp(),
        "mse",
        np.array([["a"] * 8] * 64),
        ZEROS,
        {},
        "Invalid dtype: <U1 of `x`. Expected numbers",
    ),
    ("no targets", lambda: mlp(), "mse", X, None, {}, "compiled with a loss, but no targets `y` were given"),
    ("no loss", lambda: mlp(), None, X, ZEROS, {}, "No loss to compute. Provide a `loss` argument in `compile()`."),
    (
        "validation split that leaves nothing",
        lambda: mlp(),
        "mse",
        X,
        ZEROS,
        {"validation_split": 0.99},
        "Training data contains 64 samples, which is not sufficient to split it",
    ),
    (
        "both kinds of weights",
        lambda: mlp(),
        "mse",
        X,
        ZEROS,
        {"class_weight": {0: 2.0}, "sample_weight": np.ones(64)},
        "You cannot `class_weight` and `sample_weight` at the same time.",
    ),
    ("epochs below 0", lambda: mlp(), "mse", X, ZEROS, {"epochs": -1}, "`epochs` must be a positive integer."),
]


@pytest.mark.parametrize(
    ("make", "loss", "x", "y", "options", "message"), [m[1:] for m in MISTAKES], ids=[m[0] for m in MISTAKES]
)
def test_mistake(make, loss, x, y, options, message):
    model = make()
    model.compile("adam", loss)
    before = model.get_weights()
    with pytest.raises((ValueError, IndexError), match=re.escape(message)):
        model.fit(x, y, verbose=0, **options)
    for old, new in zip(before, model.get_weights()):
        np.testing.assert_array_equal(old, new)


def test_not_compiled():
    for method in ("fit", "evaluate", "train_on_batch", "test_on_batch"):
        with pytest.raises(ValueError, match=re.escape("You must call `compile()` before using the model.")):
            getattr(mlp(), method)(X, ZEROS)


def test_iterables_bring_their_own_targets():
    model = mlp()
    model.compile("sgd", "mse")
    batches = ((X[:4], ZEROS[:4]) for _ in range(2))
    with pytest.raises(ValueError, match="the targets should be included in `x`"):
        model.fit(batches, ZEROS, verbose=0)
    with pytest.raises(ValueError, match="its batches have a size already"):
        model.fit(batches, batch_size=3, verbose=0)
    with pytest.raises(ValueError, match="Unrecognized data type"):
        model.fit(3, ZEROS, verbose=0)


def test_bad_batch_of_a_generator_is_found_when_it_comes():
    model = mlp()
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="not finite"):
        model.fit(((x, ZEROS[:4]) for x in (X[:4], _with_nan()[:4])), verbose=0)


def test_losses_that_do_not_fit_the_outputs():
    inputs = keras.Input((8,))
    model = keras.Model(inputs, [layers.Dense(1, name="a")(inputs), layers.Dense(1, name="b")(inputs)])
    model.compile("sgd", loss={"a": "mse", "c": "mse"})
    with pytest.raises(
        ValueError, match=re.escape("Expected keys ['a', 'b'] in loss dict, but found loss.keys()=['a', 'c']")
    ):
        model.fit(X, [ZEROS, ZEROS], verbose=0)
    model.compile("sgd", loss=["mse"] * 3)
    with pytest.raises(ValueError, match="it should have as many entries as the model has outputs"):
        model.fit(X, [ZEROS, ZEROS], verbose=0)
    model.compile("sgd", loss="mse")
    with pytest.raises(ValueError, match="`y` is a single array: pass a list or a dict"):
        model.fit(X, ZEROS, verbose=0)


def test_divergence_stops_before_the_weights():
    model = mlp()
    model.compile(keras.optimizers.SGD(1e30), "mse", metrics=["mae"])
    with pytest.raises(ValueError, match="became NaN or infinite in batch 2 of epoch 1") as caught:
        model.fit(X, np.ones(64), epochs=3, shuffle=False, verbose=0)
    assert (caught.value.epoch, caught.value.batch) == (0, 1)
    assert isinstance(caught.value, ArithmeticError)
    assert all(np.isfinite(w).all() for w in model.get_weights())
    assert int(model.optimizer.iterations.numpy()) == 1


def test_divergence_of_one_batch():
    model = mlp()
    model.compile(keras.optimizers.SGD(1e30), "mse")
    model.train_on_batch(X, np.ones(64))
    with pytest.raises(ValueError, match="became NaN or infinite"):
        model.train_on_batch(X, np.ones(64))


def test_check_finite_can_be_turned_off():
    model = mlp()
    model.compile("sgd", "mse", check_finite=False)
    history = model.fit(_with_nan(), ZEROS, verbose=0, epochs=2)
    assert np.isnan(history.history["loss"][-1])

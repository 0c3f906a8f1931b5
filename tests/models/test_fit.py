"""fit, evaluate and predict: trajectories recorded from Keras 3.15 with the same weights, and all kinds of data."""

import numpy as np
import pytest

import pyneural as keras
from pyneural import layers, losses, metrics, optimizers


def wave(shape, k=1.0):
    count = int(np.prod(shape))
    return (np.sin(np.arange(count) * 1.7 * k + k).reshape(shape) * 0.8).astype("float32")


def with_waves(model):
    model.set_weights([wave(w.shape, 1 + 0.1 * i) for i, w in enumerate(model.get_weights())])
    return model


def mlp(activation, units):
    stack = [keras.Input((6,)), layers.Dense(8, activation="relu"), layers.Dense(units, activation=activation)]
    return with_waves(keras.Sequential(stack))


X = wave((10, 6))
LABELS = (np.arange(10) * 7 % 3).astype("int32")
BINARY = (np.arange(10) % 2).astype("float32")
NUMBERS = wave((10, 2), 2.0)


def check(history, recorded, rtol=1e-5):
    assert list(history.history) == list(recorded)
    for name, values in recorded.items():
        np.testing.assert_allclose(history.history[name], values, rtol=rtol, atol=1e-6, err_msg=name)


def test_classification_is_that_of_keras():
    model = mlp("softmax", 3)
    model.compile(optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    options = {"batch_size": 4, "shuffle": False, "verbose": 0}
    history = model.fit(X, LABELS, epochs=3, validation_data=(X[:5], LABELS[:5]), **options)
    check(
        history,
        {
            "accuracy": [0.4, 0.4, 0.5],
            "loss": [1.674473, 1.505885, 1.373346],
            "val_accuracy": [0.4, 0.4, 0.6],
            "val_loss": [0.997526, 0.90441, 0.825932],
        },
    )
    assert history.epoch == [0, 1, 2]
    assert model.evaluate(X, LABELS, verbose=0, batch_size=4) == pytest.approx([1.2956491, 0.6], rel=1e-5)
    expected = [[0.882794, 0.10751, 0.009697], [0.650653, 0.346857, 0.00249]]
    np.testing.assert_allclose(model.predict(X[:2], verbose=0), expected, atol=3e-6)


def test_binary_with_sample_weights_is_that_of_keras():
    model = mlp("sigmoid", 1)
    model.compile(
        optimizers.SGD(0.1, momentum=0.9),
        "binary_crossentropy",
        metrics=["accuracy", metrics.AUC(name="auc")],
        weighted_metrics=["mse"],
    )
    weights = np.linspace(0.5, 2, 10).astype("float32")
    history = model.fit(X, BINARY, batch_size=4, epochs=3, shuffle=False, verbose=0, sample_weight=weights)
    check(
        history,
        {
            "accuracy": [0.5, 0.5, 0.5],
            "auc": [0.52, 0.6, 0.6],
            "loss": [1.256519, 0.857579, 0.883848],
            "mse": [0.346993, 0.242654, 0.259849],
        },
    )


def test_regression_with_validation_split_is_that_of_keras():
    model = mlp(None, 2)
    model.compile("rmsprop", "mse", metrics=["mae"])
    history = model.fit(X, NUMBERS, batch_size=5, epochs=2, shuffle=False, verbose=0, validation_split=0.2)
    check(
        history,
        {
            "loss": [0.866218, 0.8179],
            "mae": [0.726094, 0.703271],
            "val_loss": [0.705801, 0.676294],
            "val_mae": [0.73788, 0.718811],
        },
    )


def test_class_weights_are_those_of_keras():
    model = mlp("softmax", 3)
    model.compile("adam", losses.SparseCategoricalCrossentropy(), metrics=["acc"])
    history = model.fit(X, LABELS, batch_size=4, epochs=2, shuffle=False, verbose=0, class_weight={0: 2.0, 2: 0.5})
    check(history, {"acc": [0.4, 0.4], "loss": [1.112895, 1.102345]})


def two_outputs():
    inputs = keras.Input((6,))
    hidden = layers.Dense(5, activation="tanh", kernel_regularizer=keras.regularizers.L2(0.01))(inputs)
    outputs = [layers.Dense(2, name="a")(hidden), layers.Dense(3, activation="softmax", name="b")(hidden)]
    return with_waves(keras.Model(inputs, outputs))


def test_two_outputs_are_those_of_keras():
    model = two_outputs()
    model.compile(
        optimizers.Adam(0.01),
        loss={"a": "mse", "b": "sparse_categorical_crossentropy"},
        loss_weights={"a": 0.5, "b": 2.0},
        metrics={"a": ["mae"], "b": ["accuracy"]},
    )
    history = model.fit(X, {"a": NUMBERS, "b": LABELS}, batch_size=4, epochs=2, shuffle=False, verbose=0)
    check(
        history,
        {
            "a_loss": [1.340538, 1.16335],
            "a_mae": [0.930061, 0.874556],
            "b_accuracy": [0.3, 0.3],
            "b_loss": [1.545421, 1.409459],
            "loss": [3.85529, 3.492436],
        },
    )
    recorded = [3.2620749, 1.0470119, 1.3241112, 0.8344801, 0.4]
    np.testing.assert_allclose(model.evaluate(X, [NUMBERS, LABELS], verbose=0), recorded, rtol=1e-5)
    outputs = model.predict(X, verbose=0)
    assert [output.shape for output in outputs] == [(10, 2), (10, 3)]


def test_loss_and_metric_lists_for_outputs():
    model = two_outputs()
    model.compile(
        "sgd",
        loss=["mse", "sparse_categorical_crossentropy"],
        metrics=[["mae"], ["accuracy", "sparse_categorical_crossentropy"]],
    )
    names = ["a_loss", "a_mae", "b_accuracy", "b_loss", "b_sparse_categorical_crossentropy", "loss"]
    assert sorted(model.fit(X, [NUMBERS, LABELS], verbose=0).history) == names


def test_batch_methods_are_those_of_keras():
    model = mlp(None, 1)
    model.compile("sgd", "mse", metrics=["mae"])
    assert model.train_on_batch(X, BINARY) == pytest.approx([2.5581863, 1.4474605], rel=1e-5)
    logs = model.train_on_batch(X, BINARY, return_dict=True)
    assert logs == pytest.approx({"loss": 2.1718359, "mae": 1.3236371}, rel=1e-5)
    assert model.test_on_batch(X, BINARY) == pytest.approx([1.8612416, 1.2219274], rel=1e-5)
    np.testing.assert_array_equal(model.predict_on_batch(X), model.predict(X, verbose=0))


def compiled():
    model = mlp(None, 1)
    model.compile("adam", "mse", metrics=["mae"])
    return model


def _batches():
    for start in range(0, 10, 4):
        yield X[start : start + 4], BINARY[start : start + 4]


class _Dataset(keras.utils.PyDataset):
    ended = 0

    def __len__(self):
        return 3

    def __getitem__(self, index):
        return X[index * 4 : index * 4 + 4], BINARY[index * 4 : index * 4 + 4]

    def on_epoch_end(self):
        self.ended += 1


class _Loader:
    def __iter__(self):
        return ([x, y] for x, y in _batches())

    def __len__(self):
        return 3


@pytest.mark.parametrize("workers", [1, 3])
def test_datasets_give_the_same_as_arrays(workers):
    expected = compiled().fit(X, BINARY, batch_size=4, epochs=2, shuffle=False, verbose=0).history
    dataset = _Dataset(workers=workers)
    assert compiled().fit(dataset, epochs=2, shuffle=False, verbose=0).history == expected
    assert dataset.ended == 2
    assert compiled().fit(_Loader(), epochs=2, verbose=0).history == expected


def test_generators():
    def forever():
        while True:
            yield from _batches()

    expected = compiled().fit(X, BINARY, batch_size=4, epochs=2, shuffle=False, verbose=0).history
    assert compiled().fit(forever(), steps_per_epoch=3, epochs=2, verbose=0).history == expected
    with pytest.warns(UserWarning, match="ran out of data"):
        compiled().fit(_batches(), steps_per_epoch=3, epochs=2, verbose=0)
    model = compiled()
    assert model.evaluate(_batches(), verbose=0) == pytest.approx(model.evaluate(X, BINARY, verbose=0), rel=1e-6)
    np.testing.assert_allclose(model.predict(_Dataset(), verbose=0), model.predict(X, verbose=0), rtol=1e-6)


def test_lists_pandas_and_other_dtypes():
    pandas = pytest.importorskip("pandas")
    options = {"batch_size": 4, "shuffle": False, "verbose": 0}
    expected = compiled().fit(X, BINARY, **options).history
    assert compiled().fit(pandas.DataFrame(X), pandas.Series(BINARY), **options).history == expected
    assert compiled().fit(X.tolist(), BINARY.astype("int64").tolist(), **options).history == expected
    assert compiled().fit(X.astype("float64"), BINARY.astype("bool"), **options).history == expected
    strided = np.asfortranarray(X)
    assert compiled().fit(strided, BINARY.astype("uint16"), **options).history == expected


def test_inputs_by_name():
    left, right = keras.Input((6,), name="left"), keras.Input((2,), name="right")
    model = keras.Model({"left": left, "right": right}, layers.Dense(1)(layers.Concatenate()([left, right])))
    model.compile("sgd", "mse")
    data = {"right": NUMBERS, "left": X}
    assert len(model.fit(data, BINARY, verbose=0, epochs=2).history["loss"]) == 2
    assert model.predict(data, verbose=0).shape == (10, 1)


def test_steps_per_epoch_goes_on_through_the_rows():
    model = compiled()
    seen = []

    class Count(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(batch)

    history = model.fit(X, BINARY, batch_size=4, steps_per_epoch=2, epochs=3, verbose=0, callbacks=[Count()])
    assert seen == [0, 1] * 3
    assert len(history.epoch) == 3


def test_shuffling_is_repeated_by_a_seed():
    def run():
        keras.utils.set_random_seed(5)
        model = keras.Sequential([keras.Input((6,)), layers.Dense(8), layers.Dropout(0.5), layers.Dense(1)])
        model.compile("adam", "mse")
        model.fit(X, BINARY, batch_size=3, epochs=3, verbose=0)
        return [w.tobytes() for w in model.get_weights()]

    first = run()
    assert run() == first


@pytest.mark.parametrize("shuffle", [True, "batch"])
def test_shuffling_uses_every_row_once(shuffle):
    model = keras.Sequential([keras.Input((1,)), layers.Dense(1, kernel_initializer="zeros")])
    model.compile(optimizers.SGD(0.0), "mae")
    rows = np.arange(11, dtype="float32")[:, None]
    assert model.fit(rows, rows, batch_size=4, epochs=2, shuffle=shuffle, verbose=0).history["loss"] == [5.0, 5.0]


def test_validation_freq_and_initial_epoch():
    options = {"validation_data": (X, BINARY), "verbose": 0, "epochs": 4}
    history = compiled().fit(X, BINARY, validation_freq=2, **options)
    assert len(history.history["loss"]) == 4
    assert len(history.history["val_loss"]) == 2
    history = compiled().fit(X, BINARY, validation_freq=[3], initial_epoch=2, **options)
    assert history.epoch == [2, 3]
    assert len(history.history["val_loss"]) == 1


def test_freezing_a_layer_between_fits():
    model = compiled()
    model.fit(X, BINARY, verbose=0)
    model.layers[0].trainable = False
    before = [w.copy() for w in model.get_weights()]
    model.fit(X, BINARY, verbose=0)
    after = model.get_weights()
    np.testing.assert_array_equal(before[0], after[0])
    assert not np.array_equal(before[2], after[2])


class _OwnStep(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1)
        self.tracker = metrics.Mean(name="own")

    def call(self, x):
        return self.dense(x)

    def train_step(self, data):
        x, y = data
        with keras.GradientTape() as tape:
            loss = keras.ops.mean(keras.ops.square(self(x, training=True)[:, 0] - y))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
        self.tracker.update_state(loss)
        return {"own": self.tracker.result(), "last": loss}


def test_own_train_step_is_traced():
    model = _OwnStep()
    model.compile("sgd")
    history = model.fit(X, BINARY, batch_size=4, epochs=3, verbose=0).history
    assert list(history) == ["last", "own"]
    assert history["own"][2] < history["own"][0]
    assert len(model._plans) == 2  # four rows, and the last two


class _Adversaries(keras.Model):
    """Two networks, each with its own optimizer; the second gradient sees the first update."""

    def __init__(self):
        super().__init__()
        self.generator = layers.Dense(6)
        self.critic = layers.Dense(1)
        self.generator.build((None, 6))
        self.critic.build((None, 6))
        self.built = True

    def compile(self, critic_optimizer, generator_optimizer):
        super().compile()
        self.critic_optimizer = critic_optimizer
        self.generator_optimizer = generator_optimizer

    def train_step(self, data):
        (x,) = data
        ops = keras.ops
        with keras.GradientTape() as tape:
            gap = ops.mean(self.critic(self.generator(x))) - ops.mean(self.critic(x))
        variables = self.critic.trainable_variables
        self.critic_optimizer.apply_gradients(zip(tape.gradient(gap, variables), variables))
        with keras.GradientTape() as tape:
            score = -ops.mean(self.critic(self.generator(x)))
        variables = self.generator.trainable_variables
        self.generator_optimizer.apply_gradients(zip(tape.gradient(score, variables), variables))
        return {"gap": gap, "score": score}


@pytest.mark.filterwarnings("ignore:Gradients do not exist")
def test_two_optimizers_in_one_traced_step():
    results = []
    for eagerly in (False, True):
        model = with_waves(_Adversaries())
        model.compile(optimizers.Adam(0.1), optimizers.SGD(0.1))
        model.run_eagerly = eagerly
        history = model.fit(X, batch_size=5, epochs=3, shuffle=False, verbose=0).history
        results.append([*history["gap"], *history["score"], *model.get_weights()[0].ravel()])
    np.testing.assert_allclose(results[0], results[1], rtol=1e-5, atol=1e-6)


def test_eager_is_the_same():
    expected = compiled().fit(X, BINARY, batch_size=4, epochs=2, shuffle=False, verbose=0).history
    model = mlp(None, 1)
    model.compile("adam", "mse", metrics=["mae"], run_eagerly=True)
    found = model.fit(X, BINARY, batch_size=4, epochs=2, shuffle=False, verbose=0).history
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-5)


def test_models_without_targets():
    class Penalty(layers.Layer):
        def call(self, x):
            self.add_loss(keras.ops.mean(keras.ops.square(x)))
            return x

    model = keras.Sequential([keras.Input((6,)), layers.Dense(3), Penalty()])
    model.compile(optimizers.SGD(0.5))
    losses_seen = model.fit(X, epochs=4, verbose=0).history["loss"]
    assert losses_seen[-1] < losses_seen[0]


def test_predict_of_few_rows_uses_the_plan_at_hand():
    model = compiled()
    first = model.predict(X[:1], verbose=0)
    assert (X[:1].shape, "f", None) in model._predictor._small
    np.testing.assert_array_equal(model.predict(X[:1], verbose=0), first)
    model.layers[-1].bias.assign(model.layers[-1].bias + 1.0)
    np.testing.assert_allclose(model.predict(X[:1].astype("float64"), verbose=0), first + 1, rtol=1e-6)
    first[0] = 7.0  # results belong to the caller
    assert model.predict(X[:1], verbose=0)[0] != 7.0

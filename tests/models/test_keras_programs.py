"""Programs as tutorials show them. Numbers were recorded from Keras 3.15 on JAX with the same weights and data."""

import numpy as np
import pytest

import pyneural as keras
from pyneural import callbacks, initializers, layers, losses, metrics, ops, optimizers

_DATA = np.random.RandomState(3)
X = _DATA.rand(64, 8).astype("float32")
POSITIVE = (X.sum(1) > 4).astype("int64")
CLASSES = _DATA.randint(0, 3, 64)
IMAGES = _DATA.rand(32, 12, 12, 1).astype("float32")
IMAGE_CLASSES = _DATA.randint(0, 3, 32)
QUIET = {"verbose": 0, "shuffle": False}


def known(model):
    """The model with the weights that the numbers were recorded with."""
    random = np.random.RandomState(0)
    weights = []
    for variable in model.weights:
        value = (random.randn(*variable.shape) * 0.3).astype("float32")
        weights.append(np.abs(value) + 0.5 if "gamma" in variable.path or "variance" in variable.path else value)
    model.set_weights(weights)
    return model


def mlp(units=3, activation="softmax"):
    return known(keras.Sequential([keras.Input((8,)), layers.Dense(5, "tanh"), layers.Dense(units, activation)]))


def close(found, expected):
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_positional_arguments():
    model = known(keras.Sequential([keras.Input((8,)), layers.Dense(10, "relu"), layers.Dense(3, "softmax", False)]))
    model.compile(optimizers.SGD(0.1, 0.9, True), "sparse_categorical_crossentropy", None, ["accuracy"])
    history = model.fit(X, CLASSES, 16, 3, 0, shuffle=False)
    close(history.history["loss"], [1.1453, 1.0910, 1.0683])
    close(history.history["accuracy"], [0.2812, 0.4531, 0.4375])
    close(model.evaluate(X, CLASSES, 16, 0), [1.0554, 0.4219])
    close(model.train_on_batch(X[:8], CLASSES[:8]), [1.0189, 0.5])


def test_convolutional_network():
    model = known(
        keras.Sequential(
            [
                keras.Input((12, 12, 1)),
                layers.Conv2D(4, (3, 3), (1, 1), "same", activation="relu"),
                layers.MaxPooling2D(2),
                layers.Conv2D(4, 3, activation="relu"),
                layers.BatchNormalization(),
                layers.MaxPooling2D((2, 2), 2, "same"),
                layers.Flatten(),
                layers.Dense(3, activation="softmax"),
            ]
        )
    )
    model.compile(optimizers.Adam(1e-2), losses.SparseCategoricalCrossentropy(), metrics=["accuracy"])
    history = model.fit(IMAGES, IMAGE_CLASSES, batch_size=8, epochs=2, **QUIET)
    np.testing.assert_allclose(history.history["loss"], [1.3651, 1.1232], atol=1e-3)
    moving_mean, moving_variance = model.layers[3].get_weights()[2:]
    np.testing.assert_allclose(moving_mean, [0.242, 0.238, 0.599, 0.503], atol=2e-3)
    np.testing.assert_allclose(moving_variance, [0.571, 0.532, 0.766, 0.658], atol=2e-3)
    extractor = keras.Model(model.inputs, [layer.output for layer in model.layers])
    assert [y.shape for y in extractor.predict(IMAGES[:2], verbose=0)][:2] == [(2, 12, 12, 4), (2, 6, 6, 4)]


def test_two_inputs_two_outputs_and_a_shared_layer():
    a, b = keras.Input((8,), name="a"), keras.Input(shape=(8,), name="b")
    shared = layers.Dense(5, activation="tanh", name="shared")
    middle = layers.Dense(6, activation="relu", name="mid")(layers.concatenate([shared(a), shared(b)]))
    o1 = layers.Dense(1, activation="sigmoid", name="o1")(middle)
    o2 = layers.Dense(3, activation="softmax", name="o2")(middle)
    model = known(keras.Model(inputs=[a, b], outputs=[o1, o2]))
    model.compile(
        "adam",
        {"o1": "binary_crossentropy", "o2": "sparse_categorical_crossentropy"},
        loss_weights={"o1": 1.0, "o2": 0.5},
        metrics={"o1": ["accuracy", "AUC"], "o2": "accuracy"},
    )
    history = model.fit({"a": X, "b": X[::-1].copy()}, {"o1": POSITIVE, "o2": CLASSES}, epochs=2, **QUIET).history
    names = ["loss", "o1_AUC", "o1_accuracy", "o1_loss", "o2_accuracy", "o2_loss"]
    assert list(history) == names
    close([history[name][-1] for name in names], [1.2391, 0.3650, 0.5469, 0.7057, 0.4062, 1.0668])
    assert keras.Model(model.inputs, model.get_layer("mid").output).predict([X[:2], X[:2]], verbose=0).shape == (2, 6)


def test_functions_as_loss_and_metric_see_targets_in_the_shape_of_the_predictions():
    def squared(y_true, y_pred):
        assert y_true.shape == y_pred.shape
        assert y_true.dtype == "float32"
        return ops.mean(ops.square(y_true - y_pred), axis=-1)

    model = known(keras.Sequential([keras.Input((8,)), layers.Dense(1)]))
    by_name = known(keras.models.clone_model(model))
    model.compile("sgd", squared, metrics=[lambda y_true, y_pred: ops.mean(y_pred)])
    by_name.compile("sgd", "mse")
    results = model.evaluate(X, POSITIVE, batch_size=64, verbose=0, return_dict=True)
    close(results["loss"], 0.3664)
    assert list(results) == ["lambda", "loss"] or set(results) == {"lambda", "loss"}
    model.fit(X, POSITIVE, **QUIET)
    by_name.fit(X, POSITIVE, **QUIET)
    np.testing.assert_array_equal(model.get_weights()[0], by_name.get_weights()[0])


def test_small_unsigned_labels_do_not_wrap_around_in_an_own_loss():
    class Distance(losses.Loss):
        def call(self, y_true, y_pred):
            return ops.abs(1 - y_true) + 0 * ops.mean(y_pred, axis=-1, keepdims=True)

    assert float(Distance()(np.array([[2], [0]], "uint8"), np.zeros((2, 1)))) == 1.0


def test_weighted_metrics_have_their_own_name():
    model = mlp()
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"], weighted_metrics=["accuracy"])
    results = model.evaluate(X, CLASSES, sample_weight=np.linspace(0, 1, 64), verbose=0, return_dict=True)
    assert set(results) == {"loss", "accuracy", "weighted_accuracy"}
    history = mlp()
    history.compile("sgd", "sparse_categorical_crossentropy", weighted_metrics=["accuracy"])
    history = history.fit(X, CLASSES, class_weight={0: 1.0, 1: 2.0, 2: 0.5}, **QUIET).history
    close([history["loss"][0], history["accuracy"][0]], [1.0986, 0.5714])


def test_own_train_step_updates_the_compiled_metrics():
    class Own(keras.Model):
        def train_step(self, data):
            x, y = data
            with keras.GradientTape() as tape:
                y_pred = self(x, training=True)
                loss = self.compute_loss(y=y, y_pred=y_pred)
            gradients = tape.gradient(loss, self.trainable_weights)
            self.optimizer.apply(gradients, self.trainable_weights)
            for metric in self.metrics:
                if metric.name == "loss":
                    metric.update_state(loss)
                else:
                    metric.update_state(y, y_pred)
            return {metric.name: metric.result() for metric in self.metrics}

    inputs = keras.Input((8,))
    own = known(Own(inputs, layers.Dense(1)(inputs)))
    plain = known(keras.Sequential([keras.Input((8,)), layers.Dense(1)]))
    for model in (own, plain):
        model.compile("sgd", "mse", metrics=["mae"])
    found = own.fit(X, POSITIVE, epochs=2, **QUIET).history
    expected = plain.fit(X, POSITIVE, epochs=2, **QUIET).history
    assert set(found) == {"loss", "mae"}
    for name, values in found.items():
        np.testing.assert_allclose(values, expected[name], rtol=1e-5)


def test_own_train_step_whose_targets_are_something_else():
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1)

        def call(self, x):
            return self.dense(x)

        def train_step(self, data):
            x, _ = data
            with keras.GradientTape() as tape:
                loss = ops.mean(ops.square(self(x)))
            self.optimizer.apply(tape.gradient(loss, self.trainable_weights), self.trainable_weights)
            return {"size": loss}

    model = Own()
    model.compile("sgd", "mse", metrics=["mae"])
    history = model.fit(X, np.zeros((64, 2, 2)), epochs=2, **QUIET).history
    assert history["size"][1] < history["size"][0]


def test_losses_of_layers_are_not_left_over_from_training():
    model = keras.Sequential(
        [keras.Input((8,)), layers.Dense(4, kernel_regularizer="l2", activity_regularizer="l2"), layers.Dense(1)]
    )
    model.compile("sgd", "mse")
    model.fit(X, POSITIVE, **QUIET)
    assert len(model.losses) == 1
    assert float(model.losses[0]) > 0
    model(X[:2])
    assert len(model.losses) == 2


def test_own_initializer_without_configuration():
    class Threes(initializers.Initializer):
        def __init__(self, value):
            self.value = value

        def __call__(self, shape, dtype=None):
            return ops.ones(shape, dtype=dtype) * self.value

    layer = layers.Dense(2, kernel_initializer=Threes(3.0))
    layer.build((None, 2))
    np.testing.assert_array_equal(layer.kernel.numpy(), np.full((2, 2), 3.0))


def test_own_schedule():
    class Hyperbola(optimizers.schedules.LearningRateSchedule):
        def __call__(self, step):
            return 0.1 / (ops.cast(step, "float32") + 1)

    model = mlp(1, None)
    model.compile(optimizers.SGD(Hyperbola()), "mse")
    close(model.fit(X, POSITIVE, epochs=3, **QUIET).history["loss"], [1.2267, 0.3987, 0.3249])
    close(float(model.optimizer.learning_rate), 0.1 / 7)


@pytest.mark.parametrize(
    ("identifier", "cls"),
    [
        ({"class_name": "SGD", "config": {"learning_rate": 0.5}}, optimizers.SGD),
        ({"class_name": "adam", "config": {"learning_rate": 0.5}}, optimizers.Adam),
    ],
)
def test_optimizer_of_a_short_configuration(identifier, cls):
    optimizer = optimizers.get(identifier)
    assert type(optimizer) is cls
    assert float(optimizer.learning_rate) == 0.5
    assert isinstance(losses.get({"class_name": "Huber", "config": {"delta": 2.0}}), losses.Huber)


def test_callbacks_of_a_course(tmp_path):
    model = mlp(1, "sigmoid")
    model.compile(optimizers.Adam(0.05), "binary_crossentropy", metrics=["accuracy"])
    best = tmp_path / "best.keras"
    history = model.fit(
        X,
        POSITIVE,
        epochs=3,
        validation_data=(X, POSITIVE),
        callbacks=[
            callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5),
            callbacks.CSVLogger(tmp_path / "log.csv"),
            callbacks.ModelCheckpoint(best, save_best_only=True),
        ],
        **QUIET,
    ).history
    close(history["val_loss"], [0.7327, 0.7023, 0.6905])
    close(history["learning_rate"], [0.025, 0.0125, 0.00625])
    header = (tmp_path / "log.csv").read_text().splitlines()[0]
    assert header == "epoch,accuracy,learning_rate,loss,val_accuracy,val_loss"
    loaded = keras.models.load_model(best)
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))
    other = mlp(1, "sigmoid")
    other.load_weights(best)
    np.testing.assert_array_equal(other.predict(X, verbose=0), model.predict(X, verbose=0))
    with pytest.warns(UserWarning, match="Early stopping conditioned on metric `val_loss` which is not available"):
        model.fit(X, POSITIVE, callbacks=[callbacks.EarlyStopping("val_loss")], verbose=0)


def test_early_stopping_puts_the_best_weights_back():
    model = mlp(1, "sigmoid")
    model.compile(optimizers.Adam(0.05), "binary_crossentropy", metrics=["accuracy"])
    stopping = callbacks.EarlyStopping("val_loss", 0, 1, restore_best_weights=True, start_from_epoch=1)
    history = model.fit(X, POSITIVE, epochs=30, validation_split=0.25, callbacks=[stopping], **QUIET)
    assert len(history.epoch) == 5
    assert stopping.stopped_epoch == 4
    close(stopping.best, 0.6028)
    np.testing.assert_allclose(model.get_weights()[1], [-0.304, -0.6, -0.479, 0.462, -0.493], atol=1e-3)


def test_transfer_learning():
    base = known(
        keras.Sequential(
            [keras.Input((8,)), layers.Dense(6, "relu"), layers.Dense(4, "relu"), layers.Dense(3, "softmax")]
        )
    )
    base.pop()
    assert base.output_shape == (None, 4)
    base.trainable = False
    assert [layer.trainable for layer in base.layers] == [False, False]
    model = keras.Sequential([base, layers.Dense(3, activation="softmax")])
    model.build((None, 8))
    known(model)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["acc"])
    before = base.get_weights()
    close(model.fit(X, CLASSES, epochs=2, **QUIET).history["loss"], [1.1190, 1.1183])
    for old, new in zip(before, base.get_weights()):
        np.testing.assert_array_equal(old, new)
    base.trainable = True
    model.compile(optimizers.Adam(1e-5), "sparse_categorical_crossentropy")
    assert len(model.trainable_weights) == 6
    close(model.fit(X, CLASSES, **QUIET).history["loss"], [1.1177])


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "int64", "float32", "float64", "bool"])
def test_labels_of_every_dtype(dtype):
    model = mlp(2)
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    close(model.fit(X, POSITIVE.astype(dtype), **QUIET).history["loss"], [0.7598])
    model = mlp(1, "sigmoid")
    model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
    close(model.fit(X.astype("float64"), POSITIVE.astype(dtype), **QUIET).history["loss"], [0.8195])


def test_saliency_map():
    model = known(keras.Sequential([keras.Input((8,)), layers.Dense(5, "tanh"), layers.Dense(3, "softmax")]))
    x = ops.convert_to_tensor(X[:2])
    with keras.GradientTape() as tape:
        tape.watch(x)
        score = ops.sum(model(x)[:, 0])
    gradient = np.asarray(tape.gradient(score, x))
    np.testing.assert_allclose(gradient[0, :6], [0.020, -0.019, -0.008, -0.037, 0.019, -0.001], atol=6e-4)


@pytest.mark.parametrize("slope", [0.0, 0.3])
def test_second_derivative_through_a_rectifier(slope):
    x = ops.convert_to_tensor([1.0, 2.0, -1.0])
    with keras.GradientTape() as outer:
        outer.watch(x)
        with keras.GradientTape() as inner:
            inner.watch(x)
            y = ops.sum(layers.ReLU(negative_slope=slope)(x * x * x) * x)
        first = inner.gradient(y, x)
    np.testing.assert_allclose(first, [4.0, 32.0, -4.0 * slope], rtol=1e-6)
    np.testing.assert_allclose(outer.gradient(first, x), [12.0, 48.0, 12.0 * slope], rtol=1e-6)


def test_training_loop_with_metrics():
    model, optimizer = mlp(), optimizers.Adam(1e-2)
    loss_of, accuracy = losses.SparseCategoricalCrossentropy(), metrics.SparseCategoricalAccuracy()
    rows = []
    for _ in range(2):
        for i in range(0, 64, 16):
            x, y = ops.convert_to_tensor(X[i : i + 16]), CLASSES[i : i + 16]
            with keras.GradientTape() as tape:
                y_pred = model(x, training=True)
                loss = loss_of(y, y_pred)
            gradients = tape.gradient(loss, model.trainable_weights)
            optimizer.apply_gradients(zip(gradients, model.trainable_weights))
            accuracy.update_state(y, y_pred)
        rows.append((float(loss), float(accuracy.result())))
        accuracy.reset_state()
    close(rows, [(1.0823, 0.3125), (1.0751, 0.3594)])
    assert int(optimizer.iterations) == 8


def test_backend_module():
    assert keras.backend.epsilon() == keras.config.epsilon()
    keras.backend.clear_session()
    assert layers.Dense(2).name == "dense"
    assert keras.backend.backend() == "pyneural"


class Scaled(keras.Model):
    """A functional model with a step of its own, as "customizing fit" shows."""

    def train_step(self, data):
        return super().train_step(data)


class Prebuilt(keras.Model):
    """A functional model that its constructor builds, with a layer beside the graph."""

    def __init__(self, units=3, **kwargs):
        inputs = keras.Input((8,))
        super().__init__(inputs, layers.Dense(units)(inputs), **kwargs)
        self.extra = layers.Dense(2, trainable=False)
        self.extra.build((None, 4))


@pytest.mark.parametrize("make", [lambda: Scaled(*_line()), lambda: Prebuilt(5)])
def test_subclass_of_a_functional_model_is_saved_whole(make, tmp_path):
    model = make()
    model.compile("sgd", "mse")
    model.fit(X, np.ones((64, model.output_shape[-1])), verbose=0)
    model.save(tmp_path / "m.keras")
    custom = {"Scaled": Scaled, "Prebuilt": Prebuilt}
    loaded = keras.models.load_model(tmp_path / "m.keras", custom_objects=custom)
    assert type(loaded) is type(model)
    assert len(loaded.weights) == len(model.weights)
    for old, new in zip(model.get_weights(), loaded.get_weights()):
        np.testing.assert_array_equal(old, new)
    model.save_weights(tmp_path / "m.weights.h5")
    other = make()
    other.load_weights(tmp_path / "m.weights.h5")
    np.testing.assert_array_equal(other.predict(X, verbose=0), model.predict(X, verbose=0))


def _line():
    inputs = keras.Input((8,))
    return inputs, layers.Dense(1)(inputs)


def test_model_from_config_makes_a_functional_model():
    model = keras.Model(*_line())
    twin = keras.Model.from_config(model.get_config())
    twin.set_weights(model.get_weights())
    np.testing.assert_array_equal(twin.predict(X, verbose=0), model.predict(X, verbose=0))
    assert type(keras.models.clone_model(Scaled(*_line()))) is Scaled


def test_two_arrays_for_one_input_are_an_error_that_tells_why():
    model = mlp()
    model.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match=r"has one input.*received a tuple of 2 tensors.*fit\(x, y\)"):
        model.predict((X, X), verbose=0)


def test_adversarial_networks_without_call():
    class Pair(keras.Model):
        def __init__(self):
            super().__init__()
            self.generator = keras.Sequential([layers.Dense(8)])
            self.critic = keras.Sequential([layers.Dense(4, "relu"), layers.Dense(1)])
            self.seeds = keras.random.SeedGenerator(1)

        def compile(self, critic_optimizer, generator_optimizer, loss_fn):
            super().compile()
            self.critic_optimizer = critic_optimizer
            self.generator_optimizer = generator_optimizer
            self.loss_fn = loss_fn
            self.critic_loss = metrics.Mean(name="critic_loss")

        @property
        def metrics(self):
            return [self.critic_loss]

        def train_step(self, real):
            real = real[0] if isinstance(real, tuple) else real
            rows = ops.shape(real)[0]
            fake = self.generator(keras.random.normal((rows, 2), seed=self.seeds))
            labels = ops.concatenate([ops.ones((rows, 1)), ops.zeros((rows, 1))], 0)
            with keras.GradientTape() as tape:
                loss = self.loss_fn(labels, self.critic(ops.concatenate([fake, real], 0)))
            weights = self.critic.trainable_weights
            self.critic_optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
            with keras.GradientTape() as tape:
                fake = self.generator(keras.random.normal((rows, 2), seed=self.seeds))
                mislead = self.loss_fn(ops.zeros((rows, 1)), self.critic(fake))
            weights = self.generator.trainable_weights
            self.generator_optimizer.apply_gradients(zip(tape.gradient(mislead, weights), weights))
            self.critic_loss.update_state(loss)
            return {"critic_loss": self.critic_loss.result()}

    model = Pair()
    model.compile(optimizers.Adam(0.01), optimizers.Adam(0.01), losses.BinaryCrossentropy(from_logits=True))
    history = model.fit(X, epochs=12, batch_size=16, verbose=0).history["critic_loss"]
    assert history[-1] < history[0]
    assert len(model.weights) >= 6


def test_variational_autoencoder():
    class Sampling(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.seed_generator = keras.random.SeedGenerator(1337)

        def call(self, inputs):
            mean, log_variance = inputs
            noise = keras.random.normal(shape=ops.shape(mean), seed=self.seed_generator)
            return mean + ops.exp(0.5 * log_variance) * noise

    inputs = keras.Input((8,))
    hidden = layers.Dense(4, "relu")(inputs)
    mean, log_variance = layers.Dense(2, name="mean")(hidden), layers.Dense(2, name="log_variance")(hidden)
    encoder = keras.Model(inputs, [mean, log_variance, Sampling()([mean, log_variance])], name="encoder")
    decoder = keras.Sequential([keras.Input((2,)), layers.Dense(8, "sigmoid")])

    class Autoencoder(keras.Model):
        def __init__(self, encoder, decoder, **kwargs):
            super().__init__(**kwargs)
            self.encoder = encoder
            self.decoder = decoder

        def train_step(self, data):
            x = data[0] if isinstance(data, tuple) else data
            with keras.GradientTape() as tape:
                mean, log_variance, z = self.encoder(x)
                divergence = -0.5 * (1 + log_variance - ops.square(mean) - ops.exp(log_variance))
                error = ops.sum(ops.square(x - self.decoder(z)), axis=1)
                loss = ops.mean(error) + ops.mean(ops.sum(divergence, axis=1))
            gradients = tape.gradient(loss, self.trainable_weights)
            self.optimizer.apply_gradients(zip(gradients, self.trainable_weights))
            return {"loss": loss}

    model = Autoencoder(encoder, decoder)
    model.compile(optimizer=optimizers.Adam(0.01))
    history = model.fit(X, epochs=10, batch_size=64, verbose=0).history["loss"]
    assert history[-1] < history[0]
    assert [y.shape for y in encoder.predict(X[:3], verbose=0)] == [(3, 2)] * 3

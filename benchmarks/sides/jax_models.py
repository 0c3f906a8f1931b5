"""Training and prediction with JAX by hand: one jitted step, its state donated."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from common import models, shuffled_batches

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-7
NORM_EPSILON, NORM_MOMENTUM = 1e-3, 0.99
ACTIVATIONS = {"relu": jax.nn.relu, "sigmoid": jax.nn.sigmoid, "tanh": jnp.tanh, "softmax": lambda z: z}  # logits stay


def initial(*shape):
    scale = 1.0 / np.sqrt(np.prod(shape[:-1]))
    return np.random.default_rng().normal(0.0, scale, shape).astype(np.float32)


def conv(x, kernel, stride, padding):
    layout = ("NHWC", "HWIO", "NHWC")
    return jax.lax.conv_general_dilated(x, kernel, (stride, stride), padding.upper(), dimension_numbers=layout)


class Network:
    """Makes the parameters of a case's layers while it first walks through them, and applies the layers to them."""

    def __init__(self, case):
        self.layers = case["layers"]
        self.parameters, self.statistics = [], []
        self._making = True
        self.apply([], [], np.zeros((1, *case["inputs"]), np.float32), True, jax.random.key(0))
        self._making = False

    def apply(self, parameters, statistics, x, training, key):
        """The last layer's output (logits where it is a softmax), and new running statistics."""
        self._given, self._old, self._new = iter(parameters), iter(statistics), []
        self._training = training
        for kind, *sizes in self.layers:
            if kind == "dropout":
                key, own = jax.random.split(key)
                x = self._dropout(x, own, *sizes) if training else x
            else:
                x = getattr(self, f"_{kind}")(x, *sizes)
        return x, self._new

    def _parameter(self, *shape, value=None):
        if self._making:
            self.parameters.append(initial(*shape) if value is None else np.full(shape, value, np.float32))
            return self.parameters[-1]
        return next(self._given)

    def _dense(self, x, units, activation):
        return ACTIVATIONS[activation](x @ self._parameter(x.shape[-1], units) + self._parameter(units, value=0.0))

    def _conv(self, x, filters, kernel, padding, activation):
        weight = self._parameter(kernel, kernel, x.shape[-1], filters)
        return ACTIVATIONS[activation](conv(x, weight, 1, padding) + self._parameter(filters, value=0.0))

    def _conv_norm(self, x, filters, kernel, stride, relu=True):
        x = conv(x, self._parameter(kernel, kernel, x.shape[-1], filters), stride, "same")
        scale, offset = self._parameter(filters, value=1.0), self._parameter(filters, value=0.0)
        if self._making:
            self.statistics.append((np.zeros(filters, np.float32), np.ones(filters, np.float32)))
        mean, variance = self.statistics[-1] if self._making else next(self._old)
        if self._training:
            of_batch = jnp.mean(x, (0, 1, 2)), jnp.var(x, (0, 1, 2))
            pairs = zip((mean, variance), of_batch)
            self._new.append(tuple(NORM_MOMENTUM * old + (1.0 - NORM_MOMENTUM) * new for old, new in pairs))
            mean, variance = of_batch
        x = (x - mean) * (scale * jax.lax.rsqrt(variance + NORM_EPSILON)) + offset
        return jax.nn.relu(x) if relu else x

    def _residual(self, x, filters, stride):
        y = self._conv_norm(self._conv_norm(x, filters, 3, stride), filters, 3, 1, relu=False)
        if stride != 1 or x.shape[-1] != filters:
            x = self._conv_norm(x, filters, 1, stride, relu=False)
        return jax.nn.relu(x + y)

    def _pool(self, x):
        window = (1, 2, 2, 1)
        return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, window, window, "VALID")

    def _average(self, x):
        return x.mean((1, 2))

    def _flatten(self, x):
        return x.reshape(len(x), -1)

    def _dropout(self, x, key, rate):
        return jnp.where(jax.random.bernoulli(key, 1.0 - rate, x.shape), x / (1.0 - rate), 0.0)


def loss_of(case, outputs, y):
    if case["loss"] == "mse":
        return jnp.mean((outputs - y) ** 2)
    if case["loss"] == "binary_crossentropy":
        return -jnp.mean(y * jnp.log(outputs) + (1.0 - y) * jnp.log(1.0 - outputs))
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(outputs), y[:, None], 1))


def update(case, parameters, gradients, moments, count):
    name, rate = case["optimizer"]
    if name == "sgd":
        return [p - rate * g for p, g in zip(parameters, gradients)], moments
    m = [BETA1 * m + (1.0 - BETA1) * g for m, g in zip(moments[0], gradients)]
    v = [BETA2 * v + (1.0 - BETA2) * g * g for v, g in zip(moments[1], gradients)]
    rate = rate * jnp.sqrt(1.0 - BETA2**count) / (1.0 - BETA1**count)
    return [p - rate * m / (jnp.sqrt(v) + EPSILON) for p, m, v in zip(parameters, m, v)], (m, v)


def train(case):
    network, (x, y) = Network(case), models.data(case)
    zeros = [np.zeros_like(p) for p in network.parameters]
    moments = (zeros, [z.copy() for z in zeros]) if case["optimizer"][0] == "adam" else ()
    totals = (np.float32(0.0), np.int32(0))
    state = (network.parameters, network.statistics, moments, np.float32(0.0), jax.random.key(1), totals)
    state = jax.tree.map(jnp.array, state)

    @partial(jax.jit, donate_argnums=0)
    def step(state, x, y):
        parameters, statistics, moments, count, key, (total, correct) = state
        key, own = jax.random.split(key)

        def forward(parameters):
            outputs, new = network.apply(parameters, statistics, x, True, own)
            return loss_of(case, outputs, y), (outputs, new)

        (loss, (outputs, statistics)), gradients = jax.value_and_grad(forward, has_aux=True)(parameters)
        parameters, moments = update(case, parameters, gradients, moments, count + 1)
        if case["accuracy"]:
            correct += jnp.sum(jnp.argmax(outputs, 1) == y)
        return parameters, statistics, moments, count + 1, key, (total + loss, correct)

    def epoch():
        nonlocal state
        for rows in shuffled_batches(case):
            state = step(state, x[rows], y[rows])
        return float(state[-1][0]), int(state[-1][1])

    return {"jit": (epoch, case["steps"])}


def predict(case):
    if case["call"] != "predict":
        return None
    network, (x, _) = Network(case), models.data(case)
    last = jax.nn.softmax if case["layers"][-1][2] == "softmax" else lambda z: z
    parameters, statistics = jax.tree.map(jnp.array, (network.parameters, network.statistics))

    @jax.jit
    def forward(parameters, statistics, x):
        return last(network.apply(parameters, statistics, x, False, jax.random.key(0))[0])

    def run():
        parts = [x[i : i + case["batch"]] for i in range(0, len(x), case["batch"])]
        outputs = [forward(parameters, statistics, part) for part in parts]
        return np.concatenate(outputs) if len(outputs) > 1 else np.asarray(outputs[0])

    return {"jit": (run, case["steps"])}


BUILDERS = {"train": train, "predict": predict}

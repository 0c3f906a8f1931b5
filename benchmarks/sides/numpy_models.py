"""Dense networks in NumPy by hand: the code of a person who knows back-propagation and NumPy well.

All parameters are views of one flat array, so that the optimizer is a few lines on long arrays.
"""

import itertools

import numpy as np
from common import models, shuffled_batches

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-7


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


FORWARD = {"sigmoid": sigmoid, "tanh": np.tanh, "relu": lambda z: np.maximum(z, 0.0), "softmax": softmax}
# The derivative of each activation, from its output.
BACKWARD = {"sigmoid": lambda a: a * (1.0 - a), "tanh": lambda a: 1.0 - a * a, "relu": lambda a: a > 0.0}


class Network:
    """Dense layers, their loss and their optimizer."""

    def __init__(self, case):
        self.loss, (self.optimizer, self.rate) = case["loss"], case["optimizer"]
        self.activations = [activation for _, _, activation in case["layers"]]
        sizes = [case["inputs"][0]] + [units for _, units, _ in case["layers"]]
        shapes = [shape for n, m in itertools.pairwise(sizes) for shape in ((n, m), (m,))]
        count = sum(int(np.prod(shape)) for shape in shapes)
        self.flat, self.gradient, self.m, self.v = (np.zeros(count, np.float32) for _ in range(4))
        self.parameters, self.gradients = self._views(self.flat, shapes), self._views(self.gradient, shapes)
        for weight, _ in self.parameters:
            limit = np.sqrt(6.0 / sum(weight.shape))
            weight[:] = np.random.default_rng().uniform(-limit, limit, weight.shape)
        self.steps = 0

    @staticmethod
    def _views(flat, shapes):
        ends = np.cumsum([np.prod(shape) for shape in shapes])
        views = [part.reshape(shape) for part, shape in zip(np.split(flat, ends[:-1]), shapes)]
        return list(zip(views[::2], views[1::2]))

    def forward(self, x):
        """The outputs of all layers, the input first."""
        outputs = [x]
        for (weight, bias), activation in zip(self.parameters, self.activations):
            z = outputs[-1] @ weight
            z += bias
            outputs.append(FORWARD[activation](z))
        return outputs

    def train(self, x, y):
        """One step. Returns the loss and the number of correct classes."""
        outputs = self.forward(x)
        prediction, correct = outputs[-1], 0
        if self.loss == "mse":
            error = prediction - y
            loss = np.mean(error * error)
            delta = error * BACKWARD[self.activations[-1]](prediction) * np.float32(2.0 / error.size)
        elif self.loss == "binary_crossentropy":
            loss = -np.mean(y * np.log(prediction) + (1.0 - y) * np.log(1.0 - prediction))
            delta = (prediction - y) * np.float32(1.0 / y.size)
        else:
            rows = np.arange(len(y))
            loss = -np.mean(np.log(prediction[rows, y]))
            correct = np.count_nonzero(prediction.argmax(axis=1) == y)
            delta = prediction * np.float32(1.0 / len(y))
            delta[rows, y] -= np.float32(1.0 / len(y))
        for i in range(len(self.parameters) - 1, -1, -1):
            weight_gradient, bias_gradient = self.gradients[i]
            np.matmul(outputs[i].T, delta, out=weight_gradient)
            np.sum(delta, axis=0, out=bias_gradient)
            if i:
                delta = (delta @ self.parameters[i][0].T) * BACKWARD[self.activations[i - 1]](outputs[i])
        self.update()
        return float(loss), correct

    def update(self):
        self.steps += 1
        if self.optimizer == "sgd":
            self.flat -= np.float32(self.rate) * self.gradient
            return
        self.m += np.float32(1.0 - BETA1) * (self.gradient - self.m)
        self.v += np.float32(1.0 - BETA2) * (self.gradient * self.gradient - self.v)
        rate = self.rate * np.sqrt(1.0 - BETA2**self.steps) / (1.0 - BETA1**self.steps)
        self.flat -= np.float32(rate) * self.m / (np.sqrt(self.v) + np.float32(EPSILON))


def dense_only(case):
    return all(layer[0] == "dense" for layer in case["layers"])


def train(case):
    if not dense_only(case):
        return None
    network, (x, y) = Network(case), models.data(case)

    def epoch():
        results = [network.train(x[rows], y[rows]) for rows in shuffled_batches(case)]
        return np.mean(results, axis=0)

    return {"by hand": (epoch, case["steps"])}


def predict(case):
    if case["call"] != "predict" or not dense_only(case):
        return None
    network, (x, _) = Network(case), models.data(case)
    return {"by hand": (lambda: network.forward(x)[-1], case["steps"])}


BUILDERS = {"train": train, "predict": predict}

"""One step of an optimizer, as Keras defines it."""

from __future__ import annotations

import numpy as np


def decayed(p, lr, weight_decay):
    return p - p * weight_decay * lr


def sgd_update(p, g, lr, weight_decay=0.0):
    return decayed(p, lr, weight_decay) - lr * g


def momentum_update(p, g, m, lr, momentum=0.9, nesterov=False, weight_decay=0.0):
    m = momentum * m - lr * g
    step = momentum * m - lr * g if nesterov else m
    return decayed(p, lr, weight_decay) + step, m


def adam_update(
    p,
    g,
    m,
    v,
    v_hat,
    lr,
    step,
    beta_1=0.9,
    beta_2=0.999,
    epsilon=1e-7,
    weight_decay=0.0,
):
    m = beta_1 * m + (1 - beta_1) * g
    v = beta_2 * v + (1 - beta_2) * g**2
    largest = v if v_hat is None else np.maximum(v_hat, v)
    alpha = lr * np.sqrt(1 - beta_2**step) / (1 - beta_1**step)
    p = decayed(p, lr, weight_decay) - alpha * m / (np.sqrt(largest) + epsilon)
    return (p, m, v) if v_hat is None else (p, m, v, largest)


def rmsprop_update(p, g, v, m, mean, lr, rho=0.9, momentum=0.0, epsilon=1e-7, weight_decay=0.0):
    v = rho * v + (1 - rho) * g**2
    results = [v]
    denominator = v + epsilon
    if mean is not None:
        mean = rho * mean + (1 - rho) * g
        denominator = v - mean**2 + epsilon
    step = lr * g / np.sqrt(denominator)
    if m is not None:
        step = momentum * m + step
        results.append(step)
    if mean is not None:
        results.append(mean)
    return decayed(p, lr, weight_decay) - step, *results


def adagrad_update(p, g, accumulator, lr, epsilon=1e-7, weight_decay=0.0):
    accumulator = accumulator + g**2
    return decayed(p, lr, weight_decay) - lr * g / np.sqrt(accumulator + epsilon), accumulator


def adadelta_update(
    p,
    g,
    accumulated_grad,
    accumulated_delta,
    lr,
    rho=0.95,
    epsilon=1e-7,
    weight_decay=0.0,
):
    accumulated_grad = rho * accumulated_grad + (1 - rho) * g**2
    delta = np.sqrt(accumulated_delta + epsilon) / np.sqrt(accumulated_grad + epsilon) * g
    accumulated_delta = rho * accumulated_delta + (1 - rho) * delta**2
    return (
        decayed(p, lr, weight_decay) - lr * delta,
        accumulated_grad,
        accumulated_delta,
    )


def squared_norm(x):
    return np.sum(x**2)


def clip_by_norm(x, squared_norm, limit):
    return x * min(1.0, limit / np.sqrt(squared_norm)) if squared_norm else x


def clip_by_global_norm(flat, limit):
    return clip_by_norm(flat, squared_norm(flat), limit)
